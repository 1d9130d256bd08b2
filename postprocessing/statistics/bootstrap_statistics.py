"""Bootstrap statistics: a value, its interval from draws of patients, and the reason where one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.bootstrap import MOST_UNDEFINED, patient_draws, percentile_interval

Estimator = Callable[[FloatArray], FloatArray]
"""How often each hip counts in each draw (draws, n) -> the statistic of each draw (draws,), NaN where undefined."""

MOST_AT_ONCE = 2_000_000
"""Draws times hips that an estimator is given in one call: ten thousand hips need no more memory than a hundred."""

NO_HIPS = "no hips"
ONE_PATIENT = "no interval: one patient"
FEW_DEFINED = f"no interval: undefined in more than {MOST_UNDEFINED:.0%} of the draws"


@dataclass(frozen=True)
class Statistic:
    """A row of agreement.csv; None is undefined.

    Args:
        statistic: Its name.
        value: Of all hips, each counted once.
        ci_low: With ci_high, the 95 % interval.
        n: The hips it rests on.
        note: Why a value or an interval is missing, or what else a reader must know.
    """

    statistic: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    note: str = ""


@dataclass(frozen=True)
class Measure:
    """The function to estimate, and why it may be undefined.

    Args:
        name: Of the statistic.
        estimate: Its value under many weightings of the hips.
        undefined: What it means when it has no value.
    """

    name: str
    estimate: Estimator
    undefined: str


def statistics(measures: Iterable[Measure], patients: Sequence[str]) -> list[Statistic]:
    """Each measure with the percentile interval of a bootstrap over patients.

    Args:
        measures: Estimators of the same n hips.
        patients: The patient of each hip; without hips every value is None.
    """
    n = len(patients)
    if n == 0:
        return [Statistic(measure.name, None, None, None, 0, NO_HIPS) for measure in measures]
    draws = patient_draws(patients)
    return [_statistic(measure, draws) for measure in measures]


def _statistic(measure: Measure, draws: FloatArray) -> Statistic:
    n = draws.shape[1]
    value = float(measure.estimate(np.ones((1, n)))[0])
    if np.isnan(value):
        return Statistic(measure.name, None, None, None, n, f"undefined: {measure.undefined}")
    parts = np.array_split(draws, draws.size // MOST_AT_ONCE + 1)
    low, high = percentile_interval(np.concatenate([measure.estimate(part) for part in parts]))
    missing = "" if low is not None else FEW_DEFINED if len(draws) else ONE_PATIENT
    return Statistic(measure.name, value, low, high, n, missing)
