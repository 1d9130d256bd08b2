"""grades.csv of `onfh predict`, as it was written, or as a spreadsheet saved it again with the same rows."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from pathlib import Path

from onfh_nnunet.core.atomic_files import sha256
from onfh_nnunet.core.csv_rows import columns, literal, row_of
from onfh_nnunet.core.errors import ReadError, StaleError
from onfh_nnunet.core.tables import read_table
from onfh_nnunet.workflows.scan_records import recorded_lines
from onfh_nnunet.workflows.table_record import recorded_tables
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import Line, MissedHip, grades_text, read_grades

_SHOWN_DIGITS = 1e-6
"""How far a number may be off: spreadsheets save what they show, which is eleven characters."""


def read_written_grades(out: Path) -> list[Line]:
    """The lines of grades.csv in OUT.

    A table that a spreadsheet saved again has other separators, decimal commas and numbers of fewer digits; its rows
    are those that `predict` wrote, in the order of the table.

    Raises:
        ReadError: It cannot be read.
        StaleError: A cell, a row or a column was changed.
    """
    table = out / "grades.csv"
    known = recorded_tables(out).get(table.name, [])
    if sha256(table) in known:
        return read_grades(table)
    rows = read_table(table, columns(GradeRow)).rows
    if not known:
        return [row_of(table, GradeRow, MissedHip, row.line, row.cells) for row in rows]
    written, found = recorded_lines(out), Counter(row.cells["case_id"] for row in rows)
    if found != Counter(written.keys()):
        parts = {
            "lacks": sorted(written.keys() - found.keys()),
            "holds also": sorted(found.keys() - written.keys()),
            "holds more than once": sorted(name for name, n in found.items() if n > 1),
        }
        differs = " and ".join(f"{what} {', '.join(map(repr, names))}" for what, names in parts.items() if names)
        raise _changed(table, f"was changed since onfh predict wrote it: it {differs}")
    for row in rows:
        expected = _cells(written[row.cells["case_id"]])
        for name, cell in row.cells.items():
            if not _same(cell, expected[name]):
                place = f"line {row.line}, {row.cells['case_id']}, {name}"
                raise _changed(
                    table, f"was changed since onfh predict wrote it ({place}: {cell!r}, {expected[name]!r})"
                )
    return [written[row.cells["case_id"]] for row in rows]


def holds_written_grades(out: Path) -> bool:
    """Whether grades.csv in OUT is what `predict` wrote, be it saved again; false where it is another file.

    Raises:
        StaleError: A cell, a row or a column was changed.
    """
    if not recorded_tables(out).get("grades.csv"):
        return False
    try:
        return bool(read_written_grades(out))
    except ReadError:
        return False


def _changed(table: Path, problem: str) -> StaleError:
    return StaleError(table, problem, "Move it away, and run onfh predict again")


def _cells(line: Line) -> dict[str, str]:
    """The cells of a line as the table has them."""
    (cells,) = csv.DictReader(io.StringIO(grades_text([line]), newline=""))
    return {name: literal(cell).strip() for name, cell in cells.items()}


def _same(cell: str, expected: str) -> bool:
    if cell == expected:
        return True
    try:
        return math.isclose(float(cell.replace(",", ".")), float(expected), rel_tol=_SHOWN_DIGITS, abs_tol=1e-9)
    except ValueError:
        return False
