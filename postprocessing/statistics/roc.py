"""The area under the ROC curve of the percentage, for each of Steinberg's limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.printable import plural
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.decisions import AT_CUTS, Decision, is_found
from postprocessing.statistics.intervals import LOGIT, Ends, student
from postprocessing.statistics.measures import NO_HIPS, Measure, Statistic, statistic_among
from postprocessing.statistics.reliability import ratio
from postprocessing.statistics.sample import Estimator, Sample

FEWEST_OF_A_KIND = 8
"""Patients with a hip above the limit, and with one below. With fewer, no interval was measured to cover."""


def auc_statistics(hips: Sequence[GradePair]) -> list[Statistic]:
    """``auc_at_15_percent`` and ``auc_at_30_percent``: how well the predicted percentage tells hips above a limit.

    The share of all pairs, of a hip above the limit and one below, in which the prediction of the former is higher; a
    tie is one half (Hanley & McNeil, Radiology 1982;143:29). Hips without a head in the prediction are left out.
    """
    return [_auc(hips, decision) for decision in AT_CUTS]


def area_under_curve(scores: FloatArray, is_above: FloatArray, weights: FloatArray) -> FloatArray:
    """The area under the ROC curve for many weightings at once, else as scikit-learn's ``roc_auc_score``.

    Args:
        scores: Of n hips, (n,).
        is_above: 1 for the hips that should score high, else 0, (n,).
        weights: How often each hip counts, (draws, n).

    Returns:
        (draws,); NaN where all hips that count are of one kind.
    """
    levels, level_of = np.unique(scores, return_inverse=True)
    above, below = is_above == 1, is_above == 0
    at_level = np.zeros((len(levels), len(weights)))
    np.add.at(at_level, level_of[below], weights[:, below].T)
    beaten = at_level.cumsum(0) - at_level / 2  # by a hip of each level
    high = weights[:, above]
    return ratio((high.T * beaten[level_of[above]]).sum(0), high.sum(1) * weights[:, below].sum(1))


def _auc(hips: Sequence[GradePair], decision: Decision) -> Statistic:
    found = [hip for hip in hips if is_found(hip)]
    scores = np.array([hip.percent_pred for hip in found], float)
    is_above = np.array([decision.is_so(hip) for hip in found], float)
    measure = Measure(
        f"auc_{decision.name}",
        partial(area_under_curve, scores, is_above),
        "every hip is above" if is_above.any() else "no hip is above",
        partial(_interval, is_above),
        f"left out without a head in the prediction: {len(hips) - len(found)}" if len(hips) > len(found) else "",
    )
    return statistic_among(measure, [hip.patient for hip in found], NO_HIPS)


def _interval(is_above: FloatArray, sample: Sample, estimate: Estimator) -> Ends | str:
    """Student's interval of the logit, by patient (as Obuchowski, Biometrics 1997;53:567, takes clusters together).

    Where the area is 1 or 0, or would be without some patient, `newcombe_auc` stands in, with patients as its hips.
    """
    above, below = (len(np.unique(sample.patient_of[is_above == kind])) for kind in (1, 0))
    if min(above, below) < FEWEST_OF_A_KIND:
        return f"no interval: {plural(min(above, below), 'patient')} on one side, {FEWEST_OF_A_KIND} are needed"
    ends = student(sample, estimate, LOGIT)
    return newcombe_auc(sample.jackknife(estimate).value, above, below) if isinstance(ends, str) else ends


def newcombe_auc(area: float, above: float, below: float, quantile: float = 1.959963984540054) -> Ends:
    """The interval of an area under the ROC curve of independent hips (Newcombe, Stat Med 2006;25:559, method 5).

    Its ends are the areas from which the one found lies a quantile of their own standard error away, so that an area
    of 1 has a lower end. The standard error is that of Hanley and McNeil, with the mean of both numbers in its sums.

    Args:
        area: The area found.
        above: Hips that should score high.
        below: The others.
        quantile: Of the normal distribution.
    """
    return _lower_end(area, above, below, quantile), 1 - _lower_end(1 - area, above, below, quantile)


def _lower_end(area: float, above: float, below: float, quantile: float) -> float:
    from scipy.optimize import brentq

    def apart(true: float) -> float:
        spread = 1 + ((above + below) / 2 - 1) * ((1 - true) / (2 - true) + true / (1 + true))
        return area - true - quantile * math.sqrt(true * (1 - true) * spread / (above * below))

    return float(brentq(apart, 0, area * (1 - 1e-12))) if area > 0 else 0.0
