"""The calibrated intervals of a model file, and for which hips they hold; with the same errors for every command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onfh_nnunet.core.errors import ModelError
from postprocessing.uncertainty.applicability import Applicability
from postprocessing.uncertainty.conformal import Calibration

if TYPE_CHECKING:
    from onfh_nnunet.core.hip_mask import HipMask
    from onfh_nnunet.core.hip_traits import HipTraits
    from onfh_nnunet.models.model_file import ModelFile
    from postprocessing.uncertainty.margin_interval import PercentInterval


@dataclass(frozen=True)
class CalibratedIntervals:
    """Intervals, and the hips for which they hold.

    Args:
        calibration: How far predictions err.
        applicability: The traits of the hips of the calibration.
    """

    calibration: Calibration
    applicability: Applicability

    def interval(self, hip: HipMask, traits: HipTraits) -> tuple[PercentInterval | None, str]:
        """The interval of a predicted hip; None with the reason where it has none."""
        if hip.may_be_cut:
            return None, "no calibrated interval: it holds for whole heads"
        if unlike := self.applicability.unlike(traits):
            return None, f"no calibrated interval: this hip is unlike those of the calibration: {unlike}"
        percent = hip.extent.percent
        return None if percent is None else self.calibration.interval(percent), ""


def calibrated_intervals(file: ModelFile, path: Path) -> CalibratedIntervals | None:
    """The calibrated intervals of a model; None where it has none.

    Args:
        file: The model file.
        path: Its name, for messages.

    Raises:
        ModelError: They are of another version or impossible, or the card does not state for which hips they hold.
    """
    values, ranges = file.card.calibration, file.card.applicability
    if values is None:
        return None
    try:
        if ranges is None:
            problem = "has a calibration and does not state for which hips it holds"
            raise ModelError("the card", problem, "Export the model again with onfh export")
        return CalibratedIntervals(Calibration.from_json(values), Applicability.from_json(ranges))
    except ModelError as error:
        raise ModelError(f"{path}, {error.subject}", error.problem, error.remedy) from error
