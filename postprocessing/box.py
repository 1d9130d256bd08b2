"""The small part of a mask that holds something: crop first, compute then.

A crop has layers of background all round, so the image border counts as background and a look-up that is clipped to
the crop reads background.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.errors import LabelError
from onfh_nnunet.labels import BoolArray
from onfh_nnunet.volume import Volume

Box = tuple[slice, slice, slice]


def bounding_box(foreground: BoolArray) -> Box | None:
    """The smallest box (z, y, x) that holds all of a foreground (z, y, x); None when there is none."""
    projected = np.asarray(foreground.any(axis=0))
    if not projected.any():
        return None
    rows, columns = (_extent(np.asarray(projected.any(axis=other))) for other in (1, 0))
    return _extent(np.asarray(foreground[:, rows, columns].any(axis=(1, 2)))), rows, columns


def padded(array: NDArray[Any], box: Box, layers: int = 1) -> NDArray[Any]:
    """A box of an array (z, y, x) within layers of zeros."""
    return np.pad(array[box], layers)


def cropped(mask: Volume) -> Volume:
    """The head of a label map within one layer of background, at its place in the patient.

    Raises:
        LabelError: There is no head.
    """
    box = bounding_box(mask.array > 0)
    if box is None:
        raise LabelError("mask", "holds no femoral head (labels 1 and 2)", "Check the segmentation")
    labels = padded(mask.array, box)
    z, y, x = (part.start - 1 for part in box)
    depth, height, width = labels.shape
    return Volume(labels, mask.grid.part((z, y, x), (depth, height, width)))


def _extent(occupied: BoolArray) -> slice:
    where = np.flatnonzero(occupied)
    return slice(int(where[0]), int(where[-1]) + 1)
