"""Extraction of each labelled hip from a scan, as image and label in the hip's canonical frame; and the exact inverse.

A hip's array runs to the patient's head, back and left (see `core.hip_crop`); a left hip is mirrored, so that all
look like right hips. Its grid is the place of the box in the patient *before* mirroring: the header of a mirrored case
says where the box lies, and its array is reversed along the last axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.labels.head_components import Head, find_heads
from onfh_nnunet.core.grid import same_grid
from onfh_nnunet.core.hip import CANONICAL_SIDE, Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume


@dataclass(frozen=True, eq=False)
class HipSource:
    """One hip of a scan.

    Args:
        side: The patient's side.
        crop: The box, and the way back into the scan.
        image: Intensities (z, y, x) in the canonical frame, of the scan's type.
        label: Values of `Label`, uint8, on the same grid; the other hip's head is background in it.
        outside_ml: How much of this hip's label lies outside the box, and so in no case.
        other_ml: How much of the other hip's label lies in the box, where it is background.
        border_gap_mm: From the head to the nearest face of the scan; 0 where it touches one.
    """

    side: Side
    crop: HipCrop
    image: Volume
    label: Volume
    outside_ml: float
    other_ml: float = 0.0
    border_gap_mm: float = math.inf

    @cached_property
    def mask(self) -> HipMask:
        """The label, with its side and what follows from it."""
        return HipMask(self.label, self.side)


def extract_hips(scan: Volume, labels: Volume, side: ScanSide, case: str) -> list[HipSource]:
    """Extract every labelled hip from a scan: a cube around the centre of the head's bounding box.

    Where the other hip's head (side B) reaches into the box, its voxels are background in this hip's label; nothing is
    done to the image. Specks stay: with their hip, for side B with the nearer head.

    Args:
        scan: Intensities.
        labels: Values of `Label`, uint8, on the scan's grid.
        side: The side that is labelled, or ``B`` for both.
        case: What messages name.

    Returns:
        The hips, the right one first.

    Raises:
        GridMismatch: Image and label lie on different grids.
        LabelError: An empty head, a lesion outside the head, more or fewer heads than stated.
        SideError: The two heads of side B do not lie side by side.
    """
    same_grid(case, labels.grid, scan.grid)
    return [_extract(scan, labels, head) for head in find_heads(labels, side, case)]


def _extract(scan: Volume, labels: Volume, head: Head) -> HipSource:
    crop = HipCrop.around(scan.grid, head.centre_mm, mirrored=head.side is not CANONICAL_SIDE)
    own = np.zeros_like(labels.array)
    own[head.box] = labels.array[head.box] * head.mask
    taken = crop.extract(Volume(own, scan.grid))
    inside, ml = np.count_nonzero(taken.array), scan.grid.voxel_ml
    outside = np.count_nonzero(own[head.box]) - inside
    other = np.count_nonzero(crop.extract(labels).array) - inside
    gap_mm = HipMask(Volume(own, scan.grid)).border_gap_mm
    return HipSource(head.side, crop, crop.extract(scan), taken, outside * ml, other * ml, gap_mm)
