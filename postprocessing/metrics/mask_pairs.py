"""The mask of a hip against its reference."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import refuse_lesion_alone, require_hip_labels
from postprocessing.metrics.case_metrics import CrossvalRow, case_row


def compare_masks(
    case_id: str, drawn: Volume, predicted: Volume, names: tuple[object, object] = ("reference", "prediction")
) -> CrossvalRow:
    """Compare two masks in memory.

    Args:
        case_id: Its name; patient and side are those of a name such as ``P001_R``.
        drawn: The reference (z, y, x), a label map of any numeric type.
        predicted: The prediction on the same grid.
        names: What messages call the two masks.

    Raises:
        LabelError: A mask is no label map of one hip, or the reference holds no head.
        GridMismatch: The masks do not lie on one grid.
    """
    reference = HipMask(require_hip_labels(drawn, names[0]))
    refuse_lesion_alone(reference, names[0])
    prediction = HipMask(_prediction(predicted, names[1]))
    return case_row(case_id, _hip(case_id), None, reference, prediction)


def _prediction(mask: Volume, name: object) -> Volume:
    """Read a prediction; an empty one is a missed hip, and counts as such."""
    if mask.array.any():
        return require_hip_labels(mask, name)
    return Volume(np.zeros(mask.grid.size, np.uint8), mask.grid)


def _hip(case_id: str) -> Hip | None:
    try:
        return Hip.parse(case_id)
    except CohortError:
        return None
