"""Net benefit of acting on a predicted grade (Vickers & Elkin, Med Decis Making 2006;26:565).

Net benefit = (true positives - odds x false positives) / hips. The odds pt / (1 - pt) say how many missed hips one
false alarm is worth; pt is the threshold probability, and nobody but the one who decides knows it. Calling no hip has a
net benefit of 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.decisions import AT_CUTS, Decision
from postprocessing.statistics.measures import NO_HIPS, Statistic, mean, statistic_among

THRESHOLDS = (0.2, 0.5)
"""The threshold probabilities of the table; ours: a false alarm weighs a quarter of a missed hip, or as much as one."""

ALL = "_all"
"""The end of the names of what calling every hip has."""


def net_benefit_statistics(hips: Sequence[GradePair]) -> list[Statistic]:
    """``net_benefit_at_15_percent_pt_0.2`` and the like, and with ``_all`` what calling every hip would have.

    A hip whose head was not found is not called. Intervals are those of a mean over hips, by patient.
    """
    patients = [hip.patient for hip in hips]
    measures = (
        mean(f"net_benefit_{decision.name}_pt_{pt:g}{ending}", benefits(hips, decision, pt, call_all=ending == ALL))
        for decision in AT_CUTS
        for pt in THRESHOLDS
        for ending in ("", ALL)
    )
    return [statistic_among(measure, patients, NO_HIPS) for measure in measures]


def benefits(hips: Sequence[GradePair], decision: Decision, pt: float, *, call_all: bool = False) -> FloatArray:
    """What each hip adds, (n,), so that their mean is the net benefit: 1, minus the odds, or 0.

    Args:
        hips: Reference and prediction of each.
        decision: What they are called.
        pt: The threshold probability, above 0 and below 1.
        call_all: Whether every hip is called, whatever its prediction.
    """
    odds = pt / (1 - pt)
    is_so = np.array([decision.is_so(hip) for hip in hips], bool)
    called = np.array([call_all or decision.is_called(hip) for hip in hips], bool)
    return np.where(called, np.where(is_so, 1.0, -odds), 0.0)
