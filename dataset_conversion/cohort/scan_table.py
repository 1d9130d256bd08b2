"""A table of scans to predict: as cohort.csv, without labels. Every bad cell is named at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.cohort.scan_name import ScanName
from dataset_conversion.cohort.table import (
    SIDES,
    ScanSide,
    absent_image,
    bad_visit,
    in_one_spelling,
    shortened_id,
    whose,
)
from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.tables import TableRow, UserTable, quoted, read_table

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
"""A file so named is a table and no scan: an Excel workbook is a zip archive, as studies are."""

_REMEDY = "Correct the table and run again"


def read_scan_table(path: Path) -> list[ScanInput]:
    """Read a table of scans to predict; of the columns of cohort.csv only ``image`` is needed.

    Rows of one image and series are one scan: a row a hip makes a scan of both. Scans of one ``patient_id`` differ in
    ``visit``, or are of the two sides.

    Raises:
        CohortError: The table is missing or empty, lacks ``image``, or has bad rows: all of them are listed.
    """
    table = _table(path)
    if not table.rows:
        raise CohortError(path, "has no rows, expected one a scan", _REMEDY)
    folder = path.parent
    rows = [in_one_spelling(row, folder) for row in table.rows]
    wrong = [f"line {row.line}, {problem}{whose(row)}" for row in rows for problem in _problems(row, folder)]
    scans: dict[tuple[str, str], list[TableRow]] = {}
    for row in rows:
        scans.setdefault((row.cells["image"], row.cells["series"]), []).append(row)
    table.require([*wrong, *(problem for same in scans.values() for problem in _repeated(same))], _REMEDY)
    read = [_scan(same, folder) for same in scans.values()]
    table.require(_of_one_name([(same[0], scan) for same, scan in zip(scans.values(), read, strict=True)]), _REMEDY)
    return read


def _table(path: Path) -> UserTable:
    try:
        return read_table(path, ("image",), ("patient_id", "side", "series", "visit"), CohortError)
    except CohortError as error:
        if path.suffix.lower() != ".txt" or not path.is_file():
            raise
        problem = f"is no scan (DICOM, NIfTI, NRRD or MetaImage), and as a table of scans it {error.problem}"
        raise CohortError(path, problem, "Give a scan, or a table with the column image", error.details) from error


def _problems(row: TableRow, folder: Path) -> Iterator[str]:
    """What is wrong with one row on its own."""
    yield from shortened_id(row)
    yield from bad_visit(row)
    if row.cells["visit"] and not row.cells["patient_id"]:
        yield f"patient_id: got nothing beside visit {quoted(row.cells['visit'])}, expected the patient's id"
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
    if len({row.cells["visit"] for row in same}) > 1:
        lines = ", ".join(str(row.line) for row in same)
        yield f"lines {lines}, visit: got several for one image, expected one{whose(first)}"
    sides = [row.cells["side"] for row in same]
    if len(same) > 1 and sorted(sides) != ["L", "R"]:
        lines = ", ".join(str(row.line) for row in same)
        got = ", ".join(side or "nothing" for side in sides)
        yield f"lines {lines}, side: got {got} for one image, expected one row, or a row L and a row R{whose(first)}"


def _of_one_name(scans: list[tuple[TableRow, ScanInput]]) -> Iterator[str]:
    """Scans of a patient that results could not tell apart."""
    for number, (row, scan) in enumerate(scans):
        name = ScanName(scan.patient, scan.visit, scan.one_side)
        for earlier, other in scans[:number] if scan.patient else ():
            if name.overlaps(ScanName(other.patient, other.visit, other.one_side)):
                got = quoted(scan.visit) if scan.visit else "nothing"
                expected = "a visit of its own, such as 2 or T2, or sides R and L"
                again = f"another scan of this patient (line {earlier.line})"
                yield f"line {row.line}, visit: got {got} for {again}, expected {expected}{whose(row)}"
                break


def _scan(same: list[TableRow], folder: Path) -> ScanInput:
    cells = same[0].cells
    stated = "B" if len(same) == 2 else cells["side"]
    side: ScanSide | None = next((one for one in SIDES if one == stated), None)
    patient = cells["patient_id"]
    return ScanInput(
        *(folder / cells["image"], cells["series"] or None, side, patient), patient=patient, visit=cells["visit"]
    )
