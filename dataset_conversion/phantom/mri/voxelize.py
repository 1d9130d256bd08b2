"""Voxelization of shapes: the tissue at each sample, the label in each voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.anatomy import Part
from dataset_conversion.phantom.anatomy.patient import PhantomHip
from dataset_conversion.phantom.anatomy.shapes import Box, LocalFrame, positions
from dataset_conversion.phantom.anatomy.tissue import Tissue
from onfh_nnunet.core.grid import Grid, Index
from onfh_nnunet.core.labels import Label

Placed = list[tuple[LocalFrame, Part]]
"""Parts in the order of painting, each with the frame it stands in."""


def voxelize_tissues(placed: Placed, grid: Grid) -> NDArray[np.uint8]:
    """The tissue (z, y, x) at each voxel's centre."""
    tissues = np.full(grid.size, Tissue.AIR, np.uint8)
    for frame, part in placed:
        where = _reached(grid, frame.placed(part.shape.box), max(0.0, -part.layers[0][0]))
        if where is not None:
            distances = part.shape.signed_distance(frame.local(positions(grid.part(*where))))
            view = tissues[_slices(*where)]
            for depth, tissue in part.layers:
                view[distances < -depth] = tissue
    return tissues


def voxelize_labels(hips: list[PhantomHip], grid: Grid) -> NDArray[np.uint8]:
    """The label (z, y, x) at each voxel's centre."""
    labels = np.zeros(grid.size, np.uint8)
    for hip in hips:
        where = _reached(grid, hip.frame.placed(hip.head.box), 0.0)
        if where is None:
            continue
        points = hip.frame.local(positions(grid.part(*where)))
        view = labels[_slices(*where)]
        view[hip.head.signed_distance(points) < 0] = Label.VIABLE_HEAD
        if hip.lesion is not None:
            view[hip.lesion.signed_distance(points) < 0] = Label.NECROSIS
    return labels


def _reached(grid: Grid, box: Box, margin_mm: float) -> tuple[Index, Index] | None:
    """Start and size of the part of a grid that a box (LPS) with a margin covers; None where they do not overlap."""
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
