"""Extraction of each labelled hip from a scan, as image and label in the hip's canonical frame; and the exact inverse.

A hip's array runs to the patient's head, back and left (see `core.hip_crop`); a left hip is mirrored, so that all
look like right hips. Its grid is the place of the box in the patient *before* mirroring: the header of a mirrored case
says where the box lies, and its array is reversed along the last axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.labels.head_components import Head, find_heads
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import Grid, same_grid
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
    """

    side: Side
    crop: HipCrop
    image: Volume
    label: Volume
    outside_ml: float
    other_ml: float = 0.0

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
    return HipSource(head.side, crop, crop.extract(scan), taken, outside * ml, other * ml)


def restore(hip: Volume, mirrored: bool, source: Grid) -> NDArray[Any]:
    """Place a hip from `extract_hips`, or a mask of it, back on the grid of its scan, voxel for voxel.

    Args:
        hip: Array (z, y, x) in the canonical frame, on the grid of the hip's file.
        mirrored: The case's `mirrored`.
        source: The grid of the scan that it was cut out of.

    Returns:
        An array of the source's size and the hip's type, 0 outside the box.

    Raises:
        GeometryError: The hip's voxels are no voxels of the source.
    """
    whole = HipCrop.whole(source)
    start = np.rint(whole.grid.to_index(hip.grid.origin_mm)).astype(int)
    if (start < 0).any() or (start + hip.grid.size > np.array(whole.size)).any():
        problem = f"of {hip.grid.size} voxels from {start.tolist()} does not fit in the scan of {whole.size} voxels"
        raise GeometryError("hip", problem, "Give the scan that the hip was cut out of")
    z, y, x = (int(n) for n in start)
    crop = HipCrop(source, whole.axes, whole.flipped, (z, y, x), hip.grid.size, mirrored)
    same_grid("hip", hip.grid, crop.grid)
    return crop.restore(hip.array)
