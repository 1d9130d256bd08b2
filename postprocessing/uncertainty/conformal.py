"""Conformal interval of the percentage, calibrated by true grade on the errors of a cross-validation.

Method: label-conditional (Mondrian) conformal prediction (Vovk, Gammerman & Shafer, Algorithmic Learning in a Random
World, 2005, 4.5). Every percentage from 0 to 100 is a candidate for the truth. It is accepted if the error that it
would mean for the prediction is within the quantile of the errors of the hips whose *true* grade is the candidate's:
none, A, B or C. The interval reaches from the least accepted candidate to the largest, and holds the prediction. Errors
are scored by an `ErrorLaw`, so that a bias or a spread that grows with the lesion costs no coverage within a grade.

Clusters: each patient weighs the same within a grade, whether one hip or both are of it, and one more patient, the new
one, weighs as a score of infinity (Lee, Barber & Willett, arXiv:2306.06342, 2023). A grade of fewer than
`fewest_patients` is merged with the smaller of its neighbours.

Guarantee: let the hips of the new patient be exchangeable with those of the cohort's patients of the same (merged)
grade. If the law were known beforehand, the truth would lie in the interval with a probability of at least the level
for every grade, whatever the errors' distribution and however alike both hips of a patient err. But the law is fitted
to the cohort; each patient is scored by one that is fitted without the patient, as the new one is. For scores of
left-out patients only 1 - 2 alpha, 80 % at a level of 90 %, is proven, by the jackknife+ and by CV+, which need every
left-out prediction of the new hip (Barber, Candes, Ramdas & Tibshirani, Ann Stat 2021;49:486). The same holds for the
percentages: each fold has its own model, and their mean predicts the new hip. What the intervals do hold is measured
(`python -m benchmarks.coverage`). It holds over cohorts, not for each one, and for patients like those of the cohort.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, Grade
from postprocessing.uncertainty.calibration_json import read_flat, write_flat
from postprocessing.uncertainty.error_law import ErrorLaw
from postprocessing.uncertainty.grade_quantiles import IntArray, Reach, fewest_patients, grades_of, reach_by_grade
from postprocessing.uncertainty.margin_interval import IntervalMethod, PercentInterval

LEVEL = 0.9
METHOD = "conformal-by-true-grade"
"""Names scores and quantiles, in the model file."""

RANGES = {
    Grade.NONE: (0.0, 0.0),
    Grade.A: (0.0, float(MODERATE_FROM_PERCENT)),
    Grade.B: (float(MODERATE_FROM_PERCENT), float(SEVERE_ABOVE_PERCENT)),
    Grade.C: (float(SEVERE_ABOVE_PERCENT), 100.0),
}
"""Percentages of each grade, ends included."""

PARTS = 50
"""Cohorts of more patients leave out one part of so many at a time, instead of one patient."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Calibration:
    """The errors of predicted percentages, by true grade.

    Args:
        level: The share of new hips of any grade whose truth the interval holds.
        law: What errors are scored by.
        reach: The quantile of the scores of each true grade; None for too few patients.
        patients: Patients with a hip of each true grade.
        n_patients: Patients whose errors it rests on.
        n_hips: Their hips.
        method: `METHOD`.

    Raises:
        ModelError: The values are no calibration of this version.
    """

    level: float
    law: ErrorLaw
    reach: Reach
    patients: Mapping[Grade, int]
    n_patients: int
    n_hips: int
    method: str = field(default=METHOD)

    def __post_init__(self) -> None:
        known = self.method == METHOD and 0 < self.level < 1 and 0 <= self.n_patients <= self.n_hips
        reaches = [value for value in self.reach.values() if value is not None]
        if not known or len(reaches) not in (0, len(Grade)) or not all(0 <= value < math.inf for value in reaches):
            problem = f"is not of method {METHOD}: {write_flat(self)}"
            raise ModelError("calibration", problem, "Export the model again with onfh export")

    @classmethod
    def fit(
        cls,
        percent_true: Sequence[float | None],
        percent_pred: Sequence[float | None],
        patients: Sequence[str],
        level: float = LEVEL,
        kinds: Sequence[str] | None = None,
    ) -> Self:
        """Calibrate on hips that the model did not see.

        Args:
            percent_true: Necrosis in percent of the head, 0 to 100, of each reference; 0 is a healthy hip.
            percent_pred: Of each out-of-fold prediction; a hip without one (no head was found) is left out, as a new
                hip without a head has no percentage and no interval.
            patients: The patient of each hip.
            level: The share of new hips of any grade whose truth the interval shall hold.
            kinds: Of which kind each patient is, such as the scanner; the interval shall hold for each kind, and not
                only on average, so the widest quantile is taken. By default all are of one.
        """
        hips = list(zip(percent_true, percent_pred, patients, kinds or [""] * len(patients), strict=True))
        known = [hip for hip in hips if hip[0] is not None and hip[1] is not None]
        true, pred = (_percentages(np.array([hip[i] for hip in known], float)) for i in (0, 1))
        names, patient_of, n_of = np.unique([hip[2] for hip in known], return_inverse=True, return_counts=True)
        law, scores = _scored(true, pred, patient_of, 1 / n_of[patient_of] if len(known) else np.empty(0))
        reach, counts = reach_by_grade(scores, grades_of(true), patient_of, np.array([hip[3] for hip in known]), level)
        return cls(level, law, reach, counts, len(names), len(known))

    def interval(self, percent_pred: float) -> PercentInterval | None:
        """The interval of the true percentage around a predicted one (0 to 100); None where `note` says why.

        A hip predicted without necrosis has one too: from 0 to what may have been missed.
        """
        pred = float(_percentages(np.array(percent_pred)))
        if self.note:
            return None
        ends = [pred, *(end for grade in Grade for end in self._accepted(grade, pred))]
        return PercentInterval(min(ends), max(ends), IntervalMethod.CONFORMAL)

    def _accepted(self, grade: Grade, pred: float) -> tuple[float, ...]:
        """The least and the largest accepted candidate of a grade; empty where it has none."""
        reach = self.reach[grade]
        if reach is None:
            return ()
        if grade is Grade.NONE:
            score = float(self.law.scores(np.zeros(1), np.array([pred]))[0])
            return (0.0,) if score <= reach + _ROUNDING else ()
        return self.law.candidates(pred, reach, *RANGES[grade]) or ()

    @property
    def note(self) -> str:
        """Why there are no intervals; empty where there are."""
        if None not in self.reach.values():
            return ""
        return f"no {self.level:.0%} interval: {self.n_patients} patients, {fewest_patients(self.level)} are needed"

    def to_json(self) -> dict[str, Any]:
        """Convert to a flat JSON object; it identifies no hip and no patient."""
        return write_flat(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read the object that `to_json` made.

        Raises:
            ModelError: It is damaged, of a method that this version does not know, or promises more than its method
                can: an interval of no width, or one from fewer than `fewest_patients`.
        """
        if isinstance(values, Mapping) and values.get("method") not in (None, METHOD):
            problem = f"is of the method {values['method']!r}, expected {METHOD!r}"
            raise ModelError("calibration", problem, "Export the model again with onfh export")
        try:
            return cls(**read_flat(values, fewest_patients))
        except (KeyError, TypeError, ValueError) as error:
            problem = f"cannot be read ({error})"
            raise ModelError("calibration", problem, "Export the model again with onfh export") from error


def _scored(
    true: FloatArray, pred: FloatArray, patient_of: IntArray, weights: FloatArray
) -> tuple[ErrorLaw, FloatArray]:
    """The law of all hips, and the score of each by the law of the others' patients."""
    scores, parts = np.zeros(len(true)), patient_of % PARTS
    for part in np.unique(parts):
        left_out = parts == part
        law = ErrorLaw.fit(true[~left_out], pred[~left_out], weights[~left_out])
        scores[left_out] = law.scores(true[left_out], pred[left_out])
    return ErrorLaw.fit(true, pred, weights), scores


def _percentages(percent: FloatArray) -> FloatArray:
    if not ((percent >= 0) & (percent <= 100)).all():
        raise ValueError(f"{percent} is not a percentage from 0 to 100")
    return percent
