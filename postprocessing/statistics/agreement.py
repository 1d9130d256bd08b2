"""Agreement of two gradings of the same hips: reference and prediction, or two readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.bootstrap_statistics import NO_HIPS, Measure, Statistic, statistics
from postprocessing.statistics.kappa import disagreement_weights, gwet_coefficient, kappa, observed_agreement
from postprocessing.statistics.reliability import bland_altman, icc_2_1, icc_3_1, lin_ccc, wilson_interval

__all__ = [
    "ConfusionRow",
    "GradePair",
    "Statistic",
    "agreement",
    "amount_agreement",
    "confusion_rows",
    "limits_of_agreement",
]

SEVERITY = (Grade.NONE, Grade.A, Grade.B, Grade.C)
POWERS = {"unweighted": 0, "linear": 1, "quadratic": 2}

WILSON_NOTE = "Wilson interval, which takes hips as independent"
ONE_GRADE = "both graded every hip alike, with one grade"
NO_VARIANCE = "fewer than two hips, or all values equal"
ONE_HIP = "one hip has no spread"

Pair = tuple[float | None, float | None]


@dataclass(frozen=True)
class GradePair:
    """Two gradings of one hip; a percentage is None where there is no head, or a reader gave none."""

    patient: str
    grade_true: Grade
    grade_pred: Grade
    percent_true: float | None
    percent_pred: float | None


@dataclass(frozen=True)
class ConfusionRow:
    """A row of confusion.csv: the hips of one true grade (first reader) by predicted grade (second reader)."""

    true: Grade
    A: int
    B: int
    C: int
    none: int


def agreement(readings: Sequence[GradePair]) -> list[Statistic]:
    """Accuracy, agreement, kappas and Gwet's coefficients of the grades; `amount_agreement` of the percentages.

    Accuracy has Wilson's interval (J Am Stat Assoc 1927;22:209); all others have percentile intervals of a bootstrap
    that draws patients. Percentages are compared where both exist; `n` says how many. Without readings every value is
    None. The scale of the weights is A, B, C, and before them none, where a hip was given none.
    """
    percents = [(row.percent_true, row.percent_pred) for row in readings]
    return [*_grades(readings), *amount_agreement("percent", "points", [row.patient for row in readings], percents)]


def amount_agreement(amount: str, error: str, patients: Sequence[str], pairs: Sequence[Pair]) -> list[Statistic]:
    """ICC(2,1), ICC(3,1), Lin's coefficient and Bland-Altman figures of an amount measured twice.

    Args:
        amount: Its name, the end of the coefficients' names.
        error: The name of a difference of two, the end of the other names.
        patients: The patient of each hip.
        pairs: Reference and prediction of each hip; a hip that lacks one is left out.
    """
    known, values = _complete(patients, pairs)
    measures = [
        Measure(f"icc_2_1_{amount}", partial(icc_2_1, values), NO_VARIANCE),
        Measure(f"icc_3_1_{amount}", partial(icc_3_1, values), NO_VARIANCE),
        Measure(f"lin_ccc_{amount}", partial(lin_ccc, values), NO_VARIANCE),
    ]
    return [*statistics(measures, known), *limits_of_agreement(error, patients, pairs)]


def limits_of_agreement(error: str, patients: Sequence[str], pairs: Sequence[Pair]) -> list[Statistic]:
    """Bias, lower and upper limit of agreement, each with its interval; arguments as in `amount_agreement`."""
    known, values = _complete(patients, pairs)
    names = {"bias": 0, "lower": -1, "upper": 1}
    return statistics(
        [
            Measure(f"bland_altman_{name}_{error}", partial(bland_altman, values, limit), ONE_HIP)
            for name, limit in names.items()
        ],
        known,
    )


def confusion_rows(readings: Sequence[GradePair]) -> list[ConfusionRow]:
    """Hips by true grade (rows A, B, C, none) and predicted grade (columns)."""
    pairs = [(row.grade_true, row.grade_pred) for row in readings]
    order = (Grade.A, Grade.B, Grade.C, Grade.NONE)
    return [ConfusionRow(true, *(pairs.count((true, pred)) for pred in order)) for true in order]


def grade_scale(readings: Sequence[GradePair]) -> tuple[Grade, ...]:
    """The grades in order of severity; `none` is included where it occurs."""
    given = {grade for row in readings for grade in (row.grade_true, row.grade_pred)}
    return SEVERITY if Grade.NONE in given else SEVERITY[1:]


def _grades(readings: Sequence[GradePair]) -> list[Statistic]:
    grades = grade_scale(readings)
    pairs = [(true, pred) for true in grades for pred in grades]
    cells = np.array([[(row.grade_true, row.grade_pred) == pair for pair in pairs] for row in readings], float)
    names = {"agreement": observed_agreement, "kappa": kappa, "gwet": gwet_coefficient}
    measures = [
        Measure(
            _name(name, weighting),
            partial(_of_table, coefficient, cells, disagreement_weights(len(grades), power)),
            ONE_GRADE,
        )
        for name, coefficient in names.items()
        for weighting, power in POWERS.items()
    ]
    return [_accuracy(readings), *statistics(measures, [row.patient for row in readings])]


def _name(coefficient: str, weighting: str) -> str:
    if coefficient != "gwet":
        return f"{coefficient}_{weighting}"
    return "gwet_ac1" if weighting == "unweighted" else f"gwet_ac2_{weighting}"


def _of_table(
    coefficient: Callable[[FloatArray, FloatArray], FloatArray],
    cells: FloatArray,
    weights: FloatArray,
    draws: FloatArray,
) -> FloatArray:
    return coefficient((draws @ cells).reshape(-1, *weights.shape), weights)


def _accuracy(readings: Sequence[GradePair]) -> Statistic:
    n, right = len(readings), sum(row.grade_true == row.grade_pred for row in readings)
    if n == 0:
        return Statistic("accuracy", None, None, None, 0, NO_HIPS)
    return Statistic("accuracy", right / n, *wilson_interval(right, n), n, WILSON_NOTE)


def _complete(patients: Sequence[str], pairs: Sequence[Pair]) -> tuple[list[str], FloatArray]:
    known = [(who, pair) for who, pair in zip(patients, pairs, strict=True) if None not in pair]
    return [who for who, _ in known], np.array([pair for _, pair in known], float).reshape(-1, 2)
