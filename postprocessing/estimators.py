"""Statistics of agreement, each for many weightings of the same hips at once.

Weights (draws, n) say how often each hip counts in each draw of a bootstrap; the plain figure is the draw in which
every hip counts once. A statistic has a value a draw, NaN where it is undefined.
"""

from __future__ import annotations

import numpy as np

from onfh_nnunet.grid import FloatArray

Z_95 = 1.959963984540054


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson, J Am Stat Assoc 1927;22:209), n above 0."""
    share, z2 = successes / n, Z_95**2
    centre = share + z2 / (2 * n)
    half = Z_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return float((centre - half) / (1 + z2 / n)), float((centre + half) / (1 + z2 / n))


def kappa(confusion: FloatArray, power: int) -> FloatArray:
    """Cohen's kappa (Psychol Bull 1968;70:213) of count tables (..., k, k), classes in order.

    Args:
        confusion: Counts; rows true, columns predicted.
        power: 0 unweighted; 1 and 2 disagreement weighted by the distance of the classes and by its square.

    Returns:
        (...); NaN where both raters use one class only.
    """
    steps = np.abs(np.subtract.outer(*[np.arange(confusion.shape[-1])] * 2)).astype(float)
    weights = np.where(steps > 0, steps**power, 0)
    expected = confusion.sum(-1)[..., :, None] * confusion.sum(-2)[..., None, :]
    total = confusion.sum((-1, -2))
    return 1 - _ratio((weights * confusion).sum((-1, -2)) * total, (weights * expected).sum((-1, -2)))


def icc_2_1(ratings: FloatArray, weights: FloatArray) -> FloatArray:
    """ICC(2,1): two-way random effects, absolute agreement, single measure (Shrout & Fleiss, Psychol Bull 1979;86:420).

    Args:
        ratings: (n, k), targets by raters.
        weights: (draws, n), how often each target counts.

    Returns:
        (draws,); NaN for fewer than two targets or without any variance.
    """
    k, n = ratings.shape[1], weights.sum(1)
    by_target = ratings.mean(1)
    by_rater = _ratio(weights @ ratings, n[:, None])  # (draws, k)
    grand = by_rater.mean(1)
    targets = k * (weights * (by_target - grand[:, None]) ** 2).sum(1)
    raters = n * ((by_rater - grand[:, None]) ** 2).sum(1)
    total = (weights[..., None] * (ratings - grand[:, None, None]) ** 2).sum((1, 2))
    ms_targets, ms_raters = _ratio(targets, n - 1), raters / (k - 1)
    ms_error = _ratio(total - targets - raters, (n - 1) * (k - 1))
    return _ratio(ms_targets - ms_error, ms_targets + (k - 1) * ms_error + _ratio(k * (ms_raters - ms_error), n))


def bland_altman(ratings: FloatArray, limit: int, weights: FloatArray) -> FloatArray:
    """Bias (limit 0) and lower (-1) and upper (1) limit of agreement: mean difference, and 1.96 SD from it.

    Bland & Altman, Lancet 1986;1:307; the SD with n - 1.

    Args:
        ratings: (n, 2), reference and prediction.
        limit: Which of the three.
        weights: (draws, n), how often each row counts.

    Returns:
        (draws,), prediction minus reference; limits are NaN for fewer than two rows.
    """
    difference, n = ratings[:, 1] - ratings[:, 0], weights.sum(1)
    bias = _ratio(weights @ difference, n)
    if limit == 0:
        return bias
    variance = _ratio((weights * (difference - bias[:, None]) ** 2).sum(1), n - 1)
    return bias + limit * Z_95 * np.sqrt(variance)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """A quotient that is NaN where the divisor is not positive."""
    undefined: FloatArray = np.full(np.broadcast(above, below).shape, np.nan)
    return np.divide(above, below, out=undefined, where=below > 0)
