"""A label on a grid of its own is laid on the scan's: exactly where both share their voxels, resampled on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import GeometryError, GridMismatch, OnfhError
from onfh_nnunet.core.grid import GRID_TOLERANCE_MM, Grid, same_grid
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume

_OTHER_SCAN = "It belongs to another scan, or its header is wrong: give the label that was drawn on this scan"


@dataclass(frozen=True, eq=False)
class _Steps:
    """How a grid's voxels are voxels of another one.

    Args:
        matrix: Whole steps (3, 3) along the other's axes of one step along each of the grid's; each row and each column
            has a single 1 or -1.
        start: The other's index (3,) of the grid's voxel [0, 0, 0].
    """

    matrix: NDArray[np.int_]
    start: NDArray[np.int_]


def align_to_grid(label: Volume, scan: Grid, place: str, *, resample: bool) -> tuple[Volume, tuple[str, ...]]:
    """Lay a label on the scan's grid.

    Where the label's voxels are voxels of the scan (a crop or a larger extent, axes permuted or reversed), they are
    copied. Only with `resample` does a label on any other grid take part: each voxel of the scan takes the nearest one.

    Args:
        label: Values of `Label`, uint8.
        scan: The scan's grid.
        place: For messages.
        resample: Whether a label on any other grid may be resampled.

    Returns:
        The label on the scan's grid, and a note on the change of volume where it was resampled.

    Raises:
        GridMismatch: The label's voxels are not the scan's, and `resample` is false.
        GeometryError: The label lies beside the scan, or labelled tissue lies outside it.
    """
    if label.grid.size == (1, 1, 1) and not label.array.any():  # how 3D Slicer saves empty segments: without a grid
        return Volume(np.zeros(scan.size, np.uint8), scan), ()
    try:
        same_grid(place, label.grid, scan)
    except GridMismatch:
        _inside(label, scan, place)  # no other grid helps a label of another scan
        steps = _steps(label.grid, scan)
        if steps is None and not resample:
            raise
    else:
        return label, ()
    if steps is not None:
        return Volume(_copied(label.array, steps, scan), scan), ()
    placed = Volume(_nearest(label, scan), scan)
    return placed, (_change(label, placed),)


def lay_on_scan(label: Volume, scan: Grid, place: str, *, resample: bool) -> tuple[Volume, tuple[str, ...]]:
    """Lay the label of a scan on its grid, as `align_to_grid` does; a refusal says what may be done about a label."""
    try:
        return align_to_grid(label, scan, place, resample=resample)
    except GridMismatch as mismatch:
        remedy = (
            "Check that this is the label of this scan. If it was drawn on another series of the same patient in the"
            " same position, `resample_labels` lays it on this one"
        )
        OnfhError.__init__(mismatch, place, f"label's {mismatch.problem}", remedy)
        raise


def _steps(grid: Grid, scan: Grid) -> _Steps | None:
    """How the voxels of a grid are voxels of the scan's lattice; none when they are not, within the tolerance."""
    matrix = np.rint(np.linalg.inv(scan.matrix) @ grid.matrix).astype(int)
    if not all((np.abs(matrix).sum(axis=axis) == 1).all() for axis in (0, 1)):
        return None
    start = np.rint(scan.to_index(grid.origin_mm)).astype(int)
    corners = grid.corners_mm()
    expected = scan.to_mm(start + grid.to_index(corners) @ matrix.T)
    apart = float(np.linalg.norm(corners - expected, axis=1).max())
    return _Steps(matrix, start) if apart <= GRID_TOLERANCE_MM else None


def _inside(label: Volume, scan: Grid, place: str) -> None:
    size = np.array(scan.size)
    corners = scan.to_index(label.grid.corners_mm())
    if (corners.max(axis=0) < -0.5).any() or (corners.min(axis=0) > size - 0.5).any():
        raise GeometryError(place, "has a label whose grid lies beside the scan", _OTHER_SCAN)
    index = scan.to_index(label.grid.to_mm(np.argwhere(label.array).astype(float)))
    outside = int(((index < -0.5) | (index > size - 0.5)).any(axis=1).sum())
    if outside:
        problem = f"has {outside * label.grid.voxel_ml:.2f} ml of its label outside the scan"
        raise GeometryError(place, problem, _OTHER_SCAN)


def _copied(array: NDArray[Any], steps: _Steps, scan: Grid) -> NDArray[Any]:
    """The part of an array (z, y, x) that lies in the scan, on the scan's grid."""
    signs = steps.matrix.sum(axis=1)
    turned = array.transpose(np.abs(steps.matrix).argmax(axis=1))[tuple(slice(None, None, sign) for sign in signs)]
    first = np.where(signs < 0, steps.start - turned.shape + 1, steps.start)
    low, high = np.maximum(first, 0), np.minimum(first + turned.shape, scan.size)
    placed = np.zeros(scan.size, array.dtype)
    placed[_box(low, high)] = turned[_box(low - first, high - first)]
    return placed


def _box(low: NDArray[np.int_], high: NDArray[np.int_]) -> tuple[slice, ...]:
    return tuple(slice(int(first), int(end)) for first, end in zip(low, high, strict=True))


def _nearest(label: Volume, scan: Grid) -> NDArray[Any]:
    from scipy import ndimage

    matrix = np.linalg.inv(label.grid.matrix) @ scan.matrix
    offset = label.grid.to_index(scan.origin_mm)
    # "grid-constant": the outer half of a border voxel belongs to it
    return ndimage.affine_transform(label.array, matrix, offset, scan.size, order=0, mode="grid-constant")


def _change(before: Volume, after: Volume) -> str:
    """Head and necrosis in ml before and after; a region that the label does not draw is left out."""
    drawn = [region for region in Region if (before.array == region.labels[0]).any()]
    ml = [
        [np.count_nonzero(region.mask(volume.array)) * volume.grid.voxel_ml for volume in (before, after)]
        for region in drawn
    ]
    changes = (f"{region} {old:.2f} to {new:.2f} ml" for region, (old, new) in zip(drawn, ml, strict=True))
    return f"resampled the label onto the scan's grid: {', '.join(changes) or 'it is empty'}"
