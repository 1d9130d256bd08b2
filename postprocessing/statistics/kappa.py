"""Agreement of two raters on ordered categories: observed, and corrected for chance.

Tables are counts (..., k, k), rows the first rater, columns the second; any leading axes are draws of a bootstrap. The
weights of disagreement (k, k) are 0 on the diagonal and at most 1.
scikit-learn has kappa for one draw a call, and no coefficient of Gwet's; the tests compare.
"""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.reliability import ratio


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


def observed_agreement(table: FloatArray, weights: FloatArray) -> FloatArray:
    """One minus the mean weighted disagreement, (...); NaN for an empty table."""
    return 1 - ratio((weights * table).sum((-1, -2)), table.sum((-1, -2)))


def kappa(table: FloatArray, weights: FloatArray) -> FloatArray:
    """Cohen's kappa (Educ Psychol Meas 1960;20:37; weighted: Psychol Bull 1968;70:213).

    Returns:
        (...); NaN where both raters use one and the same category only, so that chance alone agrees fully.
    """
    by_chance = table.sum(-1)[..., :, None] * table.sum(-2)[..., None, :]
    total = table.sum((-1, -2))
    return 1 - ratio((weights * table).sum((-1, -2)) * total, (weights * by_chance).sum((-1, -2)))


def gwet_coefficient(table: FloatArray, weights: FloatArray) -> FloatArray:
    """Gwet's AC1 with unweighted disagreement, AC2 with any other weights.

    Gwet, Br J Math Stat Psychol 2008;61:29; weighted: Handbook of Inter-Rater Reliability, 4th ed. 2014. Chance agrees
    only on hips that are hard to grade, so the coefficient keeps its meaning where nearly all hips are of one category.

    Returns:
        (...); NaN for an empty table.
    """
    k, total = table.shape[-1], table.sum((-1, -2))
    share = ratio(table.sum(-1) + table.sum(-2), 2 * total[..., None])
    chance = (1 - weights).sum() / (k * (k - 1)) * (share * (1 - share)).sum(-1)
    return ratio(observed_agreement(table, weights) - chance, 1 - chance)
