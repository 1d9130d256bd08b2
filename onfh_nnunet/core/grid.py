"""Voxel grids: size, spacing, origin and direction.

Convention: array axes are z, y, x (slice, row, column of the file), and size, spacing and direction follow the array.
Positions are DICOM's patient coordinates in mm, LPS: x to the patient's left, y to the back, z to the head.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import GeometryError, GridMismatch

FloatArray = NDArray[np.floating[Any]]
Triple = tuple[float, float, float]
Index = tuple[int, int, int]
Direction = tuple[Triple, Triple, Triple]

ORTHOGONALITY_TOLERANCE = 1e-4
"""How far the direction may be from orthonormal: single-precision headers round near 1e-6, real shear is above 1e-3."""

PLACE_TOLERANCE, LEAST_PLACE_TOLERANCE_MM = 0.1, 0.1
"""How far a voxel may lie from where a file states it: a tenth of its shortest edge, or 0.1 mm where that is more.

Headers round. Cosines of four decimals move the corners of a scan by some hundredths of a millimetre, as a quaternion
in single precision does; positions of one decimal lie up to 0.087 mm off.
"""

GRID_TOLERANCE_MM = 0.05
"""How far apart the corners of two grids may lie that count as one: header rounding, far below any voxel."""

_REMEDY = "Export it again from the source, with its geometry"


@dataclass(frozen=True)
class Grid:
    """A voxel grid in the patient.

    Args:
        size: Voxels along array axes z, y, x.
        spacing_mm: Distance of voxel centres along array axes z, y, x.
        origin_mm: Position (x, y, z in LPS) of the centre of voxel [0, 0, 0].
        direction: Three rows x, y, z (LPS) of three columns, the unit vectors along array axes z, y, x.

    Raises:
        GeometryError: A size below 1, a spacing that is not positive, a position that is not finite, or directions that
            are not orthonormal.
    """

    size: Index
    spacing_mm: Triple
    origin_mm: Triple
    direction: Direction

    def __post_init__(self) -> None:
        spacing, origin = triple(self.spacing_mm), triple(self.origin_mm)
        matrix = np.asarray(self.direction, float)
        if min(self.size) < 1 or not all(s > 0 and math.isfinite(s) for s in spacing):
            raise GeometryError(
                "grid", f"has size {self.size} and spacing {spacing} mm, expected 1 or more and above 0", _REMEDY
            )
        if matrix.shape != (3, 3) or not np.isfinite([*origin, *matrix.flat]).all():
            raise GeometryError(
                "grid", f"has origin {origin} and direction {self.direction}, expected finite numbers", _REMEDY
            )
        if not is_orthonormal(matrix):
            got = f"has axes that are not perpendicular: {matrix.round(4).tolist()}"
            raise GeometryError("grid", f"{got}, expected unit vectors at 90 degrees", _REMEDY)
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        object.__setattr__(self, "spacing_mm", spacing)
        object.__setattr__(self, "origin_mm", origin)
        object.__setattr__(self, "direction", direction_of(matrix))

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel in millilitres."""
        return math.prod(self.spacing_mm) / 1000

    @property
    def matrix(self) -> FloatArray:
        """3 x 3 matrix; its columns are the LPS mm of one voxel step along array axes z, y, x."""
        columns: FloatArray = np.asarray(self.direction) * np.asarray(self.spacing_mm)
        return columns

    def to_mm(self, index: FloatArray | Triple | Index) -> FloatArray:
        """Positions (..., 3) in LPS mm of array indices (..., 3) in z, y, x."""
        position: FloatArray = np.asarray(index, float) @ self.matrix.T + np.asarray(self.origin_mm)
        return position

    def to_index(self, position_mm: FloatArray | Triple) -> FloatArray:
        """Array indices (..., 3) in z, y, x, not rounded, of positions (..., 3) in LPS mm."""
        offset = np.asarray(position_mm, float) - np.asarray(self.origin_mm)
        index: FloatArray = offset @ np.linalg.inv(self.matrix).T
        return index

    def part(self, start: Index, size: Index) -> Grid:
        """The grid of the sub-array that starts at an index."""
        return Grid(size, self.spacing_mm, triple(self.to_mm(start)), self.direction)

    def corners_mm(self) -> FloatArray:
        """The centres (8, 3) of the eight corner voxels in LPS mm."""
        return self.to_mm(np.array(list(itertools.product(*((0, n - 1) for n in self.size))), float))


def same_grid(case: object, got: Grid, expected: Grid) -> None:
    """Refuse two grids whose corners differ.

    Raises:
        GridMismatch: Size, or a corner by more than `GRID_TOLERANCE_MM`, differs.
    """
    if got.size != expected.size:
        raise GridMismatch(case, "size (z, y, x)", got.size, expected.size)
    apart = np.linalg.norm(got.corners_mm() - expected.corners_mm(), axis=1).max()
    if apart <= GRID_TOLERANCE_MM:
        return
    if not np.allclose(got.spacing_mm, expected.spacing_mm, rtol=1e-3):
        raise GridMismatch(case, "spacing (z, y, x) in mm", got.spacing_mm, expected.spacing_mm)
    if not np.allclose(got.direction, expected.direction, atol=1e-3):
        raise GridMismatch(case, "direction", got.direction, expected.direction)
    raise GridMismatch(case, "origin (LPS) in mm", got.origin_mm, f"{expected.origin_mm}; corners {apart:.3g} mm apart")


def place_tolerance_mm(spacing_mm: Sequence[float] | FloatArray) -> float:
    """How far a voxel of this spacing may lie from its place; see `PLACE_TOLERANCE`."""
    return max(LEAST_PLACE_TOLERANCE_MM, PLACE_TOLERANCE * float(min(spacing_mm)))


def is_orthonormal(axes: FloatArray, tolerance: float = ORTHOGONALITY_TOLERANCE) -> bool:
    """Whether the columns (3, n) are unit vectors that are perpendicular to each other."""
    return bool(np.abs(axes.T @ axes - np.eye(axes.shape[1])).max() <= tolerance)


def nearest_perpendicular(axes: FloatArray) -> FloatArray:
    """The orthonormal factor of the polar decomposition of columns (3, n): the nearest perpendicular unit vectors."""
    left, _, right = np.linalg.svd(axes, full_matrices=False)
    nearest: FloatArray = left @ right
    return nearest


def perpendicular_axes(axes: FloatArray, spacing_mm: FloatArray, size: Sequence[int]) -> FloatArray:
    """The perpendicular axes (columns) that are nearest to those that a file states, where its voxels hardly move.

    Args:
        axes: (3, n) columns in LPS, of length about 1; finite.
        spacing_mm: Between voxels along them.
        size: Voxels along them.

    Returns:
        The nearest perpendicular ones; the axes as they are if single precision cannot tell the
        two apart, or if a corner would move by more than `place_tolerance_mm`, for `Grid` to refuse.
    """
    if is_orthonormal(axes, 1e-6):
        return axes
    nearest = nearest_perpendicular(axes)
    extent = np.array(list(itertools.product(*((0.0, n - 1.0) for n in size)))) * spacing_mm
    moved = np.linalg.norm(extent @ (nearest - axes).T, axis=1).max()
    return nearest if moved <= place_tolerance_mm(spacing_mm) else axes


def direction_of(columns: FloatArray) -> Direction:
    """The rows of a 3 x 3 matrix whose columns are the unit vectors along array axes z, y, x."""
    x, y, z = (triple(row) for row in columns)
    return x, y, z


def triple(values: Any) -> Triple:
    """Convert three numbers to floats."""
    first, second, third = (float(value) for value in values)
    return first, second, third
