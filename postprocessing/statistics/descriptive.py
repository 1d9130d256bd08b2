"""Descriptive statistics of one metric over hips, with an interval of the median."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.intervals import Ends, wilson
from postprocessing.statistics.measures import NO_HIPS, too_few
from postprocessing.statistics.sample import Sample


@dataclass(frozen=True)
class DescriptiveStatistics:
    """Statistics of the defined values; None where there are none.

    Args:
        n: Hips whose value is defined; all figures are of these.
        n_undefined: Hips whose value is not.
        median: With quartiles q1 and q3, linearly interpolated.
        mean: With sd, which is divided by n - 1.
        min: With max.
        ci_low: With ci_high, the 95 % interval of the median, see `median_interval`.
        n_patients: The patients of the hips whose value is defined.
        note: Why there is no interval.
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
    n_patients: int = 0
    note: str = ""


def describe(values: Sequence[float | None], patients: Sequence[str]) -> DescriptiveStatistics:
    """The descriptive statistics of a metric over hips.

    Args:
        values: Of each hip; None is undefined.
        patients: Whose hip it is.
    """
    known = [(who, value) for who, value in zip(patients, values, strict=True) if value is not None]
    n = len(known)
    if n == 0:
        return DescriptiveStatistics(0, len(values), *(None,) * 9, 0, NO_HIPS)
    found = np.array([value for _, value in known])
    q1, median, q3 = (float(value) for value in np.percentile(found, [25, 50, 75]))
    sample = Sample.of([who for who, _ in known])
    note = too_few(sample.n_patients)
    low, high = (None, None) if note else median_interval(found, sample)
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
        n_patients=sample.n_patients,
        note=note,
    )


def median_interval(values: FloatArray, sample: Sample) -> Ends:
    """The 95 % interval of the median: the values whose ranks are the ends of the interval of a share of one half.

    Woodruff, J Am Stat Assoc 1952;47:635; the interval of the share is that of the hips up to the median, with the
    hips of a patient taken together.

    Args:
        values: Of n hips, (n,), two or more.
        sample: These hips.
    """
    median = np.median(values)
    up_to = (values < median) + (values == median) / 2
    ends = wilson(sample, lambda weights: (weights @ up_to) / weights.sum(1))
    if isinstance(ends, str):
        raise ValueError(ends)
    n, ordered = len(values), np.sort(values)
    return float(ordered[max(math.floor(n * ends[0]), 1) - 1]), float(ordered[min(math.ceil(n * ends[1]), n) - 1])
