"""Slice profiles: partitions of a 3D slab, overlapping partitions, and thick 2D slices with gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import Grid

Samples = list[tuple[np.float32, NDArray[np.uint8]]]
"""For each weight of a profile, what every slice (slice, row, column) has there."""


@dataclass(frozen=True)
class SliceProfile:
    """The weights of equally spaced samples across a slice, symmetric about its middle.

    Args:
        per_step: Samples from the middle of one slice to that of the next.
        per_pixel: Samples a pixel along each of its two axes.
        weights: Of sum 1; more of them than `per_step` where slices overlap.
        thickness_steps: What a header states as the slice thickness, in steps.
        slab: Whether the slices are partitions of one excited slab (3D).
    """

    per_step: int
    per_pixel: int
    weights: tuple[float, ...]
    thickness_steps: float
    slab: bool

    def sampled(self, grid: Grid) -> Grid:
        """The finer grid, of the samples of each slice and pixel; neighbouring slices may share samples."""
        per = np.array([self.per_step, self.per_pixel, self.per_pixel])
        slices, rows, columns = grid.size
        z, y, x = (np.array(grid.spacing_mm) / per).tolist()
        shift = (1 / per - 1) / 2 - np.array([self._beyond / self.per_step, 0, 0])
        first, second, third = grid.to_mm(shift).tolist()
        size = (slices * self.per_step + 2 * self._beyond, rows * self.per_pixel, columns * self.per_pixel)
        return Grid(size, (z, y, x), (first, second, third), grid.direction)

    def planes(self, samples: NDArray[np.uint8]) -> Samples:
        """The samples that each weight applies to, as views of the finer grid."""
        slices = (len(samples) - 2 * self._beyond) // self.per_step
        stop = slices * self.per_step
        return [(np.float32(w), samples[k : k + stop : self.per_step]) for k, w in enumerate(self.weights)]

    @property
    def _beyond(self) -> int:
        """Samples that a slice takes from each of its neighbours."""
        return (len(self.weights) - self.per_step) // 2


PARTITIONS = SliceProfile(2, 2, (0.5, 0.5), 1.0, slab=True)
OVERLAPPING = SliceProfile(2, 2, (0.25, 0.25, 0.25, 0.25), 2.0, slab=True)
"""Twice as many partitions as were encoded, by zero filling: each as thick as two steps."""

THICK = SliceProfile(6, 1, (0.1, 0.2, 0.2, 0.2, 0.2, 0.1), 1 / 1.2, slab=False)
"""2D slices with a gap of a fifth of their thickness; selective pulses do not cut sharply. Their pixels are small."""
