"""cohort.csv: one row a scan. Every bad cell is named at once, so that a table is corrected in one go."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from onfh_nnunet.core.csv_rows import literal
from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.user_files import read_text

ScanSide = Literal["L", "R", "B"]
"""The patient's labelled side, or both hips of one scan."""

SIDES: tuple[str, ...] = get_args(ScanSide)
REQUIRED_COLUMNS = ("patient_id", "image", "side", "label")
_COLUMNS = (*REQUIRED_COLUMNS, "grade", "series", "label_necrosis")
_REMEDY = "Correct the table and run again"


@dataclass(frozen=True)
class SourceScan:
    """A row of cohort.csv.

    Args:
        patient_id: The hospital's name of the patient; it leaves this table only into private/key.csv.
        image: A DICOM folder, tree or zip archive, or an image file.
        side: The side that is labelled, or ``B`` for both.
        label: The label map, or the head's mask where `label_necrosis` is given; none for a scan without one.
        grade: The reader's grade, of both hips where the side is ``B``; none to take the label's.
        line: Where the row ends in the table, from 1.
        series: Description or UID of the DICOM series that is meant; none where there is one only.
        label_necrosis: The mask of the necrosis, where it has a file of its own.
    """

    patient_id: str
    image: Path
    side: ScanSide
    label: Path | None
    grade: Grade | None
    line: int
    series: str | None = None
    label_necrosis: Path | None = None

    @property
    def hips(self) -> tuple[Side, ...]:
        """The sides of the hips in this scan."""
        return (Side.RIGHT, Side.LEFT) if self.side == "B" else (Side(self.side),)


@dataclass(frozen=True)
class _Row:
    line: int
    cells: dict[str, str]
    n_cells: int


def read_cohort(path: Path) -> list[SourceScan]:
    """Read cohort.csv, separated by commas, semicolons or tabs; paths in it are relative to it.

    The apostrophe before what a spreadsheet would take for a formula, as `onfh cohort` writes it, is no part of a cell.

    Raises:
        CohortError: The table is missing or empty, lacks a column, or has bad rows: all of them are listed.
    """
    names, rows = _table(path)
    folder = path.parent
    bad = [f"line {row.line}, {problem}" for row in rows for problem in _problems(row, folder, len(names))]
    bad += _repeated(rows)
    if bad:
        raise CohortError(path, "has cells that cannot be used:\n  " + "\n  ".join(bad) + "\n", _REMEDY)
    return [_scan(row, folder) for row in rows]


def _table(path: Path) -> tuple[list[str], list[_Row]]:
    try:
        text = io.StringIO(read_text(path), newline=None).read()
    except OSError as error:
        raise CohortError(path, f"cannot be read ({error.strerror})", "Check the path of the table") from error
    except UnicodeDecodeError as error:
        raise CohortError(path, "is not text in UTF-8", "Save it as 'CSV UTF-8'") from error
    header = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=header.count))
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_header(path, names)
        rows = [_row(reader.line_num, names, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise CohortError(path, f"is no table at line {reader.line_num} ({error})", "Look for an open quote") from error
    if not rows:
        raise CohortError(path, "has no rows, expected one a scan", _REMEDY)
    return names, rows


def _check_header(path: Path, names: list[str]) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if missing:
        raise CohortError(path, f"has the columns {names}, expected also {missing}", _REMEDY)
    twice = [name for name in _COLUMNS if names.count(name) > 1]
    if twice:
        raise CohortError(path, f"has the column {twice[0]} twice", _REMEDY)


def _row(line: int, names: list[str], cells: list[str]) -> _Row:
    filled = dict.fromkeys(_COLUMNS, "") | {
        name: literal(cell.strip()) for name, cell in zip(names, cells, strict=False)
    }
    return _Row(line, filled, len(cells))


def _problems(row: _Row, folder: Path, n_columns: int) -> Iterator[str]:
    """What is wrong with one row on its own."""
    cells = row.cells
    if row.n_cells > n_columns:
        yield f"cells: got {row.n_cells}, expected {n_columns}; quote a cell that holds the separator"
    if not cells["patient_id"]:
        yield "patient_id: got nothing, expected the patient's id"
    if cells["side"] not in SIDES:
        yield f"side: got {cells['side']!r}, expected L, R or B"
    if cells["grade"] not in ("", *Grade):
        yield f"grade: got {cells['grade']!r}, expected A, B, C, none or nothing"
    yield from _absent_files(cells, folder)


def _absent_files(cells: dict[str, str], folder: Path) -> Iterator[str]:
    wrong = _absence(folder / cells["image"]) if cells["image"] else "does not exist"
    if wrong:
        yield f"image: got {cells['image']!r}, which {wrong}; expected a DICOM folder or an image file"
    for column in ("label", "label_necrosis"):
        if cells[column] and (wrong := _absence(folder / cells[column])):
            yield f"{column}: got {cells[column]!r}, which {wrong}; expected a label file or nothing"
    if cells["label_necrosis"] and not cells["label"]:
        yield "label: got nothing beside a mask of the necrosis, expected the head's mask"


def _absence(path: Path) -> str:
    """Why there is neither a file nor a folder at a path; empty where there is one."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, ValueError):  # a name with a null byte is none
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "is a device, a pipe or a socket"


def _repeated(rows: list[_Row]) -> Iterator[str]:
    """A hip that stands twice, and an image of two patients, who could then sit on both sides of a fold."""
    hips: dict[tuple[str, str], int] = {}
    images: dict[tuple[str, str], _Row] = {}
    for row in rows:
        patient, side = row.cells["patient_id"], row.cells["side"]
        for one in "RL" if side == "B" else side:
            first = hips.setdefault((patient, one), row.line)
            if first != row.line:
                yield f"line {row.line}, side: got hip {one} of this patient again, expected once (line {first})"
        owner = images.setdefault((row.cells["image"], row.cells["series"]), row)
        if owner.cells["patient_id"] != patient:
            yield f"line {row.line}, image: got the image of another patient (line {owner.line}), expected one's own"


def _scan(row: _Row, folder: Path) -> SourceScan:
    cells = row.cells
    side: ScanSide = "B" if cells["side"] == "B" else "L" if cells["side"] == "L" else "R"
    label, necrosis = (folder / cells[name] if cells[name] else None for name in ("label", "label_necrosis"))
    grade = Grade(cells["grade"]) if cells["grade"] else None
    image, series = folder / cells["image"], cells["series"] or None
    return SourceScan(cells["patient_id"], image, side, label, grade, row.line, series, necrosis)
