"""What is painted into a head: one lesion or two, each enclosed by a dark band that is uneven and seldom has a gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.lesion import Head, Lesion
from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import Distances, Points

Drawing = Callable[[np.random.Generator, Head, float, Points], "Implant"]
"""What draws an implant that fills a share of a head, as sampled at points."""

_PLACES = ((0.0, 0.55), (0.5, 0.25), (-0.55, 0.2))
"""Where a lesion lies, lateral of the anterosuperior middle, and how often; ours: most reach the lateral third."""

_TWO_LESIONS, _GAP = 0.12, 0.1
"""How often there are two, and how often the band has gaps."""

_UNEVEN = 0.3
"""Standard deviation of the band's thickness, relative to its mean."""


class Part(IntEnum):
    """The part of a lesion at a point."""

    NONE = 0
    BAND = 1
    INNER_RIM = 2
    INSIDE = 3


@dataclass(frozen=True, eq=False)
class Band:
    """The reactive zone around a lesion.

    Args:
        thickness_mm: In the mean.
        unevenness: Of its thickness.
        gap_above: Where `unevenness` exceeds this, there is no band.
    """

    thickness_mm: float
    unevenness: RandomField
    gap_above: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Band:
        """A random band; 1 to 3 mm are ours."""
        gap = 1.6 if rng.random() < _GAP else np.inf
        return cls(float(rng.uniform(1.0, 3.0)), RandomField.draw(rng, (12, 40), 6), gap)

    def depth_mm(self, points: Points) -> Distances:
        """How thick it is at points."""
        uneven = self.unevenness(points)
        thickness = np.float32(self.thickness_mm) * np.clip(1 + np.float32(_UNEVEN) * uneven, 0.4, 2)
        depth: Distances = np.where(uneven > self.gap_above, np.float32(0), thickness)
        return depth


@dataclass(frozen=True, eq=False)
class Implant:
    """The lesions of one head and their bands."""

    lesions: tuple[tuple[Lesion, Band], ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, head: Head, share: float, points: Points) -> Implant:
        """Random lesions that fill a share of the head.

        Args:
            rng: The source of chance.
            head: The head.
            share: Above 0, below 1.
            points: A regular grid that covers the head, on which lesions are measured as they grow.
        """
        shifts, odds = zip(*_PLACES, strict=True)
        larger = float(rng.uniform(0.55, 0.9)) if rng.random() < _TWO_LESIONS else 1.0
        shares = [share * part for part in (larger, 1 - larger) if part > 0]
        places = rng.choice(shifts, len(shares), replace=False, p=odds)
        lesions: list[Lesion] = []
        for lateral, own in zip(places, shares, strict=True):
            taken = lesions[0].signed_distance(points) < 0 if lesions else None
            lesions.append(Lesion.draw(rng, head, float(lateral)).of_share(own, points, taken))
        return cls(tuple((lesion, Band.draw(rng)) for lesion in lesions))

    @classmethod
    def anywhere(cls, rng: np.random.Generator, head: Head, share: float, points: Points) -> Implant:
        """One lesion of any form at any place of the head: who learns from these goes by the band and not by the form.

        Args:
            rng: The source of chance.
            head: The head.
            share: Above 0, below 1.
            points: A regular grid that covers the head, on which the lesion is measured as it grows.
        """
        return cls(((Lesion.anywhere(rng, head).of_share(share, points), Band.draw(rng)),))

    @classmethod
    def upper(cls, rng: np.random.Generator, head: Head, share: float, points: Points) -> Implant:
        """As `anywhere`, with the lesion's core in the upper half of the head, where necrosis begins."""
        return cls(((Lesion.anywhere(rng, head, upper=True).of_share(share, points), Band.draw(rng)),))

    def parts(self, points: Points, rim_mm: float) -> NDArray[np.uint8]:
        """Values of `Part` at points; the inner rim is a share of the band's inner side.

        Args:
            points: Of any shape that broadcasts.
            rim_mm: Thickness of the rim that lines the band inside.
        """
        parts: NDArray[np.uint8] | None = None
        for lesion, band in self.lesions:
            distance, depth = lesion.signed_distance(points), band.depth_mm(points)
            own = np.select(
                [distance >= 0, distance > -depth, distance > -depth - np.float32(rim_mm) * (depth > 0)],
                [np.uint8(Part.NONE), np.uint8(Part.BAND), np.uint8(Part.INNER_RIM)],
                np.uint8(Part.INSIDE),
            )
            parts = own if parts is None else np.where(own > 0, np.where(parts > 0, np.maximum(own, parts), own), parts)
        if parts is None:
            raise ValueError("an implant has a lesion")
        return parts

    def distance(self, points: Points) -> Distances:
        """About the distance from the lesions, in mm, below 0 inside."""
        distances: Distances = np.minimum.reduce([lesion.signed_distance(points) for lesion, _ in self.lesions])
        return distances
