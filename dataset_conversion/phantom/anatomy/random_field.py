"""Smooth random field of position: a sum of plane waves of random direction, length and phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.shapes import Distances, Points


@dataclass(frozen=True, eq=False)
class RandomField:
    """A random field of mean 0 and variance 1.

    Args:
        vectors: Wave vectors (n, 3) in radians a mm.
        phases: Phases (n,) in radians.
    """

    vectors: NDArray[np.float32]
    phases: NDArray[np.float32]

    @classmethod
    def draw(cls, rng: np.random.Generator, lengths_mm: tuple[float, float], n: int = 10) -> RandomField:
        """A random field with wavelengths between two lengths."""
        direction = rng.normal(size=(n, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        vectors = 2 * np.pi / rng.uniform(*lengths_mm, (n, 1)) * direction
        return cls(vectors.astype(np.float32), rng.uniform(0, 2 * np.pi, n).astype(np.float32))

    def __call__(self, points: Points) -> Distances:
        """The field at points that broadcast to one shape."""
        x, y, z = points
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), np.float32)
        for (a, b, c), phase in zip(self.vectors, self.phases, strict=True):
            # sin(u + v) taken apart: sines of a column and of a plane instead of a whole volume
            u, v = a * x + phase, b * y + c * z
            total += np.sin(u) * np.cos(v)
            total += np.cos(u) * np.sin(v)
        return total * np.float32(np.sqrt(2 / len(self.phases)))
