"""A raw scan -> one Prediction a hip: find the heads, read each as right and as left, keep what fits the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.cut import LEFT_RIGHT_AXIS, HipCut
from onfh_nnunet.errors import HipNotFound, SideError
from onfh_nnunet.hip import CANONICAL_SIDE, Side
from onfh_nnunet.locate import head_candidates
from onfh_nnunet.segment import HipSegmenter, labels_of
from onfh_nnunet.volume import FloatArray, Grid, Triple, Volume

MOST_CANDIDATES = 4
PLAUSIBLE_HEAD_ML = (15.0, 80.0)
"""A wide frame around the 22 to 65 ml of real heads: outside it a candidate counts half."""
LEAST_BETWEEN_HEADS_MM = 100.0
"""Centres of two femoral heads lie 150 to 200 mm apart."""
MOST_UNLEVEL_MM = 60.0
WIDE_SCAN_MM = 280.0
"""A scan this wide shows both hips, so its middle is near the patient's."""
CLEAR_MARGIN = 0.02
"""Difference in certainty from which the network tells left from right."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What the network says of one place of a scan, read as one side.

    Args:
        side: The side that the box was presented as.
        cut: The box.
        probabilities: Head and necrosis (2, z, y, x) in the hip's frame.
    """

    side: Side
    cut: HipCut
    probabilities: NDArray[np.float32]

    @property
    def certainty(self) -> float:
        """How decided the network is about the head: mean of abs(2p - 1) where p is above 0.02; 0 without a head."""
        head = self.probabilities[0]
        return float(np.abs(2 * head[head > 0.02] - 1).mean()) if (head > 0.5).any() else 0.0

    @property
    def head_ml(self) -> float:
        """The volume that is called head."""
        return float((self.probabilities[0] > 0.5).sum() * self.cut.grid.voxel_ml)

    @property
    def head_centre_mm(self) -> FloatArray:
        """The centre (LPS) of the largest head component's box."""
        from scipy import ndimage

        blobs, _ = ndimage.label(self.probabilities[0] > 0.5)
        largest = int(np.bincount(blobs.ravel())[1:].argmax()) + 1
        box = ndimage.find_objects(blobs == largest)[0]
        centre = np.array([(edge.start + edge.stop - 1) / 2 for edge in box])
        if self.cut.mirrored:
            centre[LEFT_RIGHT_AXIS] = self.cut.size[LEFT_RIGHT_AXIS] - 1 - centre[LEFT_RIGHT_AXIS]
        return self.cut.grid.to_mm(centre)


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mask of one hip.

    Args:
        side: The patient's side.
        cut: Where the hip lies in the scan.
        labels: Label map (z, y, x) in the hip's frame, as the network gives it: not cleaned.
    """

    side: Side
    cut: HipCut
    labels: NDArray[np.uint8]

    def mask(self) -> Volume:
        """The label map on the grid of the scan."""
        return Volume(self.cut.put_back(self.labels), self.cut.source)


@dataclass(frozen=True, eq=False)
class Head:
    """One head of a scan, read as both sides."""

    readings: tuple[Reading, Reading]

    @property
    def best(self) -> Reading:
        """The reading that the network is surer of."""
        return max(self.readings, key=lambda reading: reading.certainty)

    def as_side(self, side: Side) -> Reading:
        """The reading as a given side."""
        return next(reading for reading in self.readings if reading.side is side)

    def margin(self, side: Side) -> float:
        """How much surer the network is of a side than of the other; negative when it prefers the other."""
        return self.as_side(side).certainty - self.as_side(side.other).certainty


def predict_hips(scan: Volume, segmenter: HipSegmenter, side: Side | None, case: object) -> list[Prediction]:
    """Segment every hip of a raw scan.

    Args:
        scan: The image, any plane and field of view, one hip or both.
        segmenter: The network.
        side: Only this side; None tells the side from the anatomy and the patient's axes.
        case: The scan's name, for messages.

    Returns:
        One prediction a hip, the right one first.

    Raises:
        HipNotFound: No femoral head was found, or none of the wanted side.
        SideError: The side cannot be told, or the anatomy contradicts the patient's axes.
    """
    heads = _heads(scan, segmenter)
    if not heads:
        raise HipNotFound(case, "shows no femoral head that the model recognises", "Check that it is an MRI of a hip")
    sided = _both_sides(heads, case) if len(heads) == 2 else {_one_side(heads[0], scan.grid, side, case): heads[0]}
    wanted = [found for found in (Side.RIGHT, Side.LEFT) if found in sided and side in (None, found)]
    if not wanted:
        raise HipNotFound(case, f"shows no hip on side {side}", "Leave out --side")
    readings = [sided[found].as_side(found) for found in wanted]
    return [Prediction(found, r.cut, labels_of(r.probabilities)) for found, r in zip(wanted, readings, strict=True)]


def _heads(scan: Volume, segmenter: HipSegmenter) -> list[Head]:
    """The surest head and, far enough to its left or right and about level with it, the next surest."""
    candidates = head_candidates(scan, segmenter)[:MOST_CANDIDATES]
    heads = [Head((_read(scan, c, Side.RIGHT, segmenter), _read(scan, c, Side.LEFT, segmenter))) for c in candidates]
    sure = sorted((head for head in heads if head.best.certainty > 0), key=_plausibility, reverse=True)
    return sure[:1] + [head for head in sure[1:] if _opposite(sure[0], head)][:1]


def _read(scan: Volume, centre_mm: Triple | FloatArray, side: Side, segmenter: HipSegmenter) -> Reading:
    """Read a place as one side; once more around the head that was seen, as training boxes are centred on it."""
    for _ in range(2):
        cut = HipCut.around(scan.grid, centre_mm, mirrored=side is not CANONICAL_SIDE)
        reading = Reading(side, cut, segmenter.probabilities(cut.take(scan)))
        if reading.certainty == 0:
            break
        centre_mm = reading.head_centre_mm
    return reading


def _plausibility(head: Head) -> float:
    low, high = PLAUSIBLE_HEAD_ML
    return head.best.certainty * (1 if low <= head.best.head_ml <= high else 0.5)


def _opposite(first: Head, second: Head) -> bool:
    apart = np.abs(first.best.head_centre_mm - second.best.head_centre_mm)
    return bool(apart[0] >= LEAST_BETWEEN_HEADS_MM and apart[1:].max() <= MOST_UNLEVEL_MM)


def _both_sides(heads: Sequence[Head], case: object) -> dict[Side, Head]:
    """Of two heads the patient's axes say which is which; the anatomy may not flatly contradict them."""
    right, left = sorted(heads, key=lambda head: float(head.best.head_centre_mm[0]))
    if right.margin(Side.LEFT) > CLEAR_MARGIN and left.margin(Side.RIGHT) > CLEAR_MARGIN:
        problem = "has hips that look mirrored: what lies on the patient's right is a left hip"
        raise SideError(case, problem, "Check the orientation in the file's header")
    return {Side.RIGHT: right, Side.LEFT: left}


def _one_side(head: Head, grid: Grid, side: Side | None, case: object) -> Side:
    """The side of a single head: as given, or as the network recognises it and a wide scan confirms."""
    if side is not None:
        return side
    seen = head.best.side
    if head.margin(seen) < CLEAR_MARGIN:
        raise SideError(
            case, "does not show clearly whether this is a left or a right hip", "Give --side L or --side R"
        )
    corners = grid.corners_mm()[:, 0]
    offset = float(head.best.head_centre_mm[0] - corners.mean())  # to the patient's left of the scan's middle
    lies = Side.LEFT if offset > 0 else Side.RIGHT
    if np.ptp(corners) >= WIDE_SCAN_MM and abs(offset) > LEAST_BETWEEN_HEADS_MM / 3 and lies is not seen:
        problem = f"shows a hip that looks like {seen} where the patient's {lies} is"
        raise SideError(case, problem, "Check the orientation in the file's header, or give --side")
    return seen
