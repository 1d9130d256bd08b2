"""cohort.csv: one row a scan. Every bad cell is named at once, so that a table is corrected in one go."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.hip import Side, is_visit
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.tables import TableRow, quoted, read_table, spelled_side

ScanSide = Literal["L", "R", "B"]
"""The patient's labelled side, or both hips of one scan."""

SIDES: tuple[ScanSide, ...] = get_args(ScanSide)
REQUIRED_COLUMNS = ("patient_id", "image", "side", "label")
_SIDE = "side"
_OPTIONAL_COLUMNS = ("grade", "series", "label_necrosis", "visit")
_PATHS = ("image", "label", "label_necrosis")
_REMEDY = "Correct the table and run again"

_SHORTENED = re.compile(r"[0-9][.,]?[0-9]*[eE]\+[0-9]+")
"""What Excel makes of a long number: other patients' become the same."""


@dataclass(frozen=True)
class SourceScan:
    """A row of cohort.csv.

    Args:
        patient_id: The hospital's name of the patient; it leaves this table only into private/key.csv.
        image: A DICOM folder, tree or zip archive, or an image file.
        side: The side that is labelled, or ``B`` for both; ``B`` also where nobody said.
        label: The label map, or the head's mask where `label_necrosis` is given; none for a scan without one.
        grade: The reader's grade, of both hips where the side is ``B``; none to take the label's.
        line: Where the row begins in the table, from 1.
        series: Description or UID of the DICOM series that is meant; none where there is one only.
        label_necrosis: The mask of the necrosis, where it has a file of its own.
        visit: Which scan of these hips it is, where they were scanned more than once; else empty.
        further: The cells of further columns, with the column of each.
        side_stated: Whether the table says the side.
    """

    patient_id: str
    image: Path
    side: ScanSide
    label: Path | None
    grade: Grade | None
    line: int
    series: str | None = None
    label_necrosis: Path | None = None
    visit: str = ""
    further: tuple[tuple[str, str], ...] = ()
    side_stated: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        """Where its image and its labels are."""
        return tuple(path for path in (self.image, self.label, self.label_necrosis) if path)

    @property
    def hips(self) -> tuple[Side, ...]:
        """The sides of the hips in this scan."""
        return (Side.RIGHT, Side.LEFT) if self.side == "B" else (Side(self.side),)


def read_cohort(path: Path, *, side_needed: bool = True) -> list[SourceScan]:
    """Read cohort.csv as text or Excel; paths in it are relative to it, and may be written with backslashes.

    Args:
        path: The table.
        side_needed: Whether each row must say its side, or the label may.

    Raises:
        CohortError: The table is missing or empty, lacks a column, or has bad rows: all of them are listed.
    """
    required = tuple(name for name in REQUIRED_COLUMNS if side_needed or name != _SIDE)
    table = read_table(path, required, (_SIDE, *_OPTIONAL_COLUMNS), CohortError)
    if not table.rows:
        raise CohortError(path, "has no rows, expected one a scan", _REMEDY)
    folder = path.parent
    rows = [in_one_spelling(row, folder) for row in table.rows]
    known = [
        f"line {row.line}, {problem}{whose(row)}" for row in rows for problem in _problems(row, folder, side_needed)
    ]
    table.require([*known, *_repeated(rows)], _REMEDY)
    return [_scan(row, folder) for row in rows]


def in_one_spelling(row: TableRow, folder: Path) -> TableRow:
    """The row in one spelling: sides and grades as they are documented, paths with slashes."""
    side, grade = row.cells["side"], row.cells.get("grade", "")
    paths = {name: _with_slashes(row.cells[name], folder) for name in _PATHS if name in row.cells}
    cells = row.cells | paths | {"side": spelled_side(side)}
    cells["grade"] = next((one.value for one in Grade if one.casefold() == grade.casefold()), grade)
    return TableRow(row.line, cells, row.further)


def _with_slashes(text: str, folder: Path) -> str:
    """A path as Windows writes it; a name that has a backslash elsewhere is left as it is."""
    return text.replace("\\", "/") if "\\" in text and _absence(folder / text) else text


def whose(row: TableRow) -> str:
    """The patient of a row, for the end of a message."""
    return f" (patient {quoted(row.cells['patient_id'])})" if row.cells["patient_id"] else ""


def _problems(row: TableRow, folder: Path, side_needed: bool) -> Iterator[str]:
    """What is wrong with one row on its own."""
    cells = row.cells
    if not cells["patient_id"]:
        yield "patient_id: got nothing, expected the patient's id"
    yield from shortened_id(row)
    if cells["side"] not in (*SIDES, *([] if side_needed else [""])):
        yield f"side: got {quoted(cells['side'])}, expected L, R or B"
    yield from bad_visit(row)
    if cells["grade"] not in ("", *Grade):
        yield f"grade: got {quoted(cells['grade'])}, expected A, B, C, none or nothing"
    yield from _absent_files(cells, folder)


def shortened_id(row: TableRow) -> Iterator[str]:
    """What is wrong with a patient's id that a spreadsheet took for a number."""
    if _SHORTENED.fullmatch(row.cells["patient_id"]):
        got = row.cells["patient_id"]
        yield f"patient_id: got {got}, a number that a spreadsheet shortened; format the column as text"


def bad_visit(row: TableRow) -> Iterator[str]:
    """What is wrong with a visit that cannot stand in a case id."""
    if not is_visit(row.cells["visit"]):
        yield f"visit: got {quoted(row.cells['visit'])}, expected letters and digits, or nothing"


def absent_image(cells: dict[str, str], folder: Path) -> Iterator[str]:
    """What is wrong with an image that is not there."""
    wrong = _absence(folder / cells["image"]) if cells["image"] else "does not exist"
    if wrong:
        yield f"image: got {quoted(cells['image'])}, which {wrong}; expected a DICOM folder or an image file"


def _absent_files(cells: dict[str, str], folder: Path) -> Iterator[str]:
    yield from absent_image(cells, folder)
    for column in ("label", "label_necrosis"):
        if cells[column] and (wrong := _absence(folder / cells[column])):
            yield f"{column}: got {quoted(cells[column])}, which {wrong}; expected a label file or nothing"
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


def _repeated(rows: list[TableRow]) -> Iterator[str]:
    """A hip that stands twice, and an image or a label of two patients, who could sit on both sides of a fold."""
    hips: dict[tuple[str, str, str], int] = {}
    images: dict[tuple[str, str], TableRow] = {}
    labels: dict[str, TableRow] = {}
    for row in rows:
        patient, side = row.cells["patient_id"], row.cells["side"]
        for one in "RL" if side == "B" else side:
            first = hips.setdefault((patient, one, row.cells["visit"].casefold()), row.line)
            if first != row.line:
                again = f"got hip {one} of this patient again, expected once a visit (line {first})"
                yield f"line {row.line}, side: {again}{whose(row)}"
        owners = {"image": images.setdefault((row.cells["image"], row.cells["series"]), row)}
        if row.cells["label"]:
            owners["label"] = labels.setdefault(row.cells["label"], row)
        for column, owner in owners.items():
            if owner.cells["patient_id"] != patient:
                other = f"another patient (line {owner.line}, {quoted(owner.cells['patient_id'])})"
                yield f"line {row.line}, {column}: got the {column} of {other}, expected one's own{whose(row)}"


def _scan(row: TableRow, folder: Path) -> SourceScan:
    cells = row.cells
    side = next((one for one in SIDES if one == cells["side"]), None)
    label, necrosis = (folder / cells[name] if cells[name] else None for name in ("label", "label_necrosis"))
    grade = Grade(cells["grade"]) if cells["grade"] else None
    image, series = folder / cells["image"], cells["series"] or None
    further = tuple(row.further.items())
    return SourceScan(
        *(cells["patient_id"], image, side or "B", label, grade, row.line, series, necrosis, cells["visit"], further),
        side_stated=side is not None,
    )
