"""Prediction of all hips of a scan: locate the heads, decide laterality, segment a box around each head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.anatomy import HEAD_RADIUS_MM
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.errors import HipNotFound, NoFemoralHead
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip import CANONICAL_SIDE, Side
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS, HipCrop
from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.labels import BoolArray
from onfh_nnunet.core.scan_half import shows_both_hips, width_mm
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.head_candidates import HeadCandidate, find_head_candidates, is_signal_void
from onfh_nnunet.inference.laterality import contradictions, side_of_head, sides_of_pair
from onfh_nnunet.inference.locator import LocatedHead, locate_heads
from onfh_nnunet.inference.segmenter import HipSegmenter, labels_of
from onfh_nnunet.inference.traits import hip_traits

Locator = Callable[[Volume], list[LocatedHead]]

RECENTRE_MM = 6.0
"""A head that is seen further from the box's centre is read again around it: training boxes are centred on theirs."""

USUAL_SCORE = 0.65
"""Below it a head is not recognised well; on phantoms like those of the training it is above 0.75."""

LEAST_SCORE = 0.6
"""Below it there is no mask: shapes of random outline, a brain, and some heads that the scan cuts in half are there."""


@dataclass(frozen=True, eq=False)
class BoxPrediction:
    """The network's output for one box of a scan, presented as one side.

    Args:
        side: The side.
        crop: The box.
        image: What the network was shown.
        probabilities: Head and necrosis (2, z, y, x) in the hip's frame.
        head: The head nearest to the box's centre; None when there is none.
        why_none: Why there is none; empty when there is one.
    """

    side: Side
    crop: HipCrop
    image: Volume
    probabilities: NDArray[np.float32]
    head: HeadCandidate | None
    why_none: str = ""


@dataclass(frozen=True, eq=False)
class HipPrediction:
    """The mask of one hip.

    Args:
        side: The patient's side.
        crop: Where the hip lies in the scan.
        labels: Label map (z, y, x) in the hip's frame, as the network gives it: not cleaned.
        warnings: What a reader of the mask must know.
        traits: What tells whether it is like other hips.
        other_missed: Why the scan's other hip has no mask; empty where it has one, or need not have one.
    """

    side: Side
    crop: HipCrop
    labels: NDArray[np.uint8]
    warnings: tuple[str, ...]
    traits: HipTraits
    other_missed: str = ""

    def mask(self) -> Volume:
        """The label map on the grid of the scan."""
        return Volume(self.crop.restore(self.labels), self.crop.source)


def predict_hips(
    scan: Volume, segmenter: HipSegmenter, side: Side | None, case: object, locator: Locator = locate_heads
) -> list[HipPrediction]:
    """Segment every hip of a raw scan.

    Args:
        scan: The image, any plane and field of view, one hip or both.
        segmenter: The network, all folds.
        side: Only this side; None tells the side from the anatomy and the patient's axes.
        case: The scan's name, for messages.
        locator: What finds the heads.

    Returns:
        One prediction per hip, the right one first.

    Raises:
        HipNotFound: No femoral head was found (`NoFemoralHead`), or none of the wanted side, or the model outlines none
            there.
        SideError: The side is unknown, or the anatomy contradicts the patient's axes.
    """
    seen = locator(scan)
    if not seen:
        raise NoFemoralHead(case, "shows no femoral head", "Check that it is an MRI of a hip")
    sides = sides_of_pair(seen, case) if len(seen) == 2 else (side_of_head(seen[0], scan.grid, side, case),)
    sided = dict(zip(sides, seen, strict=True))
    wanted = [each for each in sides if side in (None, each)]
    if not wanted:
        raise HipNotFound(case, f"shows no hip on side {side}", "Leave out `side`")
    read = [_predict_hip(scan, sided[each].centre_mm, each, segmenter) for each in wanted]
    outlined = [(box, box.head) for box in read if box.head]
    if not outlined:
        raise HipNotFound(case, f"shows a femoral head that {read[0].why_none}", "Check that the model fits it")
    missed = "".join(f"the scan shows a head on side {box.side} that {box.why_none}" for box in read if not box.head)
    if len(seen) == 1 and side is None and shows_both_hips(scan.grid):
        missed = f"the scan is {width_mm(scan.grid):.0f} mm wide, and only one femoral head was found in it"
    doubts = contradictions(seen[0], scan.grid, side) if len(seen) == 1 and side else []
    return [_prediction(box, head, missed, doubts) for box, head in outlined]


def _predict_hip(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> BoxPrediction:
    """Predict one box as one side; reject what is not a head, with the reason."""
    box = _predict_recentred(scan, centre_mm, side, segmenter)
    why_none = _why_none(box)
    return replace(box, head=None, why_none=why_none) if why_none else box


def _predict_recentred(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> BoxPrediction:
    """Read a place; once more around the head that was seen there, when it is off the centre by up to a radius.

    What is seen farther off than that is something else.
    """
    first = _predict_box(scan, centre_mm, side, segmenter)
    off = np.linalg.norm(first.head.centre_mm - centre_mm) if first.head else 0.0
    if first.head is None or not RECENTRE_MM < off <= HEAD_RADIUS_MM:
        return first
    again = _predict_box(scan, first.head.centre_mm, side, segmenter)
    return again if again.head and again.head.score >= first.head.score else first


def _predict_box(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> BoxPrediction:
    mirrored = side is not CANONICAL_SIDE
    crop = HipCrop.around(scan.grid, centre_mm, mirrored=mirrored, box_mm=segmenter.hip_box_mm)
    image = crop.extract(scan)
    probabilities = segmenter.probabilities(image)
    candidates = find_head_candidates(probabilities[0], crop)
    nearest = min(
        candidates, key=lambda candidate: float(np.linalg.norm(candidate.centre_mm - centre_mm)), default=None
    )
    return BoxPrediction(side, crop, image, probabilities, nearest)


def _why_none(box: BoxPrediction) -> str:
    """Why the predicted head is rejected; empty when it is accepted."""
    head = box.head
    if head is None:
        return "the model does not outline"
    if head.score < LEAST_SCORE:
        return f"the model recognises too poorly to outline (score {head.score:.2f}, needed is {LEAST_SCORE:g})"
    return "gives no signal, as metal does" if is_signal_void(box.image.array, head.mask) else ""


def _prediction(box: BoxPrediction, head: HeadCandidate, missed: str, doubts: Sequence[str]) -> HipPrediction:
    warnings = list(doubts)
    if head.score < USUAL_SCORE:
        score = f"score {head.score:.2f}, usual is {USUAL_SCORE:g} or more"
        warnings.append(f"the femoral head is recognised poorly ({score}): check the mask")
    if _cut_off(box.crop, head.mask):
        warnings.append("the femoral head reaches the edge of the box that was read: what lies beyond is missing")
    labels = _labels_of_head(box.probabilities, head.mask)
    traits = hip_traits(box.image, box.probabilities, head)
    return HipPrediction(box.side, box.crop, labels, (*warnings, *filter(None, (missed,))), traits, missed)


def _cut_off(crop: HipCrop, head: BoolArray) -> bool:
    """Whether a head (z, y, x) reaches a face of its box that is not a border of the scan."""
    where = np.argwhere(np.flip(head, LEFT_RIGHT_AXIS) if crop.mirrored else head)
    first, last = where.min(axis=0), where.max(axis=0)
    start, size, whole = np.array(crop.start), np.array(crop.size), np.array(HipCrop.whole(crop.source).size)
    return bool(((first == 0) & (start > 0)).any() or ((last == size - 1) & (start + size < whole)).any())


def _labels_of_head(probabilities: NDArray[np.float32], head: BoolArray) -> NDArray[np.uint8]:
    """The label map of the predicted head; other components in its box are removed, however large."""
    labels = labels_of(probabilities)
    components = components_of(labels)
    own = int(np.bincount(components.numbers[head]).argmax())
    return np.where(components.mask(own), labels, np.uint8(0))
