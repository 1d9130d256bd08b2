"""The sphere of the articular surface of a femoral head.

The surface is sampled where it is: at the centres of the voxel faces between head and background. Centres of surface
voxels lie about half a voxel inside it. A voxel belongs to the head when its centre does, so the true surface crosses
the line between two neighbouring centres anywhere with equal probability, and the face, midway, is unbiased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.grid import FloatArray, Grid
from onfh_nnunet.labels import BoolArray

KEPT_SHARE = 0.6
"""Share of the surface, the best fitting, that makes the sphere. A head cut at 0.3 to 0.5 radius distal to its centre
has 20 to 30 % of its surface on the flat cut; the rest of the margin is for osteophytes, dents and a stub of neck."""

ROUNDS = 30
"""Of trimming and fitting again; a cut sphere settles within about 15."""


@dataclass(frozen=True)
class Sphere:
    """A fitted sphere; `residual_mm` is the root mean square distance of the kept surface from it."""

    centre_mm: FloatArray
    radius_mm: float
    residual_mm: float

    @property
    def volume_ml(self) -> float:
        """The volume of the whole sphere."""
        return 4 / 3 * math.pi * self.radius_mm**3 / 1000


def fit_sphere(head: BoolArray, grid: Grid) -> Sphere | None:
    """Least trimmed squares (Rousseeuw 1984) by repeated algebraic fits to the best fitting `KEPT_SHARE` of the faces.

    Args:
        head: The head (z, y, x) within one layer of background.
        grid: Its grid.

    Returns:
        The sphere, its centre in LPS mm; None for a surface that determines none (too few faces, or flat).
    """
    points = surface_mm(head, grid)
    kept = points
    for _ in range(ROUNDS):
        sphere = _algebraic(kept)
        if sphere is None or sphere.radius_mm > np.ptp(points, axis=0).max():
            return None
        residual = np.abs(np.linalg.norm(points - sphere.centre_mm, axis=1) - sphere.radius_mm)
        kept = points[residual <= np.quantile(residual, KEPT_SHARE)]
    return sphere


def surface_mm(head: BoolArray, grid: Grid) -> FloatArray:
    """Centres (n, 3) in LPS mm of the voxel faces between a head (z, y, x; background all round) and background."""
    faces = []
    for axis in range(3):
        index = np.argwhere(np.diff(head, axis=axis)).astype(float)
        index[:, axis] += 0.5
        faces.append(index)
    return grid.to_mm(np.concatenate(faces))


def _algebraic(points: FloatArray) -> Sphere | None:
    """The sphere that minimises the sum of (distance squared - radius squared) squared: a linear problem."""
    middle = points.mean(axis=0)
    near = points - middle  # keeps the problem well conditioned far from the origin
    unknowns = np.column_stack([2 * near, np.ones(len(near))])
    solution, _, rank, _ = np.linalg.lstsq(unknowns, (near**2).sum(axis=1))
    if rank < 4:
        return None
    centre, rest = solution[:3], solution[3]
    radius = math.sqrt(rest + centre @ centre)
    distance = np.linalg.norm(near - centre, axis=1)
    return Sphere(middle + centre, radius, float(np.sqrt(np.mean((distance - radius) ** 2))))
