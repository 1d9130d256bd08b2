"""grades.csv of a prediction: a line for each hip, with its numbers, or without any where its head was missed.

No measure and no grade can be read off a missed hip: it has no such attributes, and its cells are empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.csv_rows import read_rows, rows_text
from onfh_nnunet.core.hip import Side
from postprocessing.measurement.grade_rows import GradeRow


@dataclass(frozen=True)
class MissedHip:
    """A hip that a scan shows, or that was asked for, and that has no mask; all its other columns are empty.

    Args:
        case_id: The hip.
        source: The scan.
        side: The side that is missed.
        warnings: Why there is no mask.
    """

    case_id: str
    source: str
    side: Side
    warnings: str


Line = GradeRow | MissedHip
"""A line of grades.csv."""


def graded_in(lines: Iterable[Line]) -> list[GradeRow]:
    """The hips that have a grade."""
    return [line for line in lines if isinstance(line, GradeRow)]


def missed_in(lines: Iterable[Line]) -> list[MissedHip]:
    """The hips that were missed."""
    return [line for line in lines if isinstance(line, MissedHip)]


def right_first(lines: Iterable[Line]) -> list[Line]:
    """The lines of one scan in their order in grades.csv."""
    return sorted(lines, key=lambda line: line.side != Side.RIGHT)


def grades_text(lines: Iterable[Line]) -> str:
    """The content of grades.csv."""
    return rows_text(GradeRow, lines)


def read_grades(path: Path) -> list[Line]:
    """The lines of grades.csv.

    Raises:
        ReadError: The file is missing or no such table.
    """
    return read_rows(path, GradeRow, MissedHip)
