"""Tables in Excel workbooks, as a person sees them there.

openpyxl itself tells that 0.125 is shown as 12.5 % and 7 as 007, and which formula has no value; through pandas these
are 0.125, 7 and an empty cell.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.tables.cells import Record, Unknown
from onfh_nnunet.core.user_files import MOST_TEXT_BYTES, refused_whole

ZIP = b"PK\x03\x04"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"

MOST_COLUMNS = 1_000
"""That are looked at: a workbook of a few kilobytes may claim 17 thousand million cells."""

_EXACT_BELOW = 1e15
"""Excel keeps fifteen digits of a number."""

_SAVE = "Save it as .xlsx or as 'CSV UTF-8'"


def workbook_records(path: Path, content: bytes, error: type[OnfhError]) -> list[list[Record]]:
    """The rows of each sheet that has some; blank rows are left out.

    Args:
        path: For messages.
        content: Of the file.
        error: What is raised.

    Raises:
        OnfhError: It is another kind of file, too large, or openpyxl is not installed.
    """
    if content.startswith(OLD_EXCEL):
        raise error(path, "is a workbook of Excel 2003 or one with a password, expected .xlsx", _SAVE)
    _require_workbook(path, content, error)
    try:
        import openpyxl
    except ImportError as absent:
        problem = "is an Excel workbook, and openpyxl, which reads it, is not installed"
        raise error(path, problem, "Run pip install openpyxl, or save the table as 'CSV UTF-8'") from absent
    with refused_whole(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and rules that it does not keep
        shown, written = (
            openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=values) for values in (True, False)
        )
        sheets = [_sheet(one, other) for one, other in zip(shown.worksheets, written.worksheets, strict=True)]
    return [records for records in sheets if records]


def _require_workbook(path: Path, content: bytes, error: type[OnfhError]) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as damaged:  # the latter of a version of zip that nobody has made
        raise error(path, "is a damaged workbook", _SAVE) from damaged
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise error(path, "is a zip archive, expected a table", _SAVE)
    if sum(part.file_size for part in parts) > MOST_TEXT_BYTES:
        raise error(path, f"unfolds to more than {MOST_TEXT_BYTES / 2**20:.0f} MiB", "Give the table alone")


def _sheet(shown: Any, written: Any) -> list[Record]:
    """The rows of a sheet, from its values and from its formulas."""
    rows = (
        sheet.iter_rows(min_row=1, max_col=min(sheet.max_column or MOST_COLUMNS, MOST_COLUMNS))
        for sheet in (shown, written)
    )
    records = []
    for line, (values, formulas) in enumerate(zip(*rows, strict=True), start=1):
        cells = [_cell(value, formula) for value, formula in zip(values, formulas, strict=True)]
        while cells and cells[-1] == "":
            cells.pop()
        if cells:
            records.append(Record(line, tuple(cells)))
    return records


def _cell(shown: Any, written: Any) -> str | Unknown:
    value = shown.value
    if value is None:
        return Unknown("got a formula without a value, expected text; paste values") if written.value else ""
    if isinstance(value, date | time | timedelta):
        return Unknown(f"got the date {value}, expected text; format the cell as text, and write it again")
    if isinstance(value, bool):
        return str(value).upper()
    return _number(value, shown.number_format or "") if isinstance(value, int | float) else str(value)


def _number(value: float, shape: str) -> str | Unknown:
    """As the sheet shows it, whole numbers without a decimal point."""
    if abs(value) >= _EXACT_BELOW:
        return Unknown(f"got the number {value:.6g}, whose digits Excel has rounded; format the cell as text")
    if '"' in shape or "\\" in shape:
        return Unknown(f"got {value:.12g} in the format {shape}; format the cell as text, and write what it shows")
    if "%" in shape:
        return f"{100 * value:.12g}%"
    text = str(int(value)) if value == int(value) else repr(value)
    return text.zfill(len(shape)) if re.fullmatch("0{2,}", shape) else text
