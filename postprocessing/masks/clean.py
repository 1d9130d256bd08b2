"""Cleaning of a label map to one femoral head with its necrosis.

Head is labels 1 and 2 together, and voxels are connected through faces. The necrosis is nested in the head by
construction: it is where the head is necrotic, and nowhere else.
"""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.anatomy import PLAUSIBLE_HEAD_ML, SECOND_HEAD_ABOVE_ML
from onfh_nnunet.core.bounding_box import bounding_box, crop_with_border
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume


def clean(mask: Volume, case: object) -> Volume:
    """Keep the largest head component and fill its holes.

    Of components of one size the one that comes first in the array stays. Background that the head encloses becomes
    viable head; necrosis outside the kept component is dropped, inside one of its holes it stays necrosis.

    Args:
        mask: Labels 0, 1, 2 (z, y, x) of one hip, any integer type.
        case: What the message names.

    Returns:
        uint8 labels on the same grid.

    Raises:
        LabelError: There is no head.
    """
    box = bounding_box(mask.array > 0)
    if box is None:
        raise _no_head(case)
    labels = crop_with_border(mask.array, box)
    kept = np.zeros(mask.array.shape, np.uint8)
    kept[box] = np.where(labels == Label.NECROSIS, labels, Label.VIABLE_HEAD)[1:-1, 1:-1, 1:-1]
    kept[box] *= _filled_largest(labels > 0)[1:-1, 1:-1, 1:-1]
    return Volume(kept, mask.grid)


def require_hip_labels(mask: Volume, case: object) -> Volume:
    """Refuse a mask that is not the label map of one hip.

    Whole numbers stored as floats are accepted. A head that is necrotic throughout (only label 2) is legal.

    Args:
        mask: A label map (z, y, x) of any numeric type.
        case: What the message names.

    Returns:
        The same labels as uint8.

    Raises:
        LabelError: There are values other than 0, 1 and 2, no head, or a second head.
    """
    with np.errstate(invalid="ignore"):  # values out of uint8's range are found by the comparison
        labels = mask.array.astype(np.uint8, copy=False)
    if labels.max() > max(Label) or not (labels is mask.array or np.array_equal(labels, mask.array)):
        found = np.unique(mask.array)
        shown = ", ".join(f"{value:g}" for value in found[:8]) + (", ..." if len(found) > 8 else "")
        raise LabelError(case, f"holds the values {shown}, expected 0, 1 and 2", "Export it as a label map of one hip")
    if not labels.max():
        raise _no_head(case)
    accepted = Volume(labels, mask.grid)
    _refuse_second_head(accepted, case)
    return accepted


def refuse_lesion_alone(hip: HipMask, case: object) -> None:
    """Refuse a necrosis without its head: it would count as a head that is necrotic throughout.

    Args:
        hip: From `require_hip_labels`.
        case: What the message names.

    Raises:
        LabelError: There is no viable head, and too little necrosis for a head.
    """
    extent = hip.extent
    if extent.necrosis == extent.head and (ml := extent.head_ml) < PLAUSIBLE_HEAD_ML[0]:
        problem = f"holds {ml:.1f} ml of necrosis (label {Label.NECROSIS:d}) and no viable head, too little for a head"
        raise LabelError(case, problem, "Export head (1) and necrosis (2) as one label map")


def _refuse_second_head(labels: Volume, case: object) -> None:
    """Refuse a mask of both hips: it would be measured as one head of twice the size."""
    components = components_of(labels.array[bounding_box(labels.array)])
    first, *others = components.voxels[components.by_size] * labels.grid.voxel_ml
    if others and others[0] > SECOND_HEAD_ABOVE_ML:
        problem = f"holds two separate heads, of {first:.1f} and {others[0]:.1f} ml"
        raise LabelError(case, problem, "Give one mask per hip")


def _filled_largest(head: BoolArray) -> BoolArray:
    from scipy import ndimage

    components = components_of(head)
    filled: BoolArray = ndimage.binary_fill_holes(components.mask(components.by_size[0]))
    return filled


def _no_head(case: object) -> LabelError:
    return LabelError(case, "holds no femoral head (labels 1 and 2)", "Check that the image shows a hip, and its label")
