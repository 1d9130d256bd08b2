"""The labelled femoral head: a sphere cut across the neck.

In a hip's frame: origin in the head's centre, axes to lateral, posterior and superior, mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy.shapes import Box, Distances, Points
from onfh_nnunet.core.grid import Triple

NECK_CUT_RADII = 0.5
"""The cut lies this many radii distal to the centre, perpendicular to the neck; it keeps 84 % of the sphere."""


@dataclass(frozen=True)
class FemoralHead:
    """A femoral head and the direction of its neck.

    Args:
        radius_mm: Radius of the sphere.
        neck: Unit vector along the neck, away from the head: lateral, inferior and slightly posterior.
    """

    radius_mm: float
    neck: Triple

    @classmethod
    def draw(cls, rng: np.random.Generator, *, male: bool) -> FemoralHead:
        """A random head of a man or a woman: mean diameters 48.5 and 43.25 mm (CT sphere fits of 202 femurs)."""
        radius = (24.25 if male else 21.625) + 1.3 * np.clip(rng.normal(), -1.6, 1.6)
        shaft_angle, anteversion = np.deg2rad([rng.normal(129, 4), rng.normal(13, 4)])
        lateral = math.sin(shaft_angle)
        neck = np.array([lateral, lateral * math.tan(anteversion), math.cos(shaft_angle)])
        x, y, z = (neck / np.linalg.norm(neck)).tolist()
        return cls(float(radius), (x, y, z))

    @property
    def box(self) -> Box:
        """Bounding box of the head."""
        r = self.radius_mm
        return (-r, -r, -r), (r, r, r)

    @property
    def volume_ml(self) -> float:
        """Volume in closed form: the sphere without the cap beyond the cut."""
        r, height = self.radius_mm, (1 - NECK_CUT_RADII) * self.radius_mm
        return math.pi * (4 / 3 * r**3 - height**2 * (r - height / 3)) / 1000

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside the cut sphere, in mm."""
        x, y, z = points
        sphere = np.sqrt(np.square(x) + (np.square(y) + np.square(z))) - np.float32(self.radius_mm)
        distances: Distances = np.maximum(sphere, self.along_neck(points) - np.float32(NECK_CUT_RADII * self.radius_mm))
        return distances

    def along_neck(self, points: Points) -> Distances:
        """Distance from the centre along the neck, in mm."""
        x, y, z = (p * np.float32(n) for p, n in zip(points, self.neck, strict=True))
        return x + (y + z)


@dataclass(frozen=True)
class PhysealScar:
    """The thin dark plate that the closed growth plate leaves across the head.

    Args:
        head: Whose scar it is.
        height_mm: Where it crosses the neck's axis, from the centre.
        sag_mm: How far its border bends towards the neck.
    """

    head: FemoralHead
    height_mm: float
    sag_mm: float

    @property
    def box(self) -> Box:
        """Bounding box of the scar."""
        return self.head.box

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 in a plate of about 1 mm, in mm."""
        x, y, z = points
        along = self.head.along_neck(points)
        across = np.square(x) + (np.square(y) + np.square(z)) - np.square(along)
        bent = along - np.float32(self.height_mm) - across * np.float32(self.sag_mm / self.head.radius_mm**2)
        distances: Distances = np.maximum(np.abs(bent) - np.float32(0.5), self.head.signed_distance(points))
        return distances
