"""Conformal interval of the percentage, calibrated on the errors of a cross-validation.

Method: hierarchical conformal prediction (Lee, Barber & Willett, Distribution-free inference with hierarchical data,
arXiv:2306.06342, 2023), with out-of-fold errors as scores. Each patient weighs the same, whether one hip or both are
known, and one more patient, the new one, weighs as a score of infinity. The interval ends at the quantile of these
scores. For patients with one hip each this is split conformal prediction (Vovk, Gammerman & Shafer, Algorithmic
Learning in a Random World, 2005).

Guarantee: let the errors of the new patient be exchangeable with those of the cohort's patients, and the hips of a
patient among themselves. Then the truth lies in the interval with a probability of at least the level, from
`fewest_patients` on, whatever the errors' distribution and however alike both hips of a patient err. It is marginal:
over hips and cohorts, not for each lesion size, scanner or cohort.

What it rests on: errors of one model on patients that it never saw are exchangeable. Here each fold has its own model,
and their mean predicts the new hip. So it is assumed that the folds' models are alike, and that their mean errs no more
than they do. Without that only 1 - 2 alpha is proven, by a method that needs each fold's prediction of the new hip
(CV+; Barber, Candes, Ramdas & Tibshirani, Ann Stat 2021;49:486). Patients from elsewhere are not exchangeable.

Scale: errors are taken between arcsin(sqrt(share)), the angular transformation. A margin of the lesion that is off by
some mm moves the percentage by the margin's area, little for a small lesion and most for one of half the head; on the
angular scale it moves a planar cap of any size by the same amount, within 16 %. So the interval widens with the lesion
as its error does, and ends within 0 and 100.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.grid import FloatArray
from postprocessing.uncertainty.margin_interval import IntervalMethod, PercentInterval

LEVEL = 0.9
METHOD = "hierarchical-conformal-arcsine"
"""Names scores and quantile, in the model file."""

LEVELS = (0.5, 0.999)
"""Levels that a calibration in a model file may have."""

NARROWEST = 1e-5
"""Least half-width in radians that a model file may state: one voxel of 1 mm in a lesion of half a head of 40 ml moves
the angle by 1.25e-5."""

MOST_HIPS = 10_000_000
"""More than any registry has."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Calibration:
    """The distribution of errors of predicted percentages.

    Args:
        level: The share of new hips whose truth the interval holds, at least.
        half_width: Of the interval on the angular scale, in radians; None for too few patients.
        n_patients: Patients whose errors it rests on.
        n_hips: Their hips.
        method: `METHOD`.

    Raises:
        ModelError: The values are no calibration of this version.
    """

    level: float
    half_width: float | None
    n_patients: int
    n_hips: int
    method: str = METHOD

    def __post_init__(self) -> None:
        known = self.method == METHOD and 0 < self.level < 1 and 0 <= self.n_patients <= self.n_hips
        if not known or not (self.half_width is None or 0 <= self.half_width <= math.pi / 2):
            raise ModelError("calibration", f"is not of method {METHOD}: {asdict(self)}", "Export the model again")

    @classmethod
    def fit(
        cls,
        percent_true: Sequence[float | None],
        percent_pred: Sequence[float | None],
        patients: Sequence[str],
        level: float = LEVEL,
    ) -> Self:
        """Calibrate on hips that the model did not see.

        Args:
            percent_true: Necrosis in percent of the head, 0 to 100, of each reference.
            percent_pred: Of each out-of-fold prediction; a hip without one (no head was found) is left out, as a new
                hip without a head has no percentage and no interval.
            patients: The patient of each hip.
            level: The share of new hips whose truth the interval shall hold.
        """
        hips = list(zip(percent_true, percent_pred, patients, strict=True))
        known = [(true, pred, who) for true, pred, who in hips if true is not None and pred is not None]
        true, pred = (_angle(np.array([hip[i] for hip in known], float)) for i in (0, 1))
        _, patient_of, n_of = np.unique([hip[2] for hip in known], return_inverse=True, return_counts=True)
        half_width = _quantile(np.abs(pred - true), 1 / n_of[patient_of], level * (len(n_of) + 1))
        return cls(level, half_width, len(n_of), len(known))

    def interval(self, percent_pred: float) -> PercentInterval | None:
        """The interval of the true percentage around a predicted one (0 to 100); None where `note` says why.

        A hip predicted without necrosis has one too: from 0 to what may have been missed.
        """
        if self.half_width is None:
            return None
        middle = _angle(np.array(percent_pred))
        low, high = np.clip([middle - self.half_width, middle + self.half_width], 0, math.pi / 2)
        ends = min(_percent(low), percent_pred), max(_percent(high), percent_pred)  # rounding leaves no prediction out
        return PercentInterval(*ends, IntervalMethod.CONFORMAL)

    @property
    def note(self) -> str:
        """Why there are no intervals; empty where there are."""
        if self.half_width is not None:
            return ""
        return f"no {self.level:.0%} interval: {self.n_patients} patients, {fewest_patients(self.level)} are needed"

    def to_json(self) -> dict[str, Any]:
        """Convert to a JSON object; it identifies no hip and no patient."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read the object that `to_json` made.

        Raises:
            ModelError: It is damaged, of a method that this version does not know, or promises more than its method
                can: an interval of no width, or one from fewer than `fewest_patients`.
        """
        try:
            known = cls(**values)
            known._require_possible()
        except (TypeError, ValueError) as error:
            raise ModelError("calibration", f"cannot be read ({error})", "Export the model again") from error
        return known

    def _require_possible(self) -> None:
        counts = (self.n_patients, self.n_hips)
        if any(type(count) is not int or count > MOST_HIPS for count in counts):
            raise ValueError(f"{counts} patients and hips, expected whole numbers up to {MOST_HIPS}")
        if not LEVELS[0] <= self.level <= LEVELS[1]:
            raise ValueError(f"level {self.level}, expected from {LEVELS[0]} to {LEVELS[1]}")
        if self.half_width is None:
            return
        if self.n_patients < (fewest := fewest_patients(self.level)):
            raise ValueError(f"an interval from {self.n_patients} patients, expected {fewest} or more")
        if self.half_width < NARROWEST:
            raise ValueError(f"half-width {self.half_width} rad, expected {NARROWEST} or more")


def fewest_patients(level: float) -> int:
    """The minimum number of patients for a confidence level: 9 for 90 %."""
    return math.ceil(level / (1 - level) - _ROUNDING)


def _quantile(scores: FloatArray, weights: FloatArray, reach: float) -> float | None:
    """The smallest score at which the cumulative weight reaches `reach`; None when the total is too small."""
    order = np.argsort(scores)
    reached = np.flatnonzero(np.cumsum(weights[order]) >= reach - _ROUNDING)
    return float(scores[order[reached[0]]]) if len(reached) else None


def _angle(percent: FloatArray) -> FloatArray:
    if not ((percent >= 0) & (percent <= 100)).all():
        raise ValueError(f"{percent} is not a percentage from 0 to 100")
    return np.arcsin(np.sqrt(percent / 100))


def _percent(angle: float) -> float:
    return float(min(100 * math.sin(angle) ** 2, 100.0))
