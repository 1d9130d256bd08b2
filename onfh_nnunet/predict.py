"""A raw scan -> one Prediction a hip: locate the heads, read each as its side, keep the head that was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.blob import HeadBlob, head_blobs
from onfh_nnunet.cut import LEFT_RIGHT_AXIS, HipCut
from onfh_nnunet.errors import HipNotFound, SideError
from onfh_nnunet.grid import FloatArray, Grid
from onfh_nnunet.hip import CANONICAL_SIDE, Side
from onfh_nnunet.locate import BETWEEN_HEADS_MM, SeenHead, locate_heads
from onfh_nnunet.segment import HipSegmenter, labels_of
from onfh_nnunet.volume import Volume

Locator = Callable[[Volume], list[SeenHead]]

CLEAR_RIGHTNESS = 0.75
"""From here on a head is surely a right one, and up to 1 minus it surely a left one; between them, nobody knows."""

WIDE_SCAN_MM = 280.0
"""A scan this wide shows both hips, so that its middle is near the patient's."""

RECENTRE_MM = 6.0
"""A head that is seen further from the box's centre is read again around it: training boxes are centred on theirs."""

MOST_RECENTRED_MM = 25.0
"""A head that is seen further from the place where it was located, about a radius, is something else."""

LEAST_SCORE = 0.65
"""Below it a head is not recognised well; on phantoms like those of the training it is above 0.75."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What the network says of one place of a scan, presented as one side.

    Args:
        side: The side.
        cut: The box.
        probabilities: Head and necrosis (2, z, y, x) in the hip's frame.
        head: The head nearest to the box's centre; None when there is none.
    """

    side: Side
    cut: HipCut
    probabilities: NDArray[np.float32]
    head: HeadBlob | None


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mask of one hip.

    Args:
        side: The patient's side.
        cut: Where the hip lies in the scan.
        labels: Label map (z, y, x) in the hip's frame, as the network gives it: not cleaned.
        warnings: What a reader of the mask must know.
    """

    side: Side
    cut: HipCut
    labels: NDArray[np.uint8]
    warnings: tuple[str, ...]

    def mask(self) -> Volume:
        """The label map on the grid of the scan."""
        return Volume(self.cut.put_back(self.labels), self.cut.source)


def predict_hips(
    scan: Volume, segmenter: HipSegmenter, side: Side | None, case: object, locator: Locator = locate_heads
) -> list[Prediction]:
    """Segment every hip of a raw scan.

    Args:
        scan: The image, any plane and field of view, one hip or both.
        segmenter: The network, all folds.
        side: Only this side; None tells the side from the anatomy and the patient's axes.
        case: The scan's name, for messages.
        locator: What finds the heads.

    Returns:
        One prediction a hip, the right one first.

    Raises:
        HipNotFound: No femoral head was found, or none of the wanted side, or the model outlines none there.
        SideError: The side cannot be told, or the anatomy contradicts the patient's axes.
    """
    seen = locator(scan)
    if not seen:
        raise HipNotFound(case, "shows no femoral head", "Check that it is an MRI of a hip")
    sides = _both_sides(seen, case) if len(seen) == 2 else (_side(seen[0], scan.grid, side, case),)
    sided = dict(zip(sides, seen, strict=True))
    wanted = [each for each in sides if side in (None, each)]
    if not wanted:
        raise HipNotFound(case, f"shows no hip on side {side}", "Leave out --side")
    read = [_read(scan, sided[each].centre_mm, each, segmenter) for each in wanted]
    outlined = [reading for reading in read if reading.head]
    if not outlined:
        raise HipNotFound(case, "shows a femoral head that the model does not outline", "Check that the model fits it")
    missed = [reading.side for reading in read if not reading.head]
    return [_prediction(reading, missed) for reading in outlined]


def _read(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> Reading:
    """Read a place as one side; once more around the head that was seen there, when it is off the centre."""
    first = _read_once(scan, centre_mm, side, segmenter)
    off = np.linalg.norm(first.head.centre_mm - centre_mm) if first.head else 0.0
    if first.head is None or not RECENTRE_MM < off <= MOST_RECENTRED_MM:
        return first
    again = _read_once(scan, first.head.centre_mm, side, segmenter)
    return again if again.head and again.head.score >= first.head.score else first


def _read_once(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> Reading:
    mirrored = side is not CANONICAL_SIDE
    cut = HipCut.around(scan.grid, centre_mm, mirrored=mirrored, box_mm=segmenter.hip_box_mm)
    probabilities = segmenter.probabilities(cut.take(scan))
    blobs = head_blobs(probabilities[0], cut)
    nearest = min(blobs, key=lambda blob: float(np.linalg.norm(blob.centre_mm - centre_mm)), default=None)
    return Reading(side, cut, probabilities, nearest)


def _prediction(reading: Reading, missed: Sequence[Side]) -> Prediction:
    score = reading.head.score if reading.head else 0.0
    doubt = (
        f"the femoral head is recognised poorly (score {score:.2f}, usual is {LEAST_SCORE:g} or more): check the mask"
    )
    warnings = [doubt] if score < LEAST_SCORE else []
    if _cut_off(reading):
        warnings.append("the femoral head reaches the edge of the box that was read: what lies beyond is missing")
    warnings += [f"the scan shows a head on side {side} that the model does not outline" for side in missed]
    return Prediction(reading.side, reading.cut, _labels_of_head(reading), tuple(warnings))


def _cut_off(reading: Reading) -> bool:
    """Whether the head reaches a face of its box beyond which the scan goes on."""
    if reading.head is None:
        return False
    cut, head = reading.cut, reading.head.mask
    upright = np.flip(head, LEFT_RIGHT_AXIS) if cut.mirrored else head
    where = np.argwhere(upright)
    first, last = where.min(axis=0), where.max(axis=0)
    start, size, whole = np.array(cut.start), np.array(cut.size), np.array(HipCut.whole(cut.source).size)
    return bool(((first == 0) & (start > 0)).any() or ((last == size - 1) & (start + size < whole)).any())


def _labels_of_head(reading: Reading) -> NDArray[np.uint8]:
    """The label map of the head that was read; what else looks like a head in its box, however large, is none."""
    from scipy import ndimage

    labels = labels_of(reading.probabilities)
    if reading.head is None:
        return labels
    components, _ = ndimage.label(labels > 0)
    own = np.bincount(components[reading.head.mask]).argmax()
    return np.where(components == own, labels, np.uint8(0))


def _both_sides(seen: Sequence[SeenHead], case: object) -> tuple[Side, Side]:
    """Of two heads the patient's axes say which is which; the anatomy may not flatly contradict them."""
    right, left = seen
    if right.rightness < 1 - CLEAR_RIGHTNESS and left.rightness > CLEAR_RIGHTNESS:
        problem = "shows hips that look mirrored: a left hip lies on the patient's right"
        raise SideError(case, problem, "Check the orientation in the file's header")
    return Side.RIGHT, Side.LEFT


def _side(head: SeenHead, grid: Grid, side: Side | None, case: object) -> Side:
    """The side of a single head: as given, or as it looks and a wide scan confirms."""
    if side is not None:
        return side
    if 1 - CLEAR_RIGHTNESS < head.rightness < CLEAR_RIGHTNESS:
        problem = "does not show clearly whether this is a left or a right hip"
        raise SideError(case, problem, "Give --side L or --side R")
    across = grid.corners_mm()[:, 0]
    offset = float(head.centre_mm[0] - across.mean())  # to the patient's left of the scan's middle
    lies = Side.LEFT if offset > 0 else Side.RIGHT
    if np.ptp(across) >= WIDE_SCAN_MM and abs(offset) > BETWEEN_HEADS_MM[0] / 4 and lies is not head.side:
        problem = f"shows a hip that looks like {head.side} where the patient's {lies} is"
        raise SideError(case, problem, "Check the orientation in the file's header, or give --side")
    return head.side
