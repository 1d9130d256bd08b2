"""The decisions that a grade makes, and how often they are right: by grade, and at 15 and 30 %.

A hip whose head was not found is wrong in every sensitivity and specificity, whatever the grade of the empty mask, and
is no part of a predictive value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, Grade
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.intervals import wilson
from postprocessing.statistics.measures import Statistic, mean, statistic_among


@dataclass(frozen=True)
class Decision:
    """A question that a grade answers with yes or no.

    Args:
        name: The end of the names of its statistics.
        yes: The grades that say yes.
    """

    name: str
    yes: tuple[Grade, ...]

    def is_so(self, hip: GradePair) -> bool:
        """Whether yes is right."""
        return hip.grade_true in self.yes

    def is_called(self, hip: GradePair) -> bool:
        """Whether the prediction says yes."""
        return is_found(hip) and hip.grade_pred in self.yes

    def is_passed(self, hip: GradePair) -> bool:
        """Whether the prediction says no."""
        return is_found(hip) and hip.grade_pred not in self.yes


BY_GRADE = tuple(Decision(f"grade_{grade}", (grade,)) for grade in Grade)
AT_CUTS = (
    Decision(f"at_{MODERATE_FROM_PERCENT}_percent", (Grade.B, Grade.C)),
    Decision(f"at_{SEVERE_ABOVE_PERCENT}_percent", (Grade.C,)),
)
"""From 15 % on, and above 30 %."""


def is_found(hip: GradePair) -> bool:
    """Whether the prediction has a head, and so a grade of its own."""
    return hip.percent_pred is not None


def decision_statistics(hips: Sequence[GradePair]) -> list[Statistic]:
    """Sensitivity, specificity and predictive values of each decision, as ``sensitivity_grade_A`` and the like.

    Each is a share of the hips that ``n`` counts, with Wilson's interval of the hips that count (see `wilson`).

    Args:
        hips: Reference and prediction of each.
    """
    return [statistic for decision in (*BY_GRADE, *AT_CUTS) for statistic in _shares(hips, decision)]


def _shares(hips: Sequence[GradePair], decision: Decision) -> Iterator[Statistic]:
    true = [hip for hip in hips if decision.is_so(hip)]
    false = [hip for hip in hips if not decision.is_so(hip)]
    called = [hip for hip in hips if decision.is_called(hip)]
    others = [hip for hip in hips if decision.is_passed(hip)]
    note = f"where {100 * len(true) / len(hips):.0f} % of the hips are so" if hips else ""

    yield _share(f"sensitivity_{decision.name}", true, decision.is_called, "no hip is so")
    yield _share(f"specificity_{decision.name}", false, decision.is_passed, "every hip is so")
    yield _share(f"ppv_{decision.name}", called, decision.is_so, "no hip is called so", note)
    yield _share(f"npv_{decision.name}", others, lambda hip: not decision.is_so(hip), "every hip is called so", note)


def _share(
    name: str, among: Sequence[GradePair], is_right: Callable[[GradePair], bool], missing: str, note: str = ""
) -> Statistic:
    values = np.array([is_right(hip) for hip in among], float)
    return statistic_among(mean(name, values, wilson, note), [hip.patient for hip in among], missing)
