"""A table of scans to predict: as cohort.csv, without labels. Every bad cell is named at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.cohort.table import SIDES, ScanSide, absent_image, in_one_spelling, shortened_id, whose
from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.tables import TableRow, quoted, read_table

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
"""A file so named is a table and no scan: an Excel workbook is a zip archive, as studies are."""

_REMEDY = "Correct the table and run again"


def read_scan_table(path: Path) -> list[ScanInput]:
    """Read a table of scans to predict; of the columns of cohort.csv only ``image`` is needed.

    Rows of one image and series are one scan: a row a hip makes a scan of both.

    Raises:
        CohortError: The table is missing or empty, lacks ``image``, or has bad rows: all of them are listed.
    """
    table = read_table(path, ("image",), ("patient_id", "side", "series"), CohortError)
    if not table.rows:
        raise CohortError(path, "has no rows, expected one a scan", _REMEDY)
    folder = path.parent
    rows = [in_one_spelling(row, folder) for row in table.rows]
    wrong = [f"line {row.line}, {problem}{whose(row)}" for row in rows for problem in _problems(row, folder)]
    scans: dict[tuple[str, str], list[TableRow]] = {}
    for row in rows:
        scans.setdefault((row.cells["image"], row.cells["series"]), []).append(row)
    table.require([*wrong, *(problem for same in scans.values() for problem in _repeated(same))], _REMEDY)
    return [_scan(same, folder) for same in scans.values()]


def _problems(row: TableRow, folder: Path) -> Iterator[str]:
    """What is wrong with one row on its own."""
    yield from shortened_id(row)
    if row.cells["side"] not in ("", *SIDES):
        yield f"side: got {quoted(row.cells['side'])}, expected L, R, B or nothing"
    yield from absent_image(row.cells, folder)


def _repeated(same: list[TableRow]) -> Iterator[str]:
    """Rows of one scan that say more than one side each."""
    first = same[0]
    for row in same[1:]:
        if row.cells["patient_id"] != first.cells["patient_id"]:
            other = f"another patient (line {first.line}, {quoted(first.cells['patient_id'])})"
            yield f"line {row.line}, image: got the image of {other}, expected one's own{whose(row)}"
    sides = [row.cells["side"] for row in same]
    if len(same) > 1 and sorted(sides) != ["L", "R"]:
        lines = ", ".join(str(row.line) for row in same)
        got = ", ".join(side or "nothing" for side in sides)
        yield f"lines {lines}, side: got {got} for one image, expected one row, or a row L and a row R{whose(first)}"


def _scan(same: list[TableRow], folder: Path) -> ScanInput:
    cells = same[0].cells
    stated = "B" if len(same) == 2 else cells["side"]
    side: ScanSide | None = next((one for one in SIDES if one == stated), None)
    series = cells["series"] or None
    title = " ".join(filter(None, (cells["patient_id"], cells["series"]))) if cells["patient_id"] else ""
    return ScanInput(folder / cells["image"], series, side, title)
