"""Exact extraction of one hip from a scan and back: axes permuted and flipped, a box cropped, left hips mirrored.

In a hip's array the axes run to the patient's head, back and left (z, y, x), whatever plane the scan was acquired in;
for an oblique scan, as nearly as a permutation and flips allow. Nothing is resampled, so every voxel of the hip is one
voxel of the scan.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import FloatArray, Grid, Index, Triple, direction_of, same_grid
from onfh_nnunet.core.volume import Volume

HIP_BOX_MM = 72.0
"""Edge of the cube around a head's centre that becomes a case: 8 mm around a head of 56 mm, a very large one. All that
a network computes grows with its third power."""

HIP_BOX_KEY = "onfh_hip_box_mm"
"""Key of the edge in dataset.json, which travels to the model: it is shown boxes as large as those it learned from."""

HIP_BOX_ELSEWHERE_MM = 96.0
"""The edge for a model whose dataset.json names none."""

LEFT_RIGHT_AXIS = 2
"""The array axis of a hip that runs to the patient's left."""

_TO_HEAD_BACK_LEFT = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)  # columns: LPS vectors of array axes z, y, x


@dataclass(frozen=True)
class HipCrop:
    """One box of a scan, in anatomical axes; `mirrored` when left and right are exchanged.

    Args:
        source: The scan's grid.
        axes: For each axis of the hip's array, the scan's array axis that it runs along.
        flipped: For each axis of the hip's array, whether it runs against the scan's.
        start: First voxel of the box, in anatomical axes of the whole scan.
        size: Voxels of the box along the hip's axes.
        mirrored: Whether the hip's array is reversed along left-right.
    """

    source: Grid
    axes: Index
    flipped: tuple[bool, bool, bool]
    start: Index
    size: Index
    mirrored: bool = False

    @classmethod
    def whole(cls, source: Grid, *, mirrored: bool = False) -> HipCrop:
        """The crop that keeps the whole scan and only permutes and flips it into anatomical axes."""
        axes, flipped = _anatomical(source)
        z, y, x = (source.size[axis] for axis in axes)
        return cls(source, axes, flipped, (0, 0, 0), (z, y, x), mirrored)

    @classmethod
    def around(
        cls, source: Grid, centre_mm: Triple | FloatArray, *, mirrored: bool, box_mm: float = HIP_BOX_MM
    ) -> HipCrop:
        """A cube of `box_mm` around a position (LPS): the whole voxels that fit, clipped to the scan.

        Raises:
            GeometryError: The position lies outside the scan.
        """
        whole = cls.whole(source)
        grid = whole.grid
        centre = grid.to_index(centre_mm)
        if (centre < -0.5).any() or (centre > np.array(grid.size) - 0.5).any():
            raise GeometryError(
                "hip", f"lies at {np.round(centre_mm, 1).tolist()} mm, outside the scan", "Check the label"
            )
        size = np.maximum(np.floor(box_mm / np.array(grid.spacing_mm) + 1e-6), 1).astype(int)
        first = np.rint(centre - (size - 1) / 2).astype(int)
        low, high = np.maximum(first, 0), np.minimum(first + size, grid.size)
        return cls(source, whole.axes, whole.flipped, _index(low), _index(high - low), mirrored)

    @property
    def grid(self) -> Grid:
        """The grid of the hip's voxels in the patient before mirroring; `mirrored` does not change it."""
        first = [self._source_index(axis, 0) for axis in range(3)]
        direction = np.empty((3, 3))
        origin = np.empty(3)
        for axis, (source_axis, flipped) in enumerate(zip(self.axes, self.flipped, strict=True)):
            direction[:, axis] = np.asarray(self.source.direction)[:, source_axis] * (-1 if flipped else 1)
            origin[source_axis] = first[axis]
        z, y, x = (self.source.spacing_mm[axis] for axis in self.axes)
        return Grid(self.size, (z, y, x), _triple(self.source.to_mm(origin)), direction_of(direction))

    def extract(self, scan: Volume) -> Volume:
        """Extract this hip from a volume on the scan's grid.

        Raises:
            GridMismatch: The volume lies on another grid.
        """
        same_grid("scan", scan.grid, self.source)
        return Volume(np.ascontiguousarray(self._view(scan.array)), self.grid)

    def restore(self, hip: NDArray[Any], into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Place a hip's array (z, y, x) back into the scan.

        Args:
            hip: Array of the hip's size.
            into: An array of the scan's size that is changed in place; zeros when absent.

        Returns:
            The array on the scan's grid.
        """
        scan = np.zeros(self.source.size, hip.dtype) if into is None else into
        self._view(scan)[...] = hip
        return scan

    def _view(self, scan: NDArray[Any]) -> NDArray[Any]:
        anatomical = scan.transpose(self.axes)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]
        box = anatomical[tuple(slice(first, first + n) for first, n in zip(self.start, self.size, strict=True))]
        return np.flip(box, LEFT_RIGHT_AXIS) if self.mirrored else box

    def _source_index(self, axis: int, offset: int) -> int:
        index = self.start[axis] + offset
        return self.source.size[self.axes[axis]] - 1 - index if self.flipped[axis] else index


def _anatomical(grid: Grid) -> tuple[Index, tuple[bool, bool, bool]]:
    """The permutation and flips that bring the scan's axes closest to head, back and left."""
    alignment = _TO_HEAD_BACK_LEFT.T @ np.asarray(grid.direction)  # [anatomical axis, scan axis]
    axes = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(abs(alignment[wanted, axis]) for wanted, axis in enumerate(order)),
    )
    against = [bool(alignment[wanted, axis] < 0) for wanted, axis in enumerate(axes)]
    return _index(axes), (against[0], against[1], against[2])


def _index(values: Any) -> Index:
    z, y, x = (int(value) for value in values)
    return z, y, x


def _triple(values: FloatArray) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z
