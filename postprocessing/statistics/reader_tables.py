"""Reader tables: grades of two readers, matched hip by hip."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.errors import CohortError, ReadError
from onfh_nnunet.core.hip import VISIT_MARK, Hip, Side, is_visit
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from onfh_nnunet.core.tables import TableRow, number, quoted, read_table, spelled_side
from postprocessing.statistics.agreement import GradePair

GRADE_COLUMNS = ("steinberg_grade", "grade")
"""The first that a table has is read."""

_PERCENT = "necrosis_percent"

_OPTIONAL = ("case_id", "patient_id", "side", "visit", *GRADE_COLUMNS, _PERCENT, "warnings")

_LEAST_MEASURED_PERCENT = 2.0
"""Up to here a grade of none is no contradiction. Ours: a lesion below the least that is graded, eight voxels, has 1 %
of a small head in voxels of 3 mm."""


@dataclass(frozen=True)
class Grading:
    """The grading of one hip by one reader.

    Args:
        grade: The grade.
        percent: The percentage; None where the table has none.
        patient: Whose hip it is; None where the case id alone says so.
    """

    grade: Grade
    percent: float | None
    patient: str | None = None


def read_gradings(path: Path) -> dict[str, Grading]:
    """The hips of a table by case id; columns other than `_OPTIONAL` are ignored.

    A hip that `predict` missed, without a grade and with the reason in ``warnings``, is not graded: it is left out.

    A hip is named by ``case_id``, or by ``patient_id`` and ``side``; and by ``visit`` where it was scanned more than
    once, as in the case id ``P001+2_R``.

    Raises:
        ReadError: The file is missing or no table, lacks a column, holds no grade or no percentage where one should
            be, a grade beside the percentage of another one, percentages that look like fractions, or a hip twice;
            names the file and the line.
    """
    named, graded = _needed(path)
    table = read_table(path, (*named, graded), _OPTIONAL, numbers=(_PERCENT,))
    rows = [row for row in table.rows if not _is_missed(row.cells, graded)]
    table.require(problem for row in rows for problem in _problems(row, named, graded))
    table.require(_fractions(rows, graded), "Write percentages of the head, and one below 1 with its sign, 0.8%")
    read = [_hip(row.cells, named, graded) for row in rows]
    twice = [case_id for case_id, n in Counter(case_id for case_id, _ in read).items() if n > 1]
    if twice:
        raise ReadError(path, f"holds more than once: {', '.join(twice)}", "Keep one row per hip")
    return dict(read)


def _needed(path: Path) -> tuple[tuple[str, ...], str]:
    """The columns that name the hips of a table, and that of their grades."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a misspelt column is warned of, or refused, when the table is read
        has = read_table(path, (), _OPTIONAL).columns
    named = ("patient_id", "side") if "case_id" not in has and "patient_id" in has else ("case_id",)
    return named, next((name for name in GRADE_COLUMNS if name in has), "grade")


def pair_gradings(first: Mapping[str, Grading], second: Mapping[str, Grading]) -> list[GradePair]:
    """Both readers' gradings of each hip, in order of the case ids, which give the patients.

    Raises:
        CohortError: A hip was graded by one reader only (all such hips are named), or a case id is not
            ``<patient>_<L|R>``, so that its patient is unknown.
    """
    alone = {"the first": first.keys() - second.keys(), "the second": second.keys() - first.keys()}
    missing = [f"only in {reader}: {', '.join(sorted(hips))}" for reader, hips in alone.items() if hips]
    if missing:
        raise CohortError(
            "two readers", "graded different hips: " + "; ".join(missing), "Give both tables the same hips"
        )
    return [
        GradePair(
            one.patient or other.patient or Hip.parse(case_id).patient,
            one.grade,
            other.grade,
            one.percent,
            other.percent,
        )
        for case_id, one, other in ((case_id, first[case_id], second[case_id]) for case_id in sorted(first))
    ]


def _is_missed(cells: dict[str, str], column: str) -> bool:
    return not cells[column] and not cells["necrosis_percent"] and bool(cells["warnings"])


def _problems(row: TableRow, named: Sequence[str], graded: str) -> Iterator[str]:
    grade, percent = _grade(row.cells[graded]), row.cells[_PERCENT]
    place = _place(row)
    if len(named) == 2 and (spelled_side(row.cells["side"]) not in tuple(Side) or not row.cells["patient_id"]):
        got = f"patient {quoted(row.cells['patient_id'])} and side {quoted(row.cells['side'])}"
        yield f"{place}: has {got}, expected a patient's id, and L or R"
    yield from _bad_visit(row, place)
    if grade is None:
        yield f"{place}: has the grade {quoted(row.cells[graded])}, expected A, B, C or none"
    elif (other := row.cells["grade"]) and _grade(other) is not grade:
        yield f"{place}: has the grades {quoted(row.cells[graded])} and {quoted(other)}, expected one"
    try:
        if percent and not 0 <= _percent(percent) <= 100:
            yield f"{place}: has the percentage {quoted(percent)}, expected 0 to 100"
        elif percent and grade is not None:
            yield from _contradiction(place, grade, percent)
    except ValueError as problem:
        yield f"{place}: has the percentage {quoted(percent)}, {problem}; expected 0 to 100"


def _bad_visit(row: TableRow, place: str) -> Iterator[str]:
    visit, own = row.cells["visit"], row.cells["case_id"].rpartition("_")[0].partition(VISIT_MARK)[2]
    if not is_visit(visit):
        yield f"{place}: has the visit {quoted(visit)}, expected letters and digits, or nothing"
    elif visit and own not in ("", visit):
        yield f"{place}: has the visit {quoted(visit)}, and its case id says {quoted(own)}"


def _place(row: TableRow) -> str:
    hip = row.cells["case_id"] or f"{row.cells['patient_id']}_{row.cells['side']}"
    return f"line {row.line}, case {quoted(hip)}"


def _contradiction(place: str, grade: Grade, text: str) -> Iterator[str]:
    """A grade beside a percentage that is another one's, even if the percentage was rounded to the digits it has."""
    percent, grades, shown = _percent(text), list(Grade), text.removesuffix("%").strip()
    half = 0.5 * 10.0 ** -len(shown.replace(",", ".").partition(".")[2])
    low, high = (steinberg_grade(min(max(0.0, one), 100.0), 100) for one in (percent - half, percent + half))
    if grades.index(low) <= grades.index(grade) <= grades.index(high):
        return
    if grade is Grade.NONE and percent <= _LEAST_MEASURED_PERCENT:
        return
    fraction = f", or {100 * percent:g} % if it is a fraction" if 0 < percent <= 1 else ""
    is_that_of = f"which is {steinberg_grade(percent, 100)}{fraction}"
    yield f"{place}: has grade {grade} beside {shown} %, {is_that_of}; correct one of them"


def _fractions(rows: Sequence[TableRow], graded: str) -> Iterator[str]:
    """Percentages that are all below 1 though the hips are graded, as fractions are."""
    ill = [row.cells[_PERCENT] for row in rows if row.cells[_PERCENT] and _grade(row.cells[graded]) is not Grade.NONE]
    if ill and all(not text.endswith("%") and _percent(text) <= 1 for text in ill):
        yield f"necrosis_percent: got at most {max(ill, key=_percent)} of hips with a grade, which look like fractions"


def _hip(cells: dict[str, str], named: Sequence[str], graded: str) -> tuple[str, Grading]:
    percent, patient = cells[_PERCENT], cells["patient_id"] if len(named) == 2 else None
    case_id = f"{patient}_{spelled_side(cells['side'])}" if patient else cells["case_id"]
    name, _, side = case_id.rpartition("_")
    if cells["visit"] and VISIT_MARK not in name:
        case_id = f"{name}{VISIT_MARK}{cells['visit']}_{side}"
    grade = _grade(cells[graded]) or Grade.NONE
    return case_id, Grading(grade, _percent(percent) if percent else None, patient)


def _grade(text: str) -> Grade | None:
    return next((one for one in Grade if one.casefold() == text.casefold()), None)


def _percent(text: str) -> float:
    return number(text.removesuffix("%").rstrip())
