"""Sphere fit of the articular surface of a femoral head.

It is fitted to the viable part of the surface: necrotic bone may have collapsed, and would draw the sphere in. The
surface is sampled where it is: at the centres of the voxel faces between head and background. Centres of surface
voxels lie about half a voxel inside it. A voxel belongs to the head when its centre does, so the true surface crosses
the line between two neighbouring centres anywhere with equal probability, and the face, midway, is unbiased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from onfh_nnunet.core.bounding_box import nonzero_indices
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume

VIABLE_SHARE = 0.5
"""Share of the head's surface that must be viable for it to make the sphere. Below it the flat cut may outweigh what is
left of the articular surface, and all of the surface makes the sphere."""

KEPT_SHARE = 0.6
"""Share of the surface, the best fitting, that makes the sphere. A head cut at 0.3 to 0.5 radius distal to its centre
has 20 to 30 % of its surface on the flat cut; the rest of the margin is for osteophytes, dents and a stub of neck."""

ROUNDS = 30
"""Of trimming and fitting again, at most; a cut sphere settles within about 15."""

_SINGULAR = 1e-10
"""Share of the largest singular value of the squared problem below which a direction is undetermined."""


@dataclass(frozen=True)
class Sphere:
    """A fitted sphere.

    Args:
        centre_mm: LPS.
        radius_mm: Radius.
        residual_mm: Root mean square distance of the kept surface from the sphere.
        viable: Whether the viable surface alone made it.
    """

    centre_mm: FloatArray
    radius_mm: float
    residual_mm: float
    viable: bool = True

    @property
    def volume_ml(self) -> float:
        """The volume of the whole sphere."""
        return 4 / 3 * math.pi * self.radius_mm**3 / 1000


def fit_sphere(mask: Volume) -> Sphere | None:
    """Least trimmed squares (Rousseeuw, J Am Stat Assoc 1984;79:871) of the viable surface, by algebraic fits.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.

    Returns:
        The sphere; None for a surface that determines none (too few faces, or flat).
    """
    background = mask.array == Label.BACKGROUND
    surface = faces_mm(~background, background, mask.grid)
    viable = faces_mm(mask.array == Label.VIABLE_HEAD, background, mask.grid)
    enough = len(viable) >= VIABLE_SHARE * len(surface)
    sphere = _trimmed(viable if enough else surface)
    if sphere is None or sphere.radius_mm > np.ptp(surface, axis=0).max():
        return None
    return replace(sphere, viable=enough)


def faces_mm(one: BoolArray, other: BoolArray, grid: Grid) -> FloatArray:
    """Centres (n, 3) in LPS mm of the voxel faces between two disjoint regions (z, y, x)."""
    faces = []
    for axis in range(3):
        along_one, along_other = np.moveaxis(one, axis, 0), np.moveaxis(other, axis, 0)
        between = (along_one[:-1] & along_other[1:]) | (along_other[:-1] & along_one[1:])
        index = nonzero_indices(np.moveaxis(between, 0, axis)).astype(float)
        index[:, axis] += 0.5
        faces.append(index)
    return grid.to_mm(np.concatenate(faces))


def _trimmed(points: FloatArray) -> Sphere | None:
    if len(points) < 4:
        return None
    middle = points.mean(axis=0)
    near = (points - middle).T  # keeps the problem well conditioned far from the origin
    terms = np.stack([*(2 * near), np.ones(len(points)), (near**2).sum(axis=0)])
    kept, most = np.ones(len(points), bool), int(KEPT_SHARE * (len(points) - 1))
    for _ in range(ROUNDS + 1):
        ball = _algebraic(terms, kept)
        if ball is None:
            return None
        centre, radius = ball
        squares = terms[4] - centre @ terms[:3] + centre @ centre
        off = np.abs(np.sqrt(np.maximum(squares, 0)) - radius)
        fitted, kept = kept, off <= np.partition(off, most)[most]
        if np.array_equal(kept, fitted):
            break
    return Sphere(middle + centre, radius, float(np.sqrt(np.mean(off[fitted] ** 2))))


def _algebraic(terms: FloatArray, kept: BoolArray) -> tuple[FloatArray, float] | None:
    """The centre and radius that minimise the sum of (distance squared - radius squared) squared, a linear problem.

    Args:
        terms: Of each point p (5, n): the factors 2 p and 1 of the unknowns c and r^2 - c . c, and their sum p . p.
        kept: The points that count (n).
    """
    squares = terms @ (terms * kept).T
    solution, _, rank, _ = np.linalg.lstsq(squares[:4, :4], squares[:4, 4], rcond=_SINGULAR)
    if rank < 4:
        return None
    centre = solution[:3]
    return centre, math.sqrt(solution[3] + centre @ centre)
