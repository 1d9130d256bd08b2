"""Random appearance of a body, independent of contrast and protocol: grey values, blur, coil and noise.

Domain randomisation as SynthSeg does for brains (Billot et al., Med Image Anal 2023;86:102789). Bone, air and fibrous
tissue keep MR's habits most of the time, and what is dead differs from what encloses it; nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.tissue import Tissue
from onfh_nnunet.core.grid import FloatArray

_DEAD = (Tissue.DEAD_LIKE_MARROW, Tissue.DEAD_DARKER, Tissue.DEAD_MIXED)


def random_contrast(rng: Generator, least_fat: float = 0.0) -> NDArray[np.float32]:
    """A random grey value per tissue, mostly from 0 to 1; fat and marrow have at least `least_fat`."""
    grey = rng.uniform(0, 1, len(Tissue))
    for fatty in (Tissue.FAT, Tissue.MARROW):
        grey[fatty] = max(grey[fatty], least_fat)
    grey[Tissue.AIR] = rng.uniform(0, 0.05)
    if rng.random() < 0.7:
        grey[Tissue.CORTEX] = rng.uniform(0, 0.2)
    if rng.random() < 0.6:
        grey[Tissue.FIBROUS] = rng.uniform(0, 0.35)
    if rng.random() < 0.7:
        grey[Tissue.MARROW] = grey[Tissue.FAT] * rng.uniform(0.6, 1.1)
    for dead in _DEAD:
        grey[dead] = grey[Tissue.MARROW] * rng.uniform(0.5, 1.2) if rng.random() < 0.6 else rng.uniform(0, 1)
    return grey.astype(np.float32)


def blur_randomly(grey: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Add texture, then blur like voxels; in half of the cases with thick slices along one axis."""
    from scipy import ndimage

    grey = grey + rng.standard_normal(grey.shape, np.float32) * np.float32(rng.uniform(0, 0.12))
    blur = np.full(3, rng.uniform(0.3, 1.2))
    if rng.random() < 0.5:
        blur[rng.integers(3)] = rng.uniform(0.8, 2.2)
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(grey, blur)
    return blurred


def add_coil_and_noise(image: FloatArray, rng: Generator) -> FloatArray:
    """Apply a coil sensitivity, sometimes another grey scale, and noise."""
    image = image * np.exp(smooth_field(image.shape, 20, rng.uniform(0, 0.35), rng))
    if rng.random() < 0.15:
        image = image.max() - image if rng.random() < 0.3 else np.maximum(image, 0) ** rng.uniform(0.5, 2)
    image = image + rng.normal(0, 1, image.shape) * rng.uniform(0, 0.08)
    return np.abs(image) if rng.random() < 0.5 else image


def standardize(image: FloatArray) -> NDArray[np.float32]:
    """Scale to mean 0 and standard deviation 1."""
    normal: NDArray[np.float32] = ((image - image.mean()) / max(float(image.std()), 1e-6)).astype(np.float32)
    return normal


def smooth_field(shape: Sequence[int], cell: int, amplitude: float, rng: Generator) -> FloatArray:
    """A smooth random field with a standard deviation near the amplitude, one knot per `cell` voxels."""
    from scipy import ndimage

    knots = [max(2, -(-n // cell) + 1) for n in shape]
    factors = [n / k for n, k in zip(shape, knots, strict=True)]
    field = ndimage.zoom(rng.normal(0, 1, knots), factors, order=3, mode="nearest", grid_mode=True)
    smooth: FloatArray = amplitude * field[tuple(slice(n) for n in shape)]
    return smooth
