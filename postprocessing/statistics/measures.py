"""Statistics of hips: a value, its 95 % interval, and the reason where one is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.intervals import FEWEST_PATIENTS, Interval, student, wilson
from postprocessing.statistics.reliability import ratio
from postprocessing.statistics.sample import Estimator, Sample

NO_HIPS = "no hips"


@dataclass(frozen=True)
class Statistic:
    """A row of agreement.csv; None is undefined.

    Args:
        statistic: Its name.
        value: Of all hips, each counted once.
        ci_low: With ci_high, the 95 % interval.
        n: The hips it rests on.
        note: Why a value or an interval is missing, or what else a reader must know.
        n_patients: The patients of these hips.
    """

    statistic: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    note: str = ""
    n_patients: int | None = None


@dataclass(frozen=True)
class Measure:
    """What is estimated of the hips of a sample.

    Args:
        name: Of the statistic.
        estimate: Its value under many weightings of the hips.
        undefined: What it means when it has no value.
        interval: Its interval from the sample and the estimator.
        note: What a reader must know.
    """

    name: str
    estimate: Estimator
    undefined: str = NO_HIPS
    interval: Interval = student
    note: str = ""


def statistics(measures: Iterable[Measure], patients: Sequence[str]) -> list[Statistic]:
    """Each measure with its interval; every value is None without hips.

    Args:
        measures: Estimators of the same n hips.
        patients: The patient of each hip.
    """
    sample = Sample.of(patients)
    return [statistic(measure, sample) for measure in measures]


def statistic(measure: Measure, sample: Sample) -> Statistic:
    """The value of a measure, with its interval, or the reason why there is none: fewer than `FEWEST_PATIENTS`, say."""
    n, patients = sample.n, sample.n_patients
    value = float(measure.estimate(np.ones((1, n)))[0]) if n else np.nan
    if np.isnan(value):
        note = f"undefined: {measure.undefined}" if n else NO_HIPS
        return Statistic(measure.name, None, None, None, n, note, patients)
    ends = too_few(patients) or measure.interval(sample, measure.estimate)
    if isinstance(ends, str):
        return Statistic(measure.name, value, None, None, n, _joined(ends, measure.note), patients)
    return Statistic(measure.name, value, *ends, n, measure.note, patients)


def statistic_among(measure: Measure, patients: Sequence[str], missing: str) -> Statistic:
    """A measure of some hips of a cohort, such as the ill ones; `missing` says what it means that there are none."""
    if not patients:
        return Statistic(measure.name, None, None, None, 0, missing, 0)
    return statistic(measure, Sample.of(patients))


def too_few(patients: int) -> str:
    """The reason why so many patients have no interval; empty where they are enough."""
    if patients >= FEWEST_PATIENTS:
        return ""
    return f"no interval: {patients} {'patient' if patients == 1 else 'patients'}, {FEWEST_PATIENTS} are needed"


def share(name: str, part: FloatArray, whole: FloatArray, undefined: str = NO_HIPS, note: str = "") -> Measure:
    """The measure of a share, such as a sensitivity: the sum of `part` over the sum of `whole`, each (n,)."""

    def estimate(weights: FloatArray) -> FloatArray:
        return ratio(weights @ part, weights @ whole)

    return Measure(name, estimate, undefined, partial(_share_interval, whole), note)


def mean(name: str, values: FloatArray, interval: Interval = student, note: str = "") -> Measure:
    """The measure of a mean of values, (n,)."""
    return Measure(name, lambda weights: ratio(weights @ values, weights.sum(1)), NO_HIPS, interval, note)


def _share_interval(whole: FloatArray, sample: Sample, estimate: Estimator) -> tuple[float, float] | str:
    """Wilson's interval over the hips that a share is of: those that `whole` counts."""
    among = whole > 0
    kept = Sample(tuple(np.array(sample.patients)[among].tolist()))
    if reason := too_few(kept.n_patients):
        return reason

    def of_kept(weights: FloatArray) -> FloatArray:
        spread = np.zeros((len(weights), sample.n))
        spread[:, among] = weights
        return estimate(spread)

    return wilson(kept, of_kept)


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
