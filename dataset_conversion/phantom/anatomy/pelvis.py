"""The acetabulum: half of a pelvis in a hip's frame, with the joint space around the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy.head import FemoralHead
from dataset_conversion.phantom.anatomy.shapes import Box, Capsule, Distances, Points, Union
from onfh_nnunet.core.grid import Triple

_OPENING: Triple = (0.64, -0.24, -0.73)  # unit vector out of the socket: lateral, anterior, inferior
_WALL_MM = 13.0


@dataclass(frozen=True)
class Acetabulum:
    """The solid behind the socket, with head and joint space still in it: a ball cut at the socket's rim.

    Args:
        head: The head in it.
        space_mm: From bone to bone: two layers of cartilage and the fluid between them.
    """

    head: FemoralHead
    space_mm: float

    @property
    def box(self) -> Box:
        """Bounding box of the acetabulum."""
        r = self.head.radius_mm + self.space_mm + _WALL_MM
        return (-r, -r, -r), (r, r, r)

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        wall = _from_centre(points) - np.float32(self.head.radius_mm + self.space_mm + _WALL_MM)
        distances: Distances = np.maximum(wall, self.beyond_rim(points))
        return distances

    def beyond_rim(self, points: Points) -> Distances:
        """Distance out of the socket, from its rim, in mm."""
        x, y, z = (p * np.float32(n) for p, n in zip(points, _OPENING, strict=True))
        return x + (y + z) - np.float32(0.12 * self.head.radius_mm)


@dataclass(frozen=True)
class Joint:
    """Head and joint space, up to a labrum's breadth out of the socket."""

    cup: Acetabulum

    @property
    def box(self) -> Box:
        """Bounding box of the joint."""
        return self.cup.box

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        space = _from_centre(points) - np.float32(self.cup.head.radius_mm + self.cup.space_mm)
        distances: Distances = np.maximum(space, self.cup.beyond_rim(points) - 4)
        return distances


def pelvic_bone(cup: Acetabulum) -> Union:
    """Ilium, ischium and pubis around the socket."""
    return Union(
        (
            cup,
            Capsule((-9, -2, 32), (-15, 20, 85), (19, 9)),  # body of the ilium
            Capsule((-15, 20, 85), (4, -4, 140), (9, 7)),  # its wing
            Capsule((-15, 24, 75), (-44, 56, 112), (10, 13)),  # towards the sacrum
            Capsule((-22, 22, -18), (-34, 34, -62), (15, 13)),  # ischium
            Capsule((-30, -14, -12), (-80, -30, -34), (11, 9)),  # upper branch of the pubis
            Capsule((-80, -30, -42), (-38, 26, -66), (6, 7)),  # its lower branch
        ),
        fillet_mm=8.0,
    )


def _from_centre(points: Points) -> Distances:
    x, y, z = points
    distance: Distances = np.sqrt(np.square(x) + (np.square(y) + np.square(z)))
    return distance
