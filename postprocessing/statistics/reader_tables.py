"""Reader tables: grades of two readers, matched hip by hip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.errors import CohortError, ReadError
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.tables import TableRow, number, quoted, read_table
from postprocessing.statistics.agreement import GradePair

GRADE_COLUMNS = ("steinberg_grade", "grade")
"""The first that a table has is read."""

_REMEDY = "Give a CSV with case_id, steinberg_grade or grade (A, B, C or none), and necrosis_percent if it is known"


@dataclass(frozen=True)
class Grading:
    """The grading of one hip by one reader; the percentage is None where the table has none."""

    grade: Grade
    percent: float | None


def read_gradings(path: Path) -> dict[str, Grading]:
    """The hips of a table by case id; columns other than those of `_REMEDY` and ``warnings`` are ignored.

    A hip that `predict` missed, without a grade and with the reason in ``warnings``, is not graded: it is left out.

    Raises:
        ReadError: The file is missing or no table, lacks a column, holds no grade or no percentage where one should
            be, or a hip stands twice; names the file and the line.
    """
    table = read_table(path, ("case_id",), (*GRADE_COLUMNS, "necrosis_percent", "warnings"))
    if not set(GRADE_COLUMNS) & set(table.columns):
        read_table(path, ("case_id", "grade"))  # refuses it, and says which column looks like one
    column = next(name for name in GRADE_COLUMNS if name in table.columns)
    rows = [row for row in table.rows if not _is_missed(row.cells, column)]
    table.require((problem for row in rows for problem in _problems(row, column)), _REMEDY)
    read = [_hip(row.cells, column) for row in rows]
    twice = [case_id for case_id, n in Counter(case_id for case_id, _ in read).items() if n > 1]
    if twice:
        raise ReadError(path, f"holds more than once: {', '.join(twice)}", "Keep one row per hip")
    return dict(read)


def pair_gradings(first: Mapping[str, Grading], second: Mapping[str, Grading]) -> list[GradePair]:
    """Both readers' gradings of each hip, in order of the case ids, which give the patients.

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


def _is_missed(cells: dict[str, str], column: str) -> bool:
    return not cells[column] and not cells["necrosis_percent"] and bool(cells["warnings"])


def _problems(row: TableRow, column: str) -> Iterator[str]:
    grade, percent = row.cells[column], row.cells["necrosis_percent"]
    place = f"line {row.line}, case {quoted(row.cells['case_id'])}"
    if _grade(grade) is None:
        yield f"{place}: has the grade {quoted(grade)}, expected A, B, C or none"
    try:
        if percent and not 0 <= _percent(percent) <= 100:
            yield f"{place}: has the percentage {quoted(percent)}, expected 0 to 100"
    except ValueError as problem:
        yield f"{place}: has the percentage {quoted(percent)}, {problem}; expected 0 to 100"


def _hip(cells: dict[str, str], column: str) -> tuple[str, Grading]:
    percent = cells["necrosis_percent"]
    grade = _grade(cells[column]) or Grade.NONE
    return cells["case_id"], Grading(grade, _percent(percent) if percent else None)


def _grade(text: str) -> Grade | None:
    return next((one for one in Grade if one.casefold() == text.casefold()), None)


def _percent(text: str) -> float:
    return number(text.removesuffix("%").rstrip())
