"""Grades of two readers: tables from any hand, matched hip by hip."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.csv_rows import require_once
from onfh_nnunet.core.errors import CohortError, ReadError
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.user_files import read_text
from postprocessing.statistics.agreement import GradePair

GRADE_COLUMNS = ("steinberg_grade", "grade")
"""The first that a table has is read."""

_REMEDY = "Give a CSV with case_id, steinberg_grade or grade (A, B, C or none), and necrosis_percent if it is known"


@dataclass(frozen=True)
class Grading:
    """What one reader says of one hip; the percentage is None where the table has none."""

    grade: Grade
    percent: float | None


def read_gradings(path: Path) -> dict[str, Grading]:
    """The hips of a table, by case id; columns other than those of `_REMEDY` are ignored.

    Raises:
        ReadError: The file is missing or no table, lacks a column, holds no grade or no percentage where one should
            be, or a hip stands twice; names the file and the line.
    """
    try:
        rows = csv.DictReader(read_text(path).splitlines(keepends=True))
        column = _grade_column(path, rows.fieldnames or ())
        require_once(path, rows.fieldnames or ())
        read = [_hip(f"{path}, line {rows.line_num}", cells, column) for cells in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(path, f"cannot be read as a table ({error})", _REMEDY) from error
    twice = [case_id for case_id, n in Counter(case_id for case_id, _ in read).items() if n > 1]
    if twice:
        raise ReadError(path, f"holds more than once: {', '.join(twice)}", "Keep one row a hip")
    return dict(read)


def pair_gradings(first: Mapping[str, Grading], second: Mapping[str, Grading]) -> list[GradePair]:
    """Both readers' gradings of each hip, in order of the case ids, whose patients they name.

    Raises:
        CohortError: A hip was graded by one reader only (all such hips are named), or a case id is not
            ``<patient>_<L|R>``, so that its patient is unknown.
    """
    alone = {"the first": first.keys() - second.keys(), "the second": second.keys() - first.keys()}
    missing = [f"only in {reader}: {', '.join(sorted(hips))}" for reader, hips in alone.items() if hips]
    if missing:
        raise CohortError("two readers", "graded other hips, " + "; ".join(missing), "Give both tables the same hips")
    return [
        GradePair(Hip.parse(case_id).patient, one.grade, other.grade, one.percent, other.percent)
        for case_id, one, other in ((case_id, first[case_id], second[case_id]) for case_id in sorted(first))
    ]


def _grade_column(path: Path, names: Sequence[str]) -> str:
    columns = [name for name in GRADE_COLUMNS if name in names]
    if "case_id" not in names or not columns:
        raise ReadError(path, f"has the columns {', '.join(names) or 'of an empty file'}", _REMEDY)
    return columns[0]


def _hip(place: str, cells: Mapping[str, str | None], column: str) -> tuple[str, Grading]:
    case_id, grade, percent = (cells.get(name) or "" for name in ("case_id", column, "necrosis_percent"))
    if grade not in tuple(Grade):
        raise ReadError(f"{place}, case {case_id!r}", f"has the grade {grade!r}, expected A, B, C or none", _REMEDY)
    return case_id, Grading(Grade(grade), _percent(place, percent) if percent else None)


def _percent(place: str, text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = float("nan")
    if not 0 <= percent <= 100:
        raise ReadError(place, f"has the percentage {text!r}, expected 0 to 100", _REMEDY)
    return percent
