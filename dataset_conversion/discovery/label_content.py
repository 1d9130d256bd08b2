"""Content of label files: whether a file is a label map, and the components of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.discovery.candidates import LabelPart
from dataset_conversion.readers.segmentation import whole_numbers
from onfh_nnunet.core.bounding_box import bounding_box
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.labels import BoolArray

MOST_STRUCTURES = 128
"""Label maps of a whole body draw about 120 structures; an MR image has more grey values."""

LEAST_BACKGROUND = 0.5
"""The share of a label map that is background; two heads are 2 % of a pelvis."""


def label_values(path: Path, array: NDArray[Any]) -> tuple[str, ...] | None:
    """The non-zero values of a label map; empty for an image.

    A label map has whole numbers from 0, at most `MOST_STRUCTURES` of them, and is background for the most part.

    Args:
        path: For messages.
        array: Voxels (z, y, x) of any type.
    """
    try:
        layer = whole_numbers(path, array)
    except LabelError:
        return None
    n_values = int(layer.max()) + 1
    voxels = sum(np.bincount(plane.ravel(), minlength=n_values) for plane in layer)
    values = np.flatnonzero(voxels)
    if values.size > MOST_STRUCTURES or np.count_nonzero(layer) > (1 - LEAST_BACKGROUND) * layer.size:
        return None
    return tuple(str(value) for value in values if value)


def parts_of(layers: Sequence[NDArray[Any]], grid: Grid) -> tuple[LabelPart, ...]:
    """The face-connected components of the union of layers (z, y, x), largest first; empty for empty layers."""
    drawn: BoolArray = np.logical_or.reduce([layer > 0 for layer in layers])
    box = bounding_box(drawn)
    if box is None:
        return ()
    start = np.array([edge.start for edge in box])
    components = components_of(drawn[box])
    order = components.by_size
    ml = components.voxels[order] * grid.voxel_ml
    x_mm = grid.to_mm(components.centroids(order) + start)[:, 0]
    return tuple(LabelPart(float(volume), float(x)) for volume, x in zip(ml, x_mm, strict=True))
