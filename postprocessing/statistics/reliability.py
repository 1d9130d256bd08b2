"""Reliability of paired measurements, for many weightings of the same targets at once.

Weights (draws, n) say how often each target counts in each draw, such as those of a jackknife, which no library takes;
the plain figure is the draw in which each counts once, and equals the library's. NaN is undefined.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onfh_nnunet.core.grid import FloatArray

Z_95 = 1.959963984540054


class MeanSquares(NamedTuple):
    """Two-way analysis of variance of n targets by k raters; each field has shape (draws,)."""

    targets: FloatArray
    raters: FloatArray
    error: FloatArray


def mean_squares(ratings: FloatArray, weights: FloatArray) -> MeanSquares:
    """Mean squares between targets, between raters, and residual.

    Args:
        ratings: (n, k), targets by raters.
        weights: (draws, n), how often each target counts.
    """
    k, n = ratings.shape[1], weights.sum(1)
    by_target = ratings.mean(1)
    by_rater = ratio(weights @ ratings, n[:, None])  # (draws, k)
    grand = by_rater.mean(1)
    targets = k * (weights * (by_target - grand[:, None]) ** 2).sum(1)
    raters = n * ((by_rater - grand[:, None]) ** 2).sum(1)
    total = (weights[..., None] * (ratings - grand[:, None, None]) ** 2).sum((1, 2))
    targets, raters, error = (without_rounding(s, ratings) for s in (targets, raters, total - targets - raters))
    return MeanSquares(ratio(targets, n - 1), raters / (k - 1), ratio(error, (n - 1) * (k - 1)))


def icc_2_1(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """ICC(2,1): two-way random effects, absolute agreement, single measure (Shrout & Fleiss, Psychol Bull 1979;86:420).

    Args:
        ratings: (n, k), targets by raters.
        weights: (draws, n), how often each target counts.

    Returns:
        (draws,); NaN for fewer than two targets or without any variance.
    """
    k, n, ms = ratings.shape[1], weights.sum(1), mean_squares(ratings, weights)
    noise = (k - 1) * ms.error + ratio(k * (ms.raters - ms.error), n)
    return ratio(ms.targets - ms.error, ms.targets + noise)


def icc_3_1(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """ICC(3,1): two-way mixed effects, consistency, single measure: a constant shift is ignored; else as `icc_2_1`."""
    k, ms = ratings.shape[1], mean_squares(ratings, weights)
    return ratio(ms.targets - ms.error, ms.targets + (k - 1) * ms.error)


def lin_ccc(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """Lin's concordance correlation coefficient (Biometrics 1989;45:255), moments divided by n as there.

    Args:
        ratings: (n, 2).
        weights: (draws, n), how often each row counts.

    Returns:
        (draws,); NaN when all ratings are one and the same value.
    """
    n = weights.sum(1)
    means = ratio(weights @ ratings, n[:, None])
    apart = ratings - means[:, None]  # (draws, n, 2)
    variances = ratio((weights[..., None] * apart**2).sum(1), n[:, None])
    covariance = ratio((weights * apart[..., 0] * apart[..., 1]).sum(1), n)
    shift = (means[:, 0] - means[:, 1]) ** 2
    return ratio(2 * covariance, without_rounding(variances.sum(1) + shift, ratings))


def bland_altman(ratings: FloatArray, limit: int, weights: FloatArray) -> FloatArray:
    """Bias (limit 0), lower (-1) and upper (1) limit of agreement: mean difference, and 1.96 SD from it.

    Bland & Altman, Lancet 1986;1:307; the SD with n - 1.

    Args:
        ratings: (n, 2), reference and prediction.
        limit: Which of the three.
        weights: (draws, n), how often each row counts.

    Returns:
        (draws,), prediction minus reference; limits are NaN for fewer than two rows.
    """
    difference = ratings[:, 1] - ratings[:, 0]
    bias = ratio(weights @ difference, weights.sum(1))
    return bias if limit == 0 else bias + limit * Z_95 * np.sqrt(variance(difference, weights))


def variance(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The variance of n values, divided by n - 1, under each of (draws, n) weights; NaN for fewer than two values."""
    n = weights.sum(1)
    mean = ratio(weights @ values, n)
    return ratio((weights * (values - mean[:, None]) ** 2).sum(1), n - 1)


def without_rounding(squares: FloatArray, ratings: FloatArray) -> FloatArray:
    """Sums of squares, with rounding errors set to 0, so that zero variance is exactly zero."""
    largest = np.abs(ratings).max(initial=0)
    return np.where(squares > len(ratings) * (1e-13 * largest) ** 2, squares, 0.0)


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """A quotient; NaN where the divisor is not positive."""
    undefined: FloatArray = np.full(np.broadcast(above, below).shape, np.nan)
    return np.divide(above, below, out=undefined, where=below > 0)
