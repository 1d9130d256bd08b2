"""A raw scan -> one Prediction a hip: find the heads, read each as right and as left, keep what fits the patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.cut import HipCut
from onfh_nnunet.errors import HipNotFound, SideError
from onfh_nnunet.grid import FloatArray, Grid
from onfh_nnunet.hip import CANONICAL_SIDE, Side
from onfh_nnunet.locate import BETWEEN_HEADS_MM, HeadBlob, find_heads, head_blobs
from onfh_nnunet.segment import HipSegmenter, labels_of
from onfh_nnunet.volume import Volume

CLEAR_MARGIN = 0.02
"""Difference in certainty from which the network tells left from right; on phantoms it is 0.04 and more."""

WIDE_SCAN_MM = 280.0
"""A scan this wide shows both hips, so that its middle is near the patient's."""

MOST_RECENTRED_MM = 20.0
"""A head that is seen further from the place where it was found, nearly a radius, is something else."""

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

    @property
    def certainty(self) -> float:
        """How decided the network is about the head; 0 without one."""
        return self.head.certainty if self.head else 0.0


Readings = Mapping[Side, Reading]


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
    scan: Volume, segmenter: HipSegmenter, scout: HipSegmenter, side: Side | None, case: object
) -> list[Prediction]:
    """Segment every hip of a raw scan.

    Args:
        scan: The image, any plane and field of view, one hip or both.
        segmenter: The network, all folds.
        scout: The network that finds the heads; one fold is enough.
        side: Only this side; None tells the side from the anatomy and the patient's axes.
        case: The scan's name, for messages.

    Returns:
        One prediction a hip, the right one first.

    Raises:
        HipNotFound: No femoral head was found, or none of the wanted side.
        SideError: The side cannot be told, or the anatomy contradicts the patient's axes.
    """
    places = [blob.centre_mm for blob in find_heads(scan, scout)]
    read = [{each: _read(scan, place, each, segmenter) for each in Side} for place in places]
    heads = [readings for readings in read if any(reading.head for reading in readings.values())]
    if not heads:
        raise HipNotFound(case, "shows no femoral head that the model recognises", "Check that it is an MRI of a hip")
    sided = _both_sides(heads, case) if len(heads) == 2 else {_one_side(heads[0], scan.grid, side, case): heads[0]}
    wanted = [each for each in (Side.RIGHT, Side.LEFT) if each in sided and side in (None, each)]
    if not wanted:
        raise HipNotFound(case, f"shows no hip on side {side}", "Leave out --side")
    return [_prediction(sided[each][each]) for each in wanted]


def _read(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> Reading:
    """Read a place as one side; once more around the head that was seen there, as training boxes are centred on it."""
    first = _read_once(scan, centre_mm, side, segmenter)
    if first.head is None or np.linalg.norm(first.head.centre_mm - centre_mm) > MOST_RECENTRED_MM:
        return first
    again = _read_once(scan, first.head.centre_mm, side, segmenter)
    return again if again.head and again.head.score >= first.head.score else first


def _read_once(scan: Volume, centre_mm: FloatArray, side: Side, segmenter: HipSegmenter) -> Reading:
    cut = HipCut.around(scan.grid, centre_mm, mirrored=side is not CANONICAL_SIDE)
    probabilities = segmenter.probabilities(cut.take(scan))
    blobs = head_blobs(probabilities[0], cut)
    nearest = min(blobs, key=lambda blob: float(np.linalg.norm(blob.centre_mm - centre_mm)), default=None)
    return Reading(side, cut, probabilities, nearest)


def _prediction(reading: Reading) -> Prediction:
    score = reading.head.score if reading.head else 0.0
    doubt = (
        f"the femoral head is recognised poorly (score {score:.2f}, usual is {LEAST_SCORE:g} or more): check the mask"
    )
    warnings = (doubt,) if score < LEAST_SCORE else ()
    return Prediction(reading.side, reading.cut, _labels_of_head(reading), warnings)


def _labels_of_head(reading: Reading) -> NDArray[np.uint8]:
    """The label map of the head that was read; what else looks like a head in its box, however large, is none."""
    from scipy import ndimage

    labels = labels_of(reading.probabilities)
    if reading.head is None:
        return labels
    components, _ = ndimage.label(labels > 0)
    own = np.bincount(components[reading.head.mask]).argmax()
    return np.where(components == own, labels, np.uint8(0))


def _both_sides(heads: Sequence[Readings], case: object) -> dict[Side, Readings]:
    """Of two heads the patient's axes say which is which; the anatomy may not flatly contradict them."""
    right, left = sorted(heads, key=_x)
    if _margin(right, Side.LEFT) > CLEAR_MARGIN and _margin(left, Side.RIGHT) > CLEAR_MARGIN:
        problem = "shows hips that look mirrored: a left hip lies on the patient's right"
        raise SideError(case, problem, "Check the orientation in the file's header")
    return {Side.RIGHT: right, Side.LEFT: left}


def _one_side(head: Readings, grid: Grid, side: Side | None, case: object) -> Side:
    """The side of a single head: as given, or as the network recognises it and a wide scan confirms."""
    if side is not None:
        return side
    seen = max(Side, key=lambda each: head[each].certainty)
    if _margin(head, seen) < CLEAR_MARGIN:
        raise SideError(
            case, "does not show clearly whether this is a left or a right hip", "Give --side L or --side R"
        )
    across = grid.corners_mm()[:, 0]
    offset = _x(head) - float(across.mean())  # to the patient's left of the scan's middle
    lies = Side.LEFT if offset > 0 else Side.RIGHT
    if np.ptp(across) >= WIDE_SCAN_MM and abs(offset) > BETWEEN_HEADS_MM[0] / 4 and lies is not seen:
        problem = f"shows a hip that looks like {seen} where the patient's {lies} is"
        raise SideError(case, problem, "Check the orientation in the file's header, or give --side")
    return seen


def _margin(head: Readings, side: Side) -> float:
    """How much surer the network is of a side than of the other; negative when it prefers the other."""
    return head[side].certainty - head[side.other].certainty


def _x(head: Readings) -> float:
    surest = max(head.values(), key=lambda reading: reading.certainty)
    return float(surest.head.centre_mm[0]) if surest.head else 0.0
