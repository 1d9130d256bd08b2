"""Reading of the calibration in a model file, with the same errors for every command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onfh_nnunet.core.errors import ModelError
from postprocessing.uncertainty.conformal import Calibration

if TYPE_CHECKING:
    from onfh_nnunet.models.model_file import ModelFile


def calibration_of(file: ModelFile, path: Path) -> Calibration | None:
    """The calibration of a model's intervals; None where the model has none.

    Args:
        file: The model file.
        path: Its name, for messages.

    Raises:
        ModelError: It is no calibration of this version, or an impossible one.
    """
    values = file.card.calibration
    try:
        return None if values is None else Calibration.from_json(values)
    except ModelError as error:
        raise ModelError(f"{path}, {error.case}", error.problem, error.remedy) from error
