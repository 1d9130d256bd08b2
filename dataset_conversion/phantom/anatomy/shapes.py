"""Solid shapes as functions of position: about a signed distance in mm, negative inside, positive outside.

Points are three float32 arrays that broadcast to one grid, not three full ones: on a scan turned about the left-right
axis the first depends on the column alone, which makes most of a shape's arithmetic two-dimensional.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import Grid, Triple
from onfh_nnunet.core.hip import Side

Distances = NDArray[np.float32]
Points = tuple[Distances, Distances, Distances]
Box = tuple[Triple, Triple]
"""Lowest and highest corner in mm."""


class Shape(Protocol):
    """A solid in its own frame."""

    @property
    def box(self) -> Box:
        """Bounding box of the solid."""

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm, for points that broadcast to one shape."""


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid along the axes.

    Args:
        centre: In mm.
        radii: In mm; exact distances only where all three are equal.
    """

    centre: Triple
    radii: Triple

    @property
    def box(self) -> Box:
        """Bounding box of the solid."""
        return _box(np.subtract(self.centre, self.radii), np.add(self.centre, self.radii))

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        x, y, z = (
            np.square((p - np.float32(c)) / np.float32(r))
            for p, c, r in zip(points, self.centre, self.radii, strict=True)
        )
        distances: Distances = (np.sqrt(x + (y + z)) - np.float32(1)) * np.float32(min(self.radii))
        return distances


@dataclass(frozen=True)
class Capsule:
    """A rod with round ends that may taper.

    Args:
        start: Centre of the first end in mm.
        end: Centre of the other end in mm.
        radii: Of the two ends in mm.
    """

    start: Triple
    end: Triple
    radii: tuple[float, float]

    @property
    def box(self) -> Box:
        """Bounding box of the solid."""
        ends, radius = np.array([self.start, self.end]), max(self.radii)
        return _box(ends.min(axis=0) - radius, ends.max(axis=0) + radius)

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        axis = np.subtract(self.end, self.start).astype(np.float32)
        unit = axis / (axis @ axis)
        x, y, z = (p - np.float32(s) for p, s in zip(points, self.start, strict=True))
        along = np.clip(x * unit[0] + (y * unit[1] + z * unit[2]), 0, 1)
        off = np.square(x - along * axis[0]) + np.square(y - along * axis[1]) + np.square(z - along * axis[2])
        first, last = (np.float32(radius) for radius in self.radii)
        distances: Distances = np.sqrt(off) - (first + along * (last - first))
        return distances


@dataclass(frozen=True)
class Union:
    """Several solids joined smoothly.

    Args:
        shapes: At least one.
        fillet_mm: Width over which two surfaces that meet are rounded.
    """

    shapes: tuple[Shape, ...]
    fillet_mm: float = 5.0

    @property
    def box(self) -> Box:
        """Bounding box of the solid."""
        boxes = np.array([shape.box for shape in self.shapes])
        return _box(boxes[:, 0].min(axis=0) - self.fillet_mm / 4, boxes[:, 1].max(axis=0) + self.fillet_mm / 4)

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        first, *others = self.shapes
        distances = first.signed_distance(points)
        for other in others:
            distances = _smooth_union(distances, other.signed_distance(points), np.float32(self.fillet_mm))
        return distances


@dataclass(frozen=True, eq=False)
class Perturbed:
    """A solid with an uneven surface.

    Args:
        shape: The even solid.
        field: Of mean 0 and variance 1, in the solid's frame.
        height_mm: Standard deviation of the unevenness.
    """

    shape: Shape
    field: Callable[[Points], Distances]
    height_mm: float

    @property
    def box(self) -> Box:
        """Bounding box of the solid, where the field stays below 3."""
        low, high = np.array(self.shape.box)
        return _box(low - 3 * self.height_mm, high + 3 * self.height_mm)

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        return self.shape.signed_distance(points) + np.float32(self.height_mm) * self.field(points)


LATERAL = {Side.LEFT: 1, Side.RIGHT: -1}
"""The sign of lateral along the LPS axis x, which runs to the patient's left."""


@dataclass(frozen=True)
class LocalFrame:
    """Position and axes of a solid's own frame in the patient; a right hip is the mirror image of a left one.

    Args:
        centre_mm: The frame's origin in LPS.
        lateral: 1 where the first axis runs to the patient's left, -1 where it runs to the right; the second runs to
            the back and the third to the head.
    """

    centre_mm: Triple
    lateral: int = 1

    def local(self, points: Points) -> Points:
        """Patient positions (LPS) in this frame."""
        x, y, z = (p - np.float32(c) for p, c in zip(points, self.centre_mm, strict=True))
        return x * np.float32(self.lateral), y, z

    def placed(self, box: Box) -> Box:
        """A box of this frame in LPS."""
        corners = np.array(box) * (self.lateral, 1, 1) + np.array(self.centre_mm)
        return _box(corners.min(axis=0), corners.max(axis=0))


def positions(grid: Grid) -> Points:
    """The centres of a grid's voxels in LPS mm, without the axes along which a coordinate is constant."""
    matrix, points = grid.matrix, []
    for row, origin in zip(matrix, grid.origin_mm, strict=True):
        value = np.full((1, 1, 1), origin)
        for axis, index in enumerate(np.ogrid[tuple(slice(0, n) for n in grid.size)]):
            if abs(row[axis]) > 1e-9:
                value = value + row[axis] * index
        points.append(value.astype(np.float32))
    x, y, z = points
    return x, y, z


def _smooth_union(a: Distances, b: Distances, width: np.float32) -> Distances:
    """The smaller of two signed distances, smoothed where they differ by less than `width`."""
    near = np.maximum(width - np.abs(a - b), 0)
    distances: Distances = np.minimum(a, b) - near * near / (4 * width)
    return distances


def _box(low: NDArray[Any], high: NDArray[Any]) -> Box:
    (a, b, c), (d, e, f) = low.tolist(), high.tolist()
    return (a, b, c), (d, e, f)
