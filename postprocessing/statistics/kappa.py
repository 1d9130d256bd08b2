"""Agreement of two raters on ordered categories: observed, and corrected for chance.

Every coefficient is 1 - D / E: D is the mean disagreement, E what it would be by chance, or 1. Tables are counts
(..., k, k), rows the first rater, columns the second; any leading axes are weightings of the hips. The weights of
disagreement (k, k) are 0 on the diagonal and at most 1.
scikit-learn has kappa for one weighting a call, and no coefficient of Gwet's; the tests compare.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.reliability import ratio

ByChance = Callable[[FloatArray, FloatArray], FloatArray]
"""A table and the weights of disagreement -> the mean disagreement by chance, (...)."""


def disagreement_weights(k: int, power: int) -> FloatArray:
    """Distance of two of k ordered categories as a share of the largest (Cohen, Psychol Bull 1968;70:213).

    Args:
        k: Number of categories, 2 or more.
        power: 0 unweighted: any disagreement is 1; 1 linear; 2 quadratic.

    Returns:
        (k, k), 0 to 1.
    """
    steps = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    return np.where(steps > 0, steps**power, 0.0)


def disagreement(table: FloatArray, weights: FloatArray) -> FloatArray:
    """The mean weighted disagreement, (...); NaN for an empty table."""
    return ratio((weights * table).sum((-1, -2)), table.sum((-1, -2)))


def coefficient(table: FloatArray, weights: FloatArray, by_chance: ByChance) -> FloatArray:
    """One minus the disagreement as a share of that by chance, (...); NaN where there is none by chance."""
    return 1 - ratio(disagreement(table, weights), by_chance(table, weights))


def not_corrected(table: FloatArray, weights: FloatArray) -> FloatArray:
    """1: of the observed agreement."""
    return np.ones(table.shape[:-2])


def of_two_raters(table: FloatArray, weights: FloatArray) -> FloatArray:
    """Of Cohen's kappa: each rater grades at random, as often as that rater does."""
    by_chance = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
    return ratio((weights * by_chance).sum((-1, -2)), table.sum((-1, -2)) ** 2)


def of_hard_hips(table: FloatArray, weights: FloatArray) -> FloatArray:
    """Of Gwet's coefficients: only hips that are hard to grade are graded at random."""
    k = table.shape[-1]
    share = ratio(table.sum(-1) + table.sum(-2), 2 * table.sum((-1, -2))[..., None])
    by_chance: FloatArray = 1 - (1 - weights).sum() / (k * (k - 1)) * (share * (1 - share)).sum(-1)
    return by_chance


def observed_agreement(table: FloatArray, weights: FloatArray) -> FloatArray:
    """One minus the mean weighted disagreement, (...); NaN for an empty table."""
    return coefficient(table, weights, not_corrected)


def kappa(table: FloatArray, weights: FloatArray) -> FloatArray:
    """Cohen's kappa (Educ Psychol Meas 1960;20:37; weighted: Psychol Bull 1968;70:213).

    Returns:
        (...); NaN where both raters use one and the same category only, so that chance alone agrees fully.
    """
    return coefficient(table, weights, of_two_raters)


def gwet_coefficient(table: FloatArray, weights: FloatArray) -> FloatArray:
    """Gwet's AC1 with unweighted disagreement, AC2 with any other weights.

    Gwet, Br J Math Stat Psychol 2008;61:29; weighted: Handbook of Inter-Rater Reliability, 4th ed. 2014. Chance agrees
    only on hips that are hard to grade, so the coefficient keeps its meaning where nearly all hips are of one category.

    Returns:
        (...); NaN for an empty table.
    """
    return coefficient(table, weights, of_hard_hips)
