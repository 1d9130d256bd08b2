"""From shapes to voxels: painted twice as finely as scanned, mixed to voxels, seen through coil and noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy import Part
from dataset_conversion.phantom.patient import PhantomHip
from dataset_conversion.phantom.shapes import Box, Frame, Points, positions
from dataset_conversion.phantom.signal import Sequence, Tissue, echo_table, texture_table
from dataset_conversion.phantom.waves import Waves
from onfh_nnunet.grid import FloatArray, Grid, Index
from onfh_nnunet.labels import Label

_PER_VOXEL = 2
_SLAB = 4  # slices that are painted at a time, to bound memory
_LARGEST = 1000.0  # grey value near that of subcutaneous fat
_NOISE = (0.015, 0.03)  # standard deviation in each channel, relative to fat


def render(placed: list[tuple[Frame, Part]], grid: Grid, sequence: Sequence, rng: np.random.Generator) -> FloatArray:
    """The magnitude image.

    Args:
        placed: Parts in the order of painting, each with the frame it stands in.
        grid: Where the voxels lie.
        sequence: The spoiled gradient echo.
        rng: For texture, coil and noise.

    Returns:
        Grey values (z, y, x), float32, before rounding.
    """
    look = _Look(sequence, rng)
    slabs = [look.slab(placed, slab) for slab in _slabs(grid)]
    signal: FloatArray = np.concatenate(slabs)
    sigma = np.float32(rng.uniform(*_NOISE) * _LARGEST)
    real = signal + sigma * rng.standard_normal(grid.size, np.float32)
    noisy: FloatArray = np.hypot(real, sigma * rng.standard_normal(grid.size, np.float32))
    return noisy


def label_map(hips: list[PhantomHip], grid: Grid) -> NDArray[np.uint8]:
    """The label (z, y, x) of what lies in each voxel's centre."""
    labels = np.zeros(grid.size, np.uint8)
    for hip in hips:
        where = _reached(grid, hip.frame.placed(hip.head.box), 0.0)
        if where is None:
            continue
        points = hip.frame.local(positions(grid.part(*where)))
        view = labels[_slices(*where)]
        view[hip.head.level(points) < 0] = Label.VIABLE_HEAD
        if hip.lesion is not None:
            view[hip.lesion.level(points) < 0] = Label.NECROSIS
    return labels


class _Look:
    """What one scan sees: contrast, texture and coil.

    Args:
        sequence: The spoiled gradient echo.
        rng: Draws texture and coil.
    """

    def __init__(self, sequence: Sequence, rng: np.random.Generator) -> None:
        echoes = echo_table(sequence)
        self._echoes = echoes * np.float32(_LARGEST / abs(echoes[Tissue.FAT]))
        self._texture = texture_table() * np.abs(self._echoes)
        self._fine, self._patches = Waves.draw(rng, (3, 14), 20), Waves.draw(rng, (15, 40))
        self._coil = Waves.draw(rng, (350, 700), 4)

    def slab(self, placed: list[tuple[Frame, Part]], grid: Grid) -> NDArray[np.float32]:
        """Noiseless grey values of a few slices (z, y, x)."""
        tissues = _painted(placed, _finer(grid))
        echo, texture = np.zeros(grid.size, np.complex64), np.zeros(grid.size, np.float32)
        for offset in np.ndindex(_PER_VOXEL, _PER_VOXEL, _PER_VOXEL):
            inside = tissues[tuple(slice(first, None, _PER_VOXEL) for first in offset)]
            echo += self._echoes[inside]
            texture += self._texture[inside]
        points = positions(grid)
        signal = np.abs(echo) + texture * self._pattern(points)
        coil = np.exp(np.float32(0.15) * self._coil(points)) / np.float32(_PER_VOXEL**3)
        seen: NDArray[np.float32] = np.maximum(signal, 0) * coil
        return seen

    def _pattern(self, points: Points) -> NDArray[np.float32]:
        """Fine grain, and patches that are only ever darker, such as red marrow."""
        patches = np.minimum(self._patches(points) + np.float32(0.3), 0)
        pattern: NDArray[np.float32] = np.float32(0.7) * self._fine(points) + np.float32(1.6) * patches
        return pattern


def _painted(placed: list[tuple[Frame, Part]], grid: Grid) -> NDArray[np.uint8]:
    """The tissue (z, y, x) at each voxel's centre."""
    tissues = np.full(grid.size, Tissue.AIR, np.uint8)
    for frame, part in placed:
        where = _reached(grid, frame.placed(part.shape.box), max(0.0, -part.layers[0][0]))
        if where is not None:
            level = part.shape.level(frame.local(positions(grid.part(*where))))
            view = tissues[_slices(*where)]
            for depth, tissue in part.layers:
                view[level < -depth] = tissue
    return tissues


def _slabs(grid: Grid) -> Iterator[Grid]:
    slices, rows, columns = grid.size
    for first in range(0, slices, _SLAB):
        yield grid.part((first, 0, 0), (min(_SLAB, slices - first), rows, columns))


def _finer(grid: Grid) -> Grid:
    """The grid that samples each voxel `_PER_VOXEL` times along each axis."""
    z, y, x = (n * _PER_VOXEL for n in grid.size)
    shift = (1 / _PER_VOXEL - 1) / 2
    a, b, c = (s / _PER_VOXEL for s in grid.spacing_mm)
    first, second, third = grid.to_mm((shift, shift, shift)).tolist()
    return Grid((z, y, x), (a, b, c), (first, second, third), grid.direction)


def _reached(grid: Grid, box: Box, margin_mm: float) -> tuple[Index, Index] | None:
    """Start and size of the part of a grid that a box (LPS) with a margin reaches; none where they do not meet."""
    low, high = np.array(box[0]) - margin_mm, np.array(box[1]) + margin_mm
    corners = grid.to_index(np.array(list(np.ndindex(2, 2, 2))) * (high - low) + low)
    start = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(corners.max(axis=0)) + 1, grid.size).astype(int)
    if (stop <= start).any():
        return None
    (a, b, c), (d, e, f) = start.tolist(), (stop - start).tolist()
    return (a, b, c), (d, e, f)


def _slices(start: Index, size: Index) -> tuple[slice, ...]:
    return tuple(slice(first, first + n) for first, n in zip(start, size, strict=True))
