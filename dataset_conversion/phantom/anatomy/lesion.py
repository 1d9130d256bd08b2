"""Osteonecrosis: part of the head behind a closed dark band; the band's outer margin is the lesion's border.

The lesion is where a smooth random distance, measured from a core under the anterosuperior surface, stays below
`extent_mm`. So the extent that gives a wanted share of the head is a quantile of that distance, not a search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import Box, Distances, Ellipsoid, Points, Shape
from dataset_conversion.phantom.anatomy.tissue import Tissue
from onfh_nnunet.core.grid import FloatArray, Triple
from onfh_nnunet.core.labels import BoolArray

_INSIDES = (Tissue.DEAD_LIKE_MARROW, Tissue.DEAD_DARKER, Tissue.DEAD_MIXED)
_INSIDE_SHARES = (0.71, 0.15, 0.14)  # isointense with fat in 71 % before fracture: domain notes, section 6


class Head(Shape, Protocol):
    """What bounds a lesion: a femoral head in the hip's frame."""

    @property
    def radius_mm(self) -> float:
        """Radius of the ball that it is a part of."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion of a head, in the hip's frame.

    Args:
        head: The head that bounds it.
        core: Ellipsoid around which it grows.
        cap_share: 0 for an ellipsoidal deep limit, 1 for a plane one.
        roughness: Unevenness of its limit, mm.
        extent_mm: How far it reaches from the core.
        band_mm: Thickness of the band.
        inside: What the band encloses.
    """

    head: Head
    core: Ellipsoid
    cap_share: float
    roughness: RandomField
    extent_mm: float
    band_mm: float
    inside: Tissue

    @classmethod
    def draw(cls, rng: np.random.Generator, head: Head, lateral: float = 0.0) -> Lesion:
        """A random lesion without an extent, at the anterosuperior surface; further lateral, or medial below 0."""
        up = np.array([lateral + rng.normal(0, 0.25), -0.65, 0.75]) + rng.normal(0, 0.12, 3)
        core = up / np.linalg.norm(up) * head.radius_mm * rng.uniform(0.75, 0.95)
        return cls(
            head,
            Ellipsoid(_triple(core), _triple(rng.uniform(0.9, 1.15, 3))),
            cap_share=rng.uniform(0, 0.6),
            roughness=RandomField.draw(rng, (18, 45), 6),
            extent_mm=0.0,
            band_mm=rng.uniform(1.5, 1.9),
            inside=Tissue(rng.choice(_INSIDES, p=_INSIDE_SHARES)),
        )

    @classmethod
    def anywhere(cls, rng: np.random.Generator, head: Head, *, upper: bool = False) -> Lesion:
        """A random lesion without an extent, of any form at any place of the head or its upper half, deep or not."""
        direction = rng.normal(0, 1, 3)
        direction[2] = abs(direction[2]) if upper else direction[2]
        core = direction / np.linalg.norm(direction) * head.radius_mm * rng.uniform(0.1, 0.95)
        return replace(
            cls.draw(rng, head),
            core=Ellipsoid(_triple(core), _triple(rng.uniform(0.6, 1.4, 3))),
            cap_share=rng.choice([0.0, rng.uniform(0, 0.6)]),
            roughness=RandomField.draw(rng, (9, 45), 6),
        )

    @property
    def box(self) -> Box:
        """Bounding box of the lesion."""
        return self.head.box

    def reach(self, points: Points) -> Distances:
        """The distance from the core that `extent_mm` bounds, in mm."""
        up = np.array(self.core.centre) / np.linalg.norm(self.core.centre)
        depth = points[0] * np.float32(-up[0]) + (points[1] * np.float32(-up[1]) + points[2] * np.float32(-up[2]))
        cap, ball = np.float32(self.cap_share), self.core.signed_distance(points)
        distances: Distances = ball * (1 - cap) + depth * cap + np.float32(0.9) * self.roughness(points)
        return distances

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside the outer margin of the band, in mm; the band is closed under the head's surface too."""
        distances: Distances = np.maximum(
            self.reach(points) - np.float32(self.extent_mm), self.head.signed_distance(points)
        )
        return distances

    def of_share(self, share: float, points: Points, taken: BoolArray | None = None) -> Lesion:
        """This lesion, grown until it fills a share of the head, as sampled at points on a regular grid.

        Args:
            share: Of the whole head; from 0 to 1.
            points: The grid, of which the head holds some.
            taken: Points that another lesion fills already, and that do not count.
        """
        inside = self.head.signed_distance(points) < 0
        wanted = round(share * np.count_nonzero(inside))
        reach = self.reach(points)[inside if taken is None else inside & ~taken]
        rank = min(wanted, reach.size - 1)
        return replace(self, extent_mm=float(np.partition(reach, rank)[rank]))


def _triple(values: FloatArray) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z
