"""How well grades and percentages of prediction and reference agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from onfh_nnunet.grid import FloatArray
from onfh_nnunet.steinberg import Grade
from postprocessing.bootstrap import patient_draws, percentile_interval
from postprocessing.estimators import bland_altman, icc_2_1, kappa, wilson

SEVERITY = (Grade.NONE, Grade.A, Grade.B, Grade.C)
_PAIRS = [(true, pred) for true in SEVERITY for pred in SEVERITY]

Estimator = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Reading:
    """One hip, graded twice; a percentage is None where there was no head."""

    patient: str
    grade_true: Grade
    grade_pred: Grade
    percent_true: float | None
    percent_pred: float | None


@dataclass(frozen=True)
class Statistic:
    """A row of agreement.csv: a value, its 95 % interval and the hips it rests on; None is undefined."""

    statistic: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int


@dataclass(frozen=True)
class ConfusionRow:
    """A row of confusion.csv: the hips of one true grade by predicted grade."""

    true: Grade
    A: int
    B: int
    C: int
    none: int


def agreement(readings: Sequence[Reading]) -> list[Statistic]:
    """Accuracy, kappas, ICC(2,1) and Bland-Altman figures.

    Accuracy has Wilson's interval; all others have percentile intervals of a bootstrap that draws patients. Percentages
    are compared where both exist; `n` says how many. Without readings every value is None.
    """
    table = np.array([[(row.grade_true, row.grade_pred) == pair for pair in _PAIRS] for row in readings], float)
    both = [row for row in readings if row.percent_true is not None and row.percent_pred is not None]
    percent = np.array([(row.percent_true, row.percent_pred) for row in both], float).reshape(-1, 2)
    graded = {
        "kappa_unweighted": partial(_kappa, table, 0),
        "kappa_linear": partial(_kappa, table, 1),
        "kappa_quadratic": partial(_kappa, table, 2),
    }
    measured = {
        "icc_2_1_percent": partial(icc_2_1, percent),
        "bland_altman_bias_points": partial(bland_altman, percent, 0),
        "bland_altman_lower_points": partial(bland_altman, percent, -1),
        "bland_altman_upper_points": partial(bland_altman, percent, 1),
    }
    return [_accuracy(readings), *_statistics(graded, readings), *_statistics(measured, both)]


def confusion(readings: Sequence[Reading]) -> list[ConfusionRow]:
    """Hips by true grade (rows A, B, C, none) and predicted grade (columns)."""
    pairs = [(row.grade_true, row.grade_pred) for row in readings]
    order = (Grade.A, Grade.B, Grade.C, Grade.NONE)
    return [ConfusionRow(true, *(pairs.count((true, pred)) for pred in order)) for true in order]


def _accuracy(readings: Sequence[Reading]) -> Statistic:
    n, right = len(readings), sum(row.grade_true == row.grade_pred for row in readings)
    return Statistic("accuracy", right / n, *wilson(right, n), n) if n else Statistic("accuracy", None, None, None, 0)


def _statistics(estimators: Mapping[str, Estimator], readings: Sequence[Reading]) -> list[Statistic]:
    n = len(readings)
    if n == 0:
        return [Statistic(name, None, None, None, 0) for name in estimators]
    draws = patient_draws([row.patient for row in readings])
    return [_statistic(name, estimate, draws) for name, estimate in estimators.items()]


def _statistic(name: str, estimate: Estimator, draws: FloatArray) -> Statistic:
    n = draws.shape[1]
    value = float(estimate(np.ones((1, n)))[0])
    if np.isnan(value):
        return Statistic(name, None, None, None, n)
    return Statistic(name, value, *percentile_interval(estimate(draws)), n)


def _kappa(table: FloatArray, power: int, weights: FloatArray) -> FloatArray:
    return kappa((weights @ table).reshape(-1, len(SEVERITY), len(SEVERITY)), power)
