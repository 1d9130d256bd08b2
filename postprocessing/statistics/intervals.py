"""95 % intervals of statistics of hips that come in patients, each measured to cover (`benchmarks.intervals`).

Every function takes a `Sample` and an estimator, and returns the ends of the interval, or the reason why there is none.
Percentile intervals of a bootstrap over patients, which these replace, held kappa in 91 %, limits of agreement in 82 %
and differences of shares in 77 % of cohorts of 39 patients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.printable import plural
from postprocessing.statistics.sample import Estimator, Jackknife, Sample

Ends = tuple[float, float]
Interval = Callable[[Sample, Estimator], Ends | str]

TAIL = 0.975
FEWEST_PATIENTS = 20
"""With fewer, no interval was measured to cover."""

FEWEST_DISAGREEING = 3
"""Patients. With fewer that tell two readings apart, a difference of shares has no interval."""

UNDEFINED = "no interval: undefined without some of the patients"
AT_ITS_END = "no interval: both are equal in every hip"
NO_SPREAD = "no interval: the same without any one patient"

_NARROWEST = 1e-9
"""Half an interval, of points, ml or coefficients; a shorter one is of the rounding of sums."""

_DECIMALS = 13
"""A coefficient of 1 is 1 whatever the rounding of its sums."""


@dataclass(frozen=True)
class Scale:
    """A scale on which a statistic is nearly normal: a transformation and its inverse."""

    to: Callable[[FloatArray], FloatArray]
    back: Callable[[FloatArray], FloatArray]


PLAIN = Scale(np.asarray, np.asarray)
FISHER = Scale(np.arctanh, np.tanh)
"""Of correlations and coefficients of agreement below 1 (Fisher, Metron 1921;1:3)."""

LOGARITHM = Scale(np.log, np.exp)
"""Of positive amounts, such as a standard deviation."""

LOGIT = Scale(lambda p: np.log(p / (1 - p)), lambda x: 1 / (1 + np.exp(-x)))
"""Of what lies between 0 and 1 and is no share of hips, such as the area under a ROC curve."""


def student(sample: Sample, estimate: Estimator, scale: Scale = PLAIN) -> Ends | str:
    """The statistic plus and minus Student's quantile times its jackknife standard error, on a scale.

    Degrees of freedom are those of the patients, less where few of them make the standard error (see `_freedom`).
    """
    jackknife = _on(scale, sample.jackknife(estimate))
    if not math.isfinite(jackknife.value):
        return AT_ITS_END
    half = _half_width(jackknife)
    if not math.isfinite(half):
        return UNDEFINED
    if half <= _NARROWEST:
        return NO_SPREAD
    ends = scale.back(np.array([jackknife.value - half, jackknife.value + half]))
    return float(ends[0]), float(ends[1])


def wilson(sample: Sample, estimate: Estimator) -> Ends | str:
    """The interval of a share of hips (Wilson, J Am Stat Assoc 1927;22:209), with the hips that count.

    The hips that count are those that would give the jackknife variance if each were of another patient (Korn &
    Graubard, Survey Methodology 1998;24:193; Saha, Miller & Wang, Int J Biostat 2016;12). They are no more than there
    are, and no fewer than if both hips of a patient were alike, which is assumed of 0 and 100 %.
    """
    jackknife = sample.jackknife(estimate)
    share, variance = jackknife.value, jackknife.variance
    if math.isnan(variance):
        return UNDEFINED
    least = sample.least_effective
    counted = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else least
    return wilson_interval(share, min(max(counted, least), sample.n), student_quantile(len(jackknife.left_out) - 1))


def difference(sample: Sample, differences: FloatArray) -> Ends | str:
    """The interval of a mean of differences of two readings that are seldom other than 0, such as of shares.

    Args:
        sample: The hips.
        differences: Of each hip, (n,).
    """
    disagreeing = len(np.unique(sample.patient_of[differences != 0]))
    if disagreeing < FEWEST_DISAGREEING:
        return f"no interval: the readings differ in {plural(disagreeing, 'patient')}, {FEWEST_DISAGREEING} are needed"
    return student(sample, lambda weights: (weights @ differences) / weights.sum(1))


def mover(sample: Sample, centre: Estimator, log_variance: Estimator, factor: float) -> Ends | str:
    """The interval of a mean plus a multiple of a standard deviation, by the method of variance estimates recovery.

    The intervals of both are found alone, by `student`, and their distances from the estimates added in squares (Zou,
    Stat Methods Med Res 2013;22:630, for limits of agreement of several measurements a person).

    Args:
        sample: The hips.
        centre: The mean.
        log_variance: The logarithm of the variance.
        factor: The multiple, negative for a lower limit.
    """
    jackknives = [sample.jackknife(estimate) for estimate in (centre, log_variance)]
    if not math.isfinite(jackknives[1].value):
        return AT_ITS_END
    around_centre, around_log = map(_half_width, jackknives)
    if not math.isfinite(around_centre + around_log):
        return UNDEFINED
    spread = math.exp(jackknives[1].value / 2)
    shorter, longer = (abs(factor * spread * math.expm1(half)) for half in (-around_log / 2, around_log / 2))
    below, above = (shorter, longer) if factor > 0 else (longer, shorter)
    limit = jackknives[0].value + factor * spread
    if math.hypot(around_centre, longer) <= _NARROWEST:
        return NO_SPREAD
    return limit - math.hypot(around_centre, below), limit + math.hypot(around_centre, above)


def wilson_interval(share: float, n: float, quantile: float = 1.959963984540054) -> Ends:
    """Wilson's interval of a share of n independent hips; n need not be whole, and is above 0."""
    spared = quantile**2 / n
    middle = (share + spared / 2) / (1 + spared)
    half = math.sqrt(spared * (share * (1 - share) + spared / 4)) / (1 + spared)
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)


def _on(scale: Scale, jackknife: Jackknife) -> Jackknife:
    exact = np.round([jackknife.value, *jackknife.left_out], _DECIMALS)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, *left_out = scale.to(exact)
    return Jackknife(float(value), np.array(left_out))


def _half_width(jackknife: Jackknife) -> float:
    """Student's quantile times the standard error; not finite where a value is."""
    with np.errstate(invalid="ignore"):
        variance = jackknife.variance
        return student_quantile(_freedom(jackknife)) * math.sqrt(variance) if math.isfinite(variance) else math.nan


def _freedom(jackknife: Jackknife) -> float:
    """Degrees of freedom of a jackknife variance, at most those of its parts.

    The effective number of parts, (sum of squares)^2 / sum of squared squares, is a third of their number where
    deviations are normal, and three times it is Satterthwaite's approximation (Biometrics Bull 1946;2:110).
    """
    squares = np.square(jackknife.deviations)
    parts = len(squares)
    total = np.square(squares).sum()
    return float(min(3 * squares.sum() ** 2 / total, parts - 1)) if total > 0 else parts - 1


def student_quantile(freedom: float) -> float:
    """Of Student's distribution, for the upper end of a 95 % interval."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, TAIL))
