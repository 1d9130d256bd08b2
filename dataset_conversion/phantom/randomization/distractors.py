"""Images without a femoral head: random shapes and greys, often a ball in a shell, like a brain in its skull."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.phantom.randomization.appearance import blur_randomly, smooth_field
from onfh_nnunet.core.grid import FloatArray, Index

_BALL_MM, _SHELL_MM, _SHAPE_MM = (12.0, 90.0), (1.0, 8.0), (12.0, 60.0)


def random_distractors(size: Index, voxel_mm: float, rng: Generator) -> NDArray[np.float32]:
    """Grey values (z, y, x) of an image without any femoral head."""
    cells = np.maximum(rng.uniform(*_SHAPE_MM, int(rng.integers(3, 8))) / voxel_mm, 2).astype(int).tolist()
    things = np.argmax([smooth_field(size, cell, 1, rng) for cell in cells], axis=0)
    if rng.random() < 0.5:
        depth = _depth(size, voxel_mm, rng)
        things[depth > 0], things[depth > rng.uniform(*_SHELL_MM)] = len(cells), len(cells) + 1
    grey = rng.uniform(0, 1, len(cells) + 2).astype(np.float32)
    return blur_randomly(grey[things], rng)


def _depth(size: Index, voxel_mm: float, rng: Generator) -> FloatArray:
    """Depth below the surface of an uneven ellipsoid near the middle, in mm."""
    index = np.indices(size).reshape(3, -1).T - (np.array(size) / 2 + rng.normal(0, 3, 3))
    distance = np.linalg.norm(index * rng.uniform(0.7, 1.3, 3), axis=1).reshape(size) * voxel_mm
    depth: FloatArray = rng.uniform(*_BALL_MM) - distance - smooth_field(size, 12, rng.uniform(0, 2), rng) * voxel_mm
    return depth
