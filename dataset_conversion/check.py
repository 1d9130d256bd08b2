"""What is possible and yet unlikely in a hip's label: worth a look, no reason to stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dataset_conversion.hips import HipSource
from onfh_nnunet.cut import LEFT_RIGHT_AXIS, HipCut
from onfh_nnunet.hip import PLAUSIBLE_HEAD_ML, Side
from onfh_nnunet.labels import BoolArray, Region, touches_border

BOTH_HIPS_WIDTH_MM = 250.0
"""A field of view this wide usually shows both hips, so that its middle is the patient's middle."""

OFF_MIDDLE_MM = 30.0
"""Heads lie 65 mm and more from the middle; nearer to it than this, the field's half says nothing."""


def check_hip(hip: HipSource, case_id: str) -> list[str]:
    """Warnings about a hip, each beginning with its case id; none for a plausible one.

    A head without necrosis is plausible: it has no grade.
    """
    return [f"{case_id}: {warning}" for warning in _warnings(hip)]


def _warnings(hip: HipSource) -> Iterator[str]:
    from scipy import ndimage

    head = Region.HEAD.mask(hip.label.array)
    ml = np.count_nonzero(head) * hip.label.grid.voxel_ml
    low, high = PLAUSIBLE_HEAD_ML
    if not low <= ml <= high:
        yield f"the head has {ml:.1f} ml, expected {low:g} to {high:g} ml"
    if touches_border(head):
        yield "the head touches the border of the scan; a cut head spoils volume and percentage"
    parts = ndimage.label(head)[1]
    if parts > 1:
        yield f"the head has {parts} separate parts, expected 1"
    if hip.outside_ml > 0:
        yield f"{hip.outside_ml:.2f} ml of the label lie too far from the head and were left out"
    if _in_the_other_half(hip, head):
        yield f"the head is labelled {hip.side} and lies in the other half of the scan"


def _in_the_other_half(hip: HipSource, head: BoolArray) -> bool:
    scan = HipCut.whole(hip.cut.source).grid
    if scan.size[LEFT_RIGHT_AXIS] * scan.spacing_mm[LEFT_RIGHT_AXIS] < BOTH_HIPS_WIDTH_MM:
        return False
    plain = np.flip(head, LEFT_RIGHT_AXIS) if hip.cut.mirrored else head
    centre = hip.label.grid.to_mm(np.argwhere(plain).mean(axis=0))
    to_left = float((centre - scan.corners_mm().mean(axis=0))[0])
    return (to_left if hip.side is Side.RIGHT else -to_left) > OFF_MIDDLE_MM
