"""Candidate head regions in the output of a network, scored by roundness and confidence; signal voids among them.

The network was trained on boxes around one head, so elsewhere in the body its answers are random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.anatomy import POSSIBLE_HEAD_ML
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS, HipCrop
from onfh_nnunet.core.labels import BoolArray

LEAST_SIGNAL = 0.1
"""Share of the surrounding signal below which a region is a signal void. Our own choice: metal shows noise alone;
marrow had 0.9 to 2.7 times the signal around it in four series of a real patient, none of them fat-suppressed."""


@dataclass(frozen=True, eq=False)
class HeadCandidate:
    """A connected region that the network labels as head.

    Args:
        centre_mm: Centroid in LPS.
        ml: Volume.
        roundness: Share of it inside the ball of the same volume around its centroid: 1 for a ball, 0.9 for a head.
        certainty: Mean of abs(2p - 1) in its box where the probability p is above 0.02.
        mask: Its voxels (z, y, x), on the grid of the network's box.
    """

    centre_mm: FloatArray
    ml: float
    roundness: float
    certainty: float
    mask: BoolArray

    @property
    def score(self) -> float:
        """Roundness times certainty, from 0 to 1."""
        return self.roundness * self.certainty


def find_head_candidates(head: NDArray[np.float32], crop: HipCrop) -> list[HeadCandidate]:
    """What could be a head in the head probabilities (z, y, x) of a box, in the box's own frame."""
    components, (least, most) = components_of(head > 0.5), POSSIBLE_HEAD_ML
    ml = components.voxels * crop.grid.voxel_ml
    return [
        _candidate(head[box], components.mask(number), box, crop)
        for number, box in enumerate(components.boxes(), start=1)
        if least <= ml[number] <= most
    ]


def roundness(points: FloatArray, centre: FloatArray, voxel: float) -> float:
    """Share of a region inside the ball of its volume around a centre: 1 for a ball.

    Args:
        points: Its voxels' centres (n, 3).
        centre: Centre (3,), in the same unit of length.
        voxel: Volume of one voxel, in that unit cubed.
    """
    radius = np.cbrt(3 * len(points) * voxel / (4 * np.pi))
    return float((np.linalg.norm(points - centre, axis=1) <= radius).mean())


def is_signal_void(image: NDArray[Any], head: BoolArray) -> bool:
    """Whether a head candidate is a hole in the image. Metal looks like a head: round, but without signal.

    Args:
        image: Part of a scan (z, y, x). Signal counts from 0, or from the minimum where that is below 0.
        head: Mask (z, y, x) of the candidate; not empty.

    Returns:
        True when the median signal in the head is below `LEAST_SIGNAL` of the median around it; False when the head
        fills the image.
    """
    if head.all():
        return False
    zero = min(0.0, float(image.min()))
    inside, around = (float(np.median(image[where])) - zero for where in (head, ~head))
    return inside < LEAST_SIGNAL * around


def _candidate(head: NDArray[np.float32], mask: BoolArray, box: tuple[slice, ...], crop: HipCrop) -> HeadCandidate:
    spacing = np.array(crop.grid.spacing_mm)
    points = np.argwhere(mask[box]) * spacing
    centroid = points.mean(axis=0)
    index = centroid / spacing + [edge.start for edge in box]
    if crop.mirrored:
        index[LEFT_RIGHT_AXIS] = crop.size[LEFT_RIGHT_AXIS] - 1 - index[LEFT_RIGHT_AXIS]
    return HeadCandidate(
        centre_mm=crop.grid.to_mm(index),
        ml=float(len(points) * crop.grid.voxel_ml),
        roundness=roundness(points, centroid, float(spacing.prod())),
        certainty=float(np.abs(2 * head[head > 0.02] - 1).mean()),
        mask=mask,
    )
