"""The closed surface of a mask, in mm, as large as the mask.

Marching cubes (Lewiner et al., J Graph Tools 2003;8:1) as scikit-image has them, on a mask whose steps are smoothed
within a voxel. Smoothing shrinks what is round; so the level of the surface is chosen such that it encloses the volume
of the mask's voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.bounding_box import bounding_box, crop_with_border
from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.labels import BoolArray

if TYPE_CHECKING:
    from trimesh import Trimesh

VOLUME_TOLERANCE = 0.01
"""How much larger or smaller than its mask a surface may be, as a share: drill guides are printed from it."""

SMOOTHING_VOXELS = (0.7, 0.0)
"""Standard deviations of the Gaussian that smooths the steps, the first that serves: smoothing would lose a speck of
few voxels. Ours: the steps of a ball are gone, and no point lies farther from the ball than half a voxel's diagonal."""

_BORDER = 3
_LEVELS = (0.02, 0.98)
_LEVEL_STEP = 1e-4


def surface(mask: BoolArray, grid: Grid, subject: object) -> Trimesh:
    """The surface of a mask; normals point outwards.

    Args:
        mask: Where the structure is (z, y, x); not empty.
        grid: Where its voxels lie.
        subject: What messages name.

    Returns:
        A watertight mesh, vertices x, y, z in mm, LPS, whose volume is that of the voxels within `VOLUME_TOLERANCE`.
        No component of the mask (voxels that share a corner) is lost.

    Raises:
        LabelError: The mask is empty, or no such surface exists.
    """
    from scipy.ndimage import gaussian_filter

    box = bounding_box(mask)
    if box is None:
        raise LabelError(subject, "holds no voxel of this region", "Check the segmentation")
    inside = crop_with_border(mask, box, _BORDER)
    parts, cropped = components_of(inside, corners=True), inside.astype(np.float32)
    voxels = float(np.count_nonzero(mask))
    for sigma in SMOOTHING_VOXELS:
        smoothed = gaussian_filter(cropped, sigma) if sigma else cropped
        level = _level(smoothed, voxels)
        mesh = _level_set(smoothed, level)
        off = abs(mesh.volume / voxels - 1)
        is_whole = len(np.unique(parts.numbers[(smoothed > level) & inside])) == len(parts)
        if mesh.is_watertight and off <= VOLUME_TOLERANCE and is_whole:
            return _in_patient(mesh, grid, [part.start - _BORDER for part in box])
    problem = f"has no closed surface of its volume ({100 * off:.1f} % off; {len(parts)} components)"
    raise LabelError(subject, problem, "Check the mask, and remove its specks")


def _level(smoothed: NDArray[np.float32], voxels: float) -> float:
    """The level whose surface encloses so many voxels, or the nearest one."""
    from scipy.optimize import brentq

    def excess(level: float) -> float:
        return _enclosed(*_triangles(smoothed, level)) - voxels

    low, high = (share * float(smoothed.max()) for share in _LEVELS)
    if excess(low) <= 0:
        return low
    return high if excess(high) >= 0 else float(brentq(excess, low, high, xtol=_LEVEL_STEP))


def _level_set(values: NDArray[np.float32], level: float) -> Trimesh:
    """The surface at a level, in array indices z, y, x; it encloses what lies above."""
    from trimesh import Trimesh

    return Trimesh(*_triangles(values, level))


def _triangles(values: NDArray[np.float32], level: float) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(values, level, gradient_direction="ascent")
    return np.asarray(vertices, float), faces


def _enclosed(vertices: NDArray[np.float64], faces: NDArray[np.int32]) -> float:
    """The volume inside triangles: a sum over tetrahedra with the origin. A `Trimesh` a level takes much longer."""
    first, second, third = (vertices[corner] for corner in faces.T)
    return float(np.einsum("ij,ij->", first, np.cross(second, third))) / 6


def _in_patient(mesh: Trimesh, grid: Grid, start: Sequence[int]) -> Trimesh:
    mesh.vertices = grid.to_mm(mesh.vertices + np.array(start))
    if mesh.volume < 0:  # the axes of the array are left-handed in the patient
        mesh.invert()
    return mesh
