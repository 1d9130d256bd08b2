"""Descriptive statistics of one metric over hips, with an interval of the median."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.bootstrap import patient_draws, percentile_interval


@dataclass(frozen=True)
class DescriptiveStatistics:
    """Statistics of the defined values; None where there are none.

    Args:
        n: Hips whose value is defined; all figures are of these.
        n_undefined: Hips whose value is not.
        median: With quartiles q1 and q3, linearly interpolated.
        mean: With sd, which is divided by n - 1.
        min: With max.
        ci_low: With ci_high, the 95 % interval of the median by a bootstrap that draws patients.
    """

    n: int
    n_undefined: int
    median: float | None
    q1: float | None
    q3: float | None
    mean: float | None
    sd: float | None
    min: float | None
    max: float | None
    ci_low: float | None
    ci_high: float | None


def describe(values: Sequence[float | None], patients: Sequence[str]) -> DescriptiveStatistics:
    """The descriptive statistics of a metric over hips.

    Args:
        values: Of each hip; None is undefined.
        patients: Whose hip it is.
    """
    known = [(who, value) for who, value in zip(patients, values, strict=True) if value is not None]
    n = len(known)
    if n == 0:
        return DescriptiveStatistics(0, len(values), *[None] * 9)
    found = np.array([value for _, value in known])
    q1, median, q3 = (float(value) for value in np.percentile(found, [25, 50, 75]))
    low, high = percentile_interval(weighted_medians(found, patient_draws([who for who, _ in known])))
    return DescriptiveStatistics(
        n=n,
        n_undefined=len(values) - n,
        median=median,
        q1=q1,
        q3=q3,
        mean=float(found.mean()),
        sd=float(found.std(ddof=1)) if n > 1 else None,
        min=float(found.min()),
        max=float(found.max()),
        ci_low=low,
        ci_high=high,
    )


def weighted_medians(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The median of n values under each of (draws, n) integer weights; NaN for a draw without values."""
    order = np.argsort(values)
    reached = weights[:, order].cumsum(axis=1)
    n = weights.sum(axis=1, keepdims=True)
    lower, upper = (values[order][(reached > place).argmax(axis=1)] for place in (np.ceil(n / 2) - 1, np.floor(n / 2)))
    return np.where(n[:, 0] > 0, (lower + upper) / 2, np.nan)
