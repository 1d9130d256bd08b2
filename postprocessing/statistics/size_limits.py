"""Limits of agreement that follow the size of what is measured (Bland & Altman, Stat Methods Med Res 1999;8:135).

Differences d of two measurements are regressed on their mean a: the bias is b0 + b1 a. The absolute residuals are
regressed on a as well, and the absolute value of a normal deviate is sqrt(2 / pi) of its SD in the mean: the SD is
sqrt(pi / 2) (c0 + c1 a), and the limits lie 1.96 SD from the bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT
from postprocessing.statistics.intervals import NO_SPREAD, Ends, mover, student
from postprocessing.statistics.measures import Measure, Statistic, statistics
from postprocessing.statistics.regression import Lines, fit_lines
from postprocessing.statistics.reliability import Z_95
from postprocessing.statistics.sample import Estimator, Sample

Pair = tuple[float | None, float | None]

ONE_SIZE = "fewer than two hips, or all of one size"
NO_SPREAD_THERE = "the fitted SD is not above 0 there"

_ROUNDING = 1e-12
"""Of a residual, as a share of the largest value: a smaller one is 0."""

_SD_OF_ABSOLUTE = math.sqrt(math.pi / 2)


class SizeLimits(NamedTuple):
    """Bias and SD of the differences as lines over the size, one of each a weighting."""

    bias: Lines
    sd: Lines

    def at(self, size: float, limit: int) -> FloatArray:
        """Bias (0), lower (-1) or upper limit (1) at a size, (draws,); limits are NaN where the SD is below 0."""
        bias, sd = self.bias.at(size), self.sd.at(size)
        return bias if limit == 0 else bias + limit * Z_95 * np.where(sd >= 0, sd, np.nan)


def size_limits(values: FloatArray, weights: FloatArray) -> SizeLimits:
    """The lines of the limits.

    Args:
        values: Both measurements of n hips, (n, 2); differences are second minus first.
        weights: How often each hip counts, (draws, n).
    """
    size, difference = values.mean(1), values[:, 1] - values[:, 0]
    bias = fit_lines(size, difference, weights)
    residual = np.abs(difference - bias.along(size))
    residual[residual < _ROUNDING * np.abs(values).max(initial=0)] = 0
    sd = fit_lines(size, residual, weights)
    return SizeLimits(bias, Lines(_SD_OF_ABSOLUTE * sd.intercept, _SD_OF_ABSOLUTE * sd.slope))


def limits_by_size(patients: Sequence[str], pairs: Sequence[Pair]) -> list[Statistic]:
    """Both lines, and bias and limits at 15 and 30 %, with intervals by patient: jackknife, and MOVER for limits.

    ``bland_altman_intercept_points`` and ``bland_altman_slope`` are the line of the bias, and the same names with
    ``sd_`` that of the SD: points a point of the mean of both percentages. ``bland_altman_lower_at_15_points`` and the
    like have no value where no hip, or all of them, are larger.

    Args:
        patients: The patient of each hip.
        pairs: Both percentages of each hip; a hip that lacks one is left out.
    """
    known = [(who, pair) for who, pair in zip(patients, pairs, strict=True) if None not in pair]
    values = np.array([pair for _, pair in known], float).reshape(-1, 2)
    measures = [
        Measure(f"bland_altman_{name}", _of(values, part), ONE_SIZE)
        for name, part in (
            ("intercept_points", lambda limits: limits.bias.intercept),
            ("slope", lambda limits: limits.bias.slope),
            ("sd_intercept_points", lambda limits: limits.sd.intercept),
            ("sd_slope", lambda limits: limits.sd.slope),
        )
    ]
    for cut in (MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT):
        measures += [_at(values, cut, name, limit) for name, limit in (("bias", 0), ("lower", -1), ("upper", 1))]
    return statistics(measures, [who for who, _ in known])


def _at(values: FloatArray, cut: float, name: str, limit: int) -> Measure:
    size = values.mean(1)
    beyond = "" if len(size) and size.min() <= cut <= size.max() else f"no hips on both sides of {cut:g} %"

    def estimate(weights: FloatArray) -> FloatArray:
        found = size_limits(values, weights).at(cut, limit)
        return np.full_like(found, np.nan) if beyond else found

    interval = partial(_limit_interval, values, cut, limit) if limit else student
    return Measure(f"bland_altman_{name}_at_{cut:g}_points", estimate, beyond or NO_SPREAD_THERE, interval)


def _limit_interval(values: FloatArray, cut: float, limit: int, sample: Sample, estimate: Estimator) -> Ends | str:
    """MOVER, of the bias and the SD at the cut."""
    if not size_limits(values, np.ones((1, sample.n))).sd.at(cut)[0] > 0:
        return NO_SPREAD

    def log_variance(weights: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * np.log(size_limits(values, weights).sd.at(cut))

    return mover(sample, lambda weights: size_limits(values, weights).at(cut, 0), log_variance, limit * Z_95)


def _of(values: FloatArray, part: Callable[[SizeLimits], FloatArray]) -> Estimator:
    return lambda weights: part(size_limits(values, weights))
