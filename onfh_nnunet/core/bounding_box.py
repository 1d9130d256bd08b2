"""Bounding boxes of masks, and crops with a border of background: crop first, compute then.

A crop has layers of background all round, so the image border counts as background and a look-up that is clipped to
the crop reads background.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.labels import BoolArray

Box = tuple[slice, slice, slice]


def bounding_box(foreground: NDArray[np.bool_ | np.uint8]) -> Box | None:
    """The smallest box (z, y, x) around all non-zero voxels of an array (z, y, x); None where all are zero."""
    projected = foreground.max(axis=0)  # on bytes many times faster than any()
    if not projected.any():
        return None
    rows, columns = (_extent(projected.max(axis=other)) for other in (1, 0))
    return _extent(foreground[:, rows, columns].max(axis=(1, 2))), rows, columns


def nonzero_indices(mask: BoolArray) -> NDArray[np.intp]:
    """Indices (n, 3) of a mask's voxels, in order: `np.argwhere`, which is much slower for few voxels."""
    return np.stack(np.unravel_index(np.flatnonzero(mask), mask.shape), axis=1)


def crop_with_border(array: NDArray[Any], box: Box, layers: int | Sequence[int] = 1) -> NDArray[Any]:
    """Crop a box of an array (z, y, x) and pad it with layers of zeros, the same on all sides or per axis."""
    return np.pad(array[box], np.broadcast_to(layers, 3)[:, None])


def expand(box: Box, layers: Sequence[int]) -> Box:
    """Expand a box by a number of layers along z, y and x on both sides, clipped at index 0."""
    z, y, x = (slice(max(part.start - n, 0), part.stop + n) for part, n in zip(box, layers, strict=True))
    return z, y, x


def _extent(occupied: NDArray[Any]) -> slice:
    where = np.flatnonzero(occupied)
    return slice(int(where[0]), int(where[-1]) + 1)
