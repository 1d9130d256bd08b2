"""The parts of a lesion that are measured, and the specks that are not.

Parts are connected through faces, edges or corners, so that a thin rim of voxels stays with its lesion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.extent import least_lesion_voxels
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import clean


@dataclass(frozen=True, eq=False)
class LesionParts:
    """What of a lesion is measured.

    Args:
        hip: The hip, with specks as viable head; with all of its necrosis where no part is measurable.
        measurable: Whether a part of the necrosis is large enough for a grade and a location.
        specks: How many smaller parts are left out; 0 where no part is measurable.
        specks_ml: Their volume.
    """

    hip: HipMask
    measurable: bool
    specks: int
    specks_ml: float

    @property
    def grade(self) -> Grade:
        """Steinberg's grade of the measurable parts; ``Grade.NONE`` without any."""
        return self.hip.extent.grade if self.measurable else Grade.NONE

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is left out."""
        if not self.specks:
            return ()
        least = least_lesion_voxels(self.hip.extent.voxel_ml) * self.hip.extent.voxel_ml
        are = "is" if self.specks == 1 else "are"
        return (
            f"{plural(self.specks, 'speck')} of necrosis, {self.specks_ml:.2g} ml, {are} left out of all measures: "
            f"each part is less than the least lesion that is graded, {least:.2g} ml",
        )


def lesion_parts(hip: HipMask) -> LesionParts:
    """Tell the parts of a lesion that have `least_lesion_voxels` or more from specks.

    Args:
        hip: One hip.

    Raises:
        LabelError: There is no head.
    """
    labels = hip.head.array
    small = small_parts(labels == Label.NECROSIS, least_lesion_voxels(hip.extent.voxel_ml))
    if not small.any() or np.count_nonzero(small) == hip.extent.necrosis:
        return LesionParts(hip, hip.extent.measurable and not small.any(), 0, 0.0)
    specks = len(components_of(small, corners=True))
    kept = _relabelled(hip, small[1:-1, 1:-1, 1:-1])
    return LesionParts(kept, True, specks, float(np.count_nonzero(small) * hip.extent.voxel_ml))


def predicted_hip(mask: Volume, case: object, side: Side | None = None) -> HipMask:
    """The hip of a network's label map: the largest head without holes, and the parts of its lesion that are measured.

    So the mask that is written, its percentage, its interval and the cross-validation are of the same voxels.

    Args:
        mask: Labels 0, 1, 2 (z, y, x) of one hip.
        case: What messages name.
        side: Its side, where known.

    Raises:
        LabelError: There is no head.
    """
    return lesion_parts(HipMask(clean(mask, case), side)).hip


def small_parts(region: BoolArray, least_voxels: float) -> BoolArray:
    """The parts of a region (z, y, x) that have fewer voxels."""
    if not region.any():
        return region
    parts = components_of(region, corners=True)
    small = parts.voxels < least_voxels
    small[0] = False
    found: BoolArray = small[parts.numbers]
    return found


def _relabelled(hip: HipMask, specks: BoolArray) -> HipMask:
    labels = np.array(hip.labels.array)
    assert hip.box is not None
    labels[hip.box][specks] = Label.VIABLE_HEAD
    return HipMask(Volume(labels, hip.labels.grid), hip.side)
