"""Hip checks: what is wrong or unlikely in one extracted hip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dataset_conversion.hips.extraction import HipSource
from dataset_conversion.hips.findings import Finding, Severity
from onfh_nnunet.core.anatomy import CUT_HEAD_WITHIN_MM, PLAUSIBLE_HEAD_ML, PLAUSIBLE_NECROSIS_PERCENT
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.extent import Extent, percent_of
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS
from onfh_nnunet.core.labels import BoolArray, Region
from onfh_nnunet.core.scan_half import SideDoubt, side_doubt


def check_hip(hip: HipSource, case_id: str, line: int) -> list[Finding]:
    """The findings about one hip; empty for a plausible one.

    A head without necrosis is plausible: it has no grade.
    """
    return [Finding(case_id, line, level, check, message) for level, check, message in _findings(hip)]


def contrast(hip: HipSource) -> float:
    """How much brighter the head's median is than that of its surroundings in the box, in its standard deviations.

    0 for a constant image.
    """
    thinned = np.s_[::2, ::2, ::2]  # an eighth of the voxels says as much
    image, head = hip.image.array[thinned], Region.HEAD.mask(hip.label.array[thinned])
    spread = float(image.std())
    if spread == 0 or head.all() or not head.any():
        return 0.0
    return float(np.median(image[head]) - np.median(image[~head])) / spread


def _findings(hip: HipSource) -> Iterator[tuple[Severity, str, str]]:
    head = Region.HEAD.mask(hip.label.array)
    yield from _of_extent(hip.mask.extent)
    if (gap := hip.border_gap_mm) <= CUT_HEAD_WITHIN_MM:
        ends = f"ends {gap:.1f} mm from" if gap else "touches"
        message = f"the head {ends} the border of the scan; a cut head spoils volume and percentage"
        yield Severity.WARNING, "border", message
    if (parts := len(components_of(head))) > 1:
        yield Severity.WARNING, "parts", f"the head has {parts} separate parts, expected 1"
    if hip.outside_ml > 0:
        message = f"{hip.outside_ml:.2f} ml of the label lie too far from the head and were left out"
        yield Severity.WARNING, "outside", message
    if hip.other_ml > 0:
        yield (
            Severity.WARNING,
            "other",
            f"{hip.other_ml:.2f} ml of the other head reach into this hip's box as background",
        )
    if np.ptp(hip.image.array) == 0:
        yield Severity.ERROR, "constant", f"the image is {hip.image.array.flat[0]} everywhere around the head"
    if doubt := _side_doubt(hip, head):
        level = Severity.ERROR if doubt.certain else Severity.WARNING
        yield level, "side", f"the head is labelled {hip.side} and {doubt.place}"


def _of_extent(extent: Extent) -> Iterator[tuple[Severity, str, str]]:
    low, high = PLAUSIBLE_HEAD_ML
    if not low <= extent.head_ml <= high:
        yield Severity.WARNING, "volume", f"the head has {extent.head_ml:.1f} ml, expected {low:g} to {high:g} ml"
    percent = percent_of(extent.necrosis, extent.head)
    if PLAUSIBLE_NECROSIS_PERCENT < percent < 100:
        message = f"{percent:.0f} % of the head is labelled necrosis: check that head and necrosis are not exchanged"
        yield Severity.WARNING, "extent", message


def _side_doubt(hip: HipSource, head: BoolArray) -> SideDoubt | None:
    plain = np.flip(head, LEFT_RIGHT_AXIS) if hip.crop.mirrored else head
    centre = hip.label.grid.to_mm(np.argwhere(plain).mean(axis=0))
    return side_doubt(hip.crop.source, float(centre[0]), hip.side)
