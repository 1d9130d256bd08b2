"""What a network calls head in a box, judged by its shape and by how decided the network is.

The network was trained on boxes around one head, so elsewhere in the body it answers at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.anatomy import POSSIBLE_HEAD_ML
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS, HipCrop
from onfh_nnunet.core.labels import BoolArray


@dataclass(frozen=True, eq=False)
class HeadCandidate:
    """A connected region that the network calls head.

    Args:
        centre_mm: Centroid in LPS.
        ml: Volume.
        roundness: Share of it inside the ball of the same volume around its centroid: 1 for a ball, 0.9 for a head.
        certainty: Mean of abs(2p - 1) in its box where the probability p is above 0.02.
        mask: Where it is, in the frame of the network's box (z, y, x).
    """

    centre_mm: FloatArray
    ml: float
    roundness: float
    certainty: float
    mask: BoolArray

    @property
    def score(self) -> float:
        """From 0 to 1: round and certain."""
        return self.roundness * self.certainty


def find_head_candidates(head: NDArray[np.float32], cut: HipCrop) -> list[HeadCandidate]:
    """What could be a head in the head probabilities (z, y, x) of a box, in the box's own frame."""
    components, (least, most) = components_of(head > 0.5), POSSIBLE_HEAD_ML
    ml = components.voxels * cut.grid.voxel_ml
    return [
        _candidate(head[box], components.mask(number), box, cut)
        for number, box in enumerate(components.boxes(), start=1)
        if least <= ml[number] <= most
    ]


def roundness(points: FloatArray, centre: FloatArray, voxel: float) -> float:
    """Share of a region inside the ball of its volume around a centre: 1 for a ball.

    Args:
        points: Its voxels' centres (n, 3).
        centre: In the same unit of length.
        voxel: The volume of one of them, in its cube.
    """
    radius = np.cbrt(3 * len(points) * voxel / (4 * np.pi))
    return float((np.linalg.norm(points - centre, axis=1) <= radius).mean())


def _candidate(head: NDArray[np.float32], mask: BoolArray, box: tuple[slice, ...], cut: HipCrop) -> HeadCandidate:
    spacing = np.array(cut.grid.spacing_mm)
    points = np.argwhere(mask[box]) * spacing
    centroid = points.mean(axis=0)
    index = centroid / spacing + [edge.start for edge in box]
    if cut.mirrored:
        index[LEFT_RIGHT_AXIS] = cut.size[LEFT_RIGHT_AXIS] - 1 - index[LEFT_RIGHT_AXIS]
    return HeadCandidate(
        centre_mm=cut.grid.to_mm(index),
        ml=float(len(points) * cut.grid.voxel_ml),
        roundness=roundness(points, centroid, float(spacing.prod())),
        certainty=float(np.abs(2 * head[head > 0.02] - 1).mean()),
        mask=mask,
    )
