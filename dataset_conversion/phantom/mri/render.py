"""MR image of tissues: excitation, readout, coil sensitivity and noise.

The frame of the image is that of fat: the marrow of the head is fat, so the head is seen where its label lies, and it
is water that is displaced along the readout, by a pixel or so. A scanner tuned to water displaces fat instead, which is
the same picture, moved as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import positions
from dataset_conversion.phantom.anatomy.tissue import Tissue
from dataset_conversion.phantom.mri.slice_profile import Samples, SliceProfile
from dataset_conversion.phantom.mri.spgr_sequence import Sequence
from dataset_conversion.phantom.mri.spgr_signal import (
    fat_table,
    fat_turn,
    magnitude,
    patches_table,
    texture_table,
    water_table,
)
from dataset_conversion.phantom.mri.voxelize import Placed, voxelize_tissues
from onfh_nnunet.core.grid import FloatArray, Grid

_AT_A_TIME = 4  # slices, to bound memory
_LARGEST = 1000.0  # grey value near that of subcutaneous fat
_NOISE = (0.015, 0.03)  # standard deviation in each channel, relative to fat
_LEAK = np.array([0.15, 0.06, 0.02], np.float32)[:, None, None]
"""What the slab's pulse excites of the partitions beyond its edge, from the edge outwards; as much is missing inside.

Slab profiles fall off over a few partitions, and what lies beyond the encoded slab wraps to its other end.
"""


def render(placed: Placed, grid: Grid, sequence: Sequence, profile: SliceProfile, rng: Generator) -> FloatArray:
    """The magnitude image.

    Args:
        placed: Parts in the order of painting, each with the frame it stands in.
        grid: Where the voxels lie; the readout runs along its rows' step (array axis y).
        sequence: The spoiled gradient echo.
        profile: Of the slices.
        rng: For texture, coil and noise.

    Returns:
        Grey values (z, y, x), float32, before rounding.
    """
    look = _SignalModel(sequence, profile, rng)
    beyond = len(_LEAK) if profile.slab else 0
    signal = np.concatenate([look.at(placed, part) for part in _parts(grid, beyond)])
    if beyond:
        signal = wrapped(signal)
    sigma = np.float32(rng.uniform(*_NOISE) * _LARGEST)
    real = signal + sigma * rng.standard_normal(grid.size, np.float32)
    noisy: FloatArray = np.hypot(real, sigma * rng.standard_normal(grid.size, np.float32))
    return noisy


def wrapped(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """A slab with what its imperfect pulse excites beyond its ends, wrapped to the other end.

    Args:
        signal: Grey values (z, y, x), with as many slices beyond each end as the pulse reaches.

    Returns:
        Grey values of the slab alone.
    """
    n = len(_LEAK)
    before, slab, after = signal[:n], signal[n:-n], signal[-n:]
    k = min(n, len(slab))  # a slab of fewer partitions than the pulse reaches wraps those next to it alone
    first, last = _LEAK[:k], _LEAK[:k][::-1]
    excited = np.ones((len(slab), 1, 1), np.float32)
    excited[:k] -= first
    excited[-k:] -= last
    seen = excited * slab
    seen[:k] += first * after[:k]
    seen[-k:] += last * before[n - k :]
    return seen


def displaced(water: NDArray[np.float32], samples: float) -> NDArray[np.float32]:
    """Samples (z, y, x) moved along y by a number of samples, at least 0, with linear interpolation."""
    whole = int(samples)
    share = np.float32(samples - whole)
    rows = np.arange(water.shape[1]) - whole
    near, far = water[:, np.maximum(rows, 0)], water[:, np.maximum(rows - 1, 0)]
    moved: NDArray[np.float32] = (1 - share) * near + share * far
    return moved


class _SignalModel:
    """The contrast, texture and coil sensitivity of one scan.

    Args:
        sequence: The spoiled gradient echo.
        profile: Of the slices.
        rng: Draws texture and coil.
    """

    def __init__(self, sequence: Sequence, profile: SliceProfile, rng: Generator) -> None:
        self._profile, self._turn = profile, fat_turn(sequence)
        self._apart = profile.per_pixel * sequence.fat_shift_pixels
        water, fat = water_table(sequence), fat_table(sequence)
        grey = magnitude(water, fat, self._turn)
        scale = np.float32(_LARGEST / grey[Tissue.FAT] / profile.per_pixel**2)
        self._water, self._fat, self._texture = water * scale, fat * scale, texture_table() * grey * scale
        self._fine, self._patches = RandomField.draw(rng, (3, 14), 20), RandomField.draw(rng, (15, 40))
        self._coil = RandomField.draw(rng, (350, 700), 4)

    def at(self, placed: Placed, grid: Grid) -> NDArray[np.float32]:
        """Noiseless grey values of a few slices (z, y, x)."""
        samples = self._profile.planes(voxelize_tissues(placed, self._profile.sampled(grid)))
        water, fat, texture = self._mixed(samples)
        per = self._profile.per_pixel
        points = positions(grid)
        # patches are large: one sample of a voxel tells whether it lies in one
        tissue = samples[len(samples) // 2][1][:, ::per, ::per]
        dark = patches_table()[tissue] * np.minimum(self._patches(points) + np.float32(0.3), 0)
        signal = magnitude(water, fat, self._turn) * (1 + dark) + texture * self._fine(points)
        seen: NDArray[np.float32] = np.maximum(signal, 0) * np.exp(np.float32(0.15) * self._coil(points))
        return seen

    def _mixed(self, samples: Samples) -> tuple[NDArray[np.float32], ...]:
        """Water, displaced, and fat and texture of the voxels that the samples fill."""
        per = self._profile.per_pixel
        slices, rows, columns = (n // k for n, k in zip(samples[0][1].shape, (1, per, per), strict=True))
        water = np.zeros((slices, per * rows, columns), np.float32)
        fat, texture = np.zeros((slices, rows, columns), np.float32), np.zeros((slices, rows, columns), np.float32)
        for weight, plane in samples:
            for x in range(per):
                water += (weight * self._water)[plane[:, :, x::per]]
                for y in range(per):
                    tissue = plane[:, y::per, x::per]
                    fat += (weight * self._fat)[tissue]
                    texture += (weight * self._texture)[tissue]
        moved = displaced(water, self._apart).reshape(slices, rows, per, columns).sum(axis=2)
        return moved, fat, texture


def _parts(grid: Grid, beyond: int) -> Iterator[Grid]:
    """The grid with additional slices beyond each of its ends, a few slices at a time."""
    slices, rows, columns = grid.size
    for first in range(-beyond, slices + beyond, _AT_A_TIME):
        yield grid.part((first, 0, 0), (min(_AT_A_TIME, slices + beyond - first), rows, columns))
