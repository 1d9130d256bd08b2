"""The flow of hips through an evaluation: given, excluded, failed, analysed."""

from __future__ import annotations

from collections.abc import Sequence

from onfh_nnunet.study.cohort_hips import CohortHip
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.decisions import is_found
from postprocessing.statistics.measures import Statistic

ONLY_COMPARED = "of the hips that were compared; what was left out before is not known"
FAILED = "no head in the prediction; wrong in every share, Dice 0"


def flow_statistics(hips: Sequence[GradePair], given: Sequence[CohortHip] | None) -> list[Statistic]:
    """Numbers of hips, and their patients: given = excluded + failed + analysed.

    - ``flow_given``: the hips of cohort.csv; of a comparison those that it was given.
    - ``flow_excluded``: those that are no case, with the reasons.
    - ``flow_failed``: those whose head the prediction lacks. They are judged, as wrong.
    - ``flow_analysed``: those with a prediction.

    Args:
        hips: Those that were judged.
        given: The hips of the cohort; None where only the judged ones are known.
    """
    failed, analysed = [hip for hip in hips if not is_found(hip)], [hip for hip in hips if is_found(hip)]
    judged = [
        _count("flow_failed", [hip.patient for hip in failed], FAILED if failed else ""),
        _count("flow_analysed", [hip.patient for hip in analysed]),
    ]
    if given is None:
        excluded = Statistic("flow_excluded", None, None, None, 0, "not known", 0)
        return [_count("flow_given", [hip.patient for hip in hips], ONLY_COMPARED), excluded, *judged]
    left_out = [hip for hip in given if hip.excluded]
    reasons = [hip.excluded for hip in left_out]
    note = "; ".join(f"{reason}: {reasons.count(reason)}" for reason in dict.fromkeys(reasons))
    return [
        _count("flow_given", [hip.patient for hip in given]),
        _count("flow_excluded", [hip.patient for hip in left_out], note),
        *judged,
    ]


def _count(name: str, patients: Sequence[str], note: str = "") -> Statistic:
    return Statistic(name, float(len(patients)), None, None, len(patients), note, len(set(patients)))
