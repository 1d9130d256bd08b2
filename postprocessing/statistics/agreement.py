"""Agreement of two gradings of the same hips: reference and prediction, or two readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.grade_agreement import ILL, SEVERITY, grade_statistics
from postprocessing.statistics.intervals import FISHER, Ends, mover, student
from postprocessing.statistics.measures import Measure, Statistic, statistics
from postprocessing.statistics.reliability import Z_95, bland_altman, icc_2_1, icc_3_1, lin_ccc, variance
from postprocessing.statistics.sample import Estimator, Sample

__all__ = [
    "ConfusionRow",
    "GradePair",
    "Statistic",
    "agreement",
    "amount_agreement",
    "confusion_rows",
    "limits_of_agreement",
]

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

    Intervals take the hips of a patient together (see `intervals`). Percentages are compared where both exist; `n` says
    how many. Without readings every value is None. The scale is none, A, B, C; names that end with ``_abc`` are of the
    hips that neither reading gives none, on the scale A, B, C.
    """
    percents = [(row.percent_true, row.percent_pred) for row in readings]
    patients, pairs = [row.patient for row in readings], [(row.grade_true, row.grade_pred) for row in readings]
    return [*grade_statistics(patients, pairs), *amount_agreement("percent", "points", patients, percents)]


def amount_agreement(amount: str, error: str, patients: Sequence[str], pairs: Sequence[Pair]) -> list[Statistic]:
    """ICC(2,1), ICC(3,1), Lin's coefficient and Bland-Altman figures of an amount measured twice.

    Args:
        amount: Its name, the end of the coefficients' names.
        error: The name of a difference of two, the end of the other names.
        patients: The patient of each hip.
        pairs: Reference and prediction of each hip; a hip that lacks one is left out.
    """
    known, values = _complete(patients, pairs)
    coefficients = {"icc_2_1": icc_2_1, "icc_3_1": icc_3_1, "lin_ccc": lin_ccc}
    measures = [
        Measure(f"{name}_{amount}", partial(of, values), NO_VARIANCE, partial(student, scale=FISHER))
        for name, of in coefficients.items()
    ]
    return [*statistics(measures, known), *limits_of_agreement(error, patients, pairs)]


def limits_of_agreement(error: str, patients: Sequence[str], pairs: Sequence[Pair]) -> list[Statistic]:
    """Bias, lower and upper limit of agreement, each with its interval; arguments as in `amount_agreement`."""
    known, values = _complete(patients, pairs)
    names = {"bias": 0, "lower": -1, "upper": 1}
    return statistics(
        [
            Measure(
                f"bland_altman_{name}_{error}",
                partial(bland_altman, values, limit),
                ONE_HIP,
                partial(_limit_interval, values, limit) if limit else student,
            )
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
    return SEVERITY if Grade.NONE in given else ILL


def _limit_interval(values: FloatArray, limit: int, sample: Sample, estimate: Estimator) -> Ends | str:
    difference = values[:, 1] - values[:, 0]

    def log_variance(weights: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.log(variance(difference, weights))

    return mover(sample, partial(bland_altman, values, 0), log_variance, limit * Z_95)


def _complete(patients: Sequence[str], pairs: Sequence[Pair]) -> tuple[list[str], FloatArray]:
    known = [(who, pair) for who, pair in zip(patients, pairs, strict=True) if None not in pair]
    return [who for who, _ in known], np.array([pair for _, pair in known], float).reshape(-1, 2)
