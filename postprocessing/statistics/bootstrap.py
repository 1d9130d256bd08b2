"""Patient-level bootstrap: a patient's hips are drawn together, because they are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from onfh_nnunet.core.grid import FloatArray

DRAWS = 2000
SEED = 711
MOST_UNDEFINED = 0.05
"""Above this share of draws without a value, those that have one no longer describe the statistic."""

Interval = tuple[float | None, float | None]


def patient_draws(patients: Sequence[str]) -> FloatArray:
    """The number of times that each hip occurs in each draw.

    Args:
        patients: The patient of each of n hips.

    Returns:
        Counts (draws, n), the same at every call; no draw when there are fewer than two patients, who cannot vary.
    """
    return _draws(tuple(patients))


@lru_cache(maxsize=1)  # one metric after the other is of the same hips
def _draws(patients: tuple[str, ...]) -> FloatArray:
    names, patient_of = np.unique(np.asarray(patients, str), return_inverse=True)
    if len(names) < 2:
        return np.empty((0, len(patients)))
    k = len(names)
    drawn = np.random.default_rng(SEED).integers(k, size=(DRAWS, k)) + k * np.arange(DRAWS)[:, None]
    times = np.bincount(drawn.ravel(), minlength=DRAWS * k).reshape(DRAWS, k)
    draws = times[:, patient_of].astype(float)
    draws.flags.writeable = False
    return draws


def percentile_interval(values: FloatArray) -> Interval:
    """The 2.5th and 97.5th percentile of a statistic over the draws; NaN is a draw where it is undefined.

    Empty when there are no draws, or when more than `MOST_UNDEFINED` of them have no value.
    """
    defined = values[np.isfinite(values)]
    if not len(defined) or len(defined) < (1 - MOST_UNDEFINED) * len(values):
        return None, None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)
