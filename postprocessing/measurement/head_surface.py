"""The surface of a head about its fitted sphere: articular, collapsed, or the neck.

The neck is where the surface leaves the sphere by more than `ARTICULAR_MM`: a cut lies inside it, a stub runs on
outside. Necrotic surface above the head's centre may leave it as well, when it has collapsed; so it does not count for
the neck, and away from the neck it is still articular. The rules are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from onfh_nnunet.core.anatomy import ARTICULAR_MM
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.labels import BoolArray
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere
from postprocessing.measurement.surface_rays import Rays, cast_rays

SURFACE_RAYS = (72, 144)
"""Rays along and around the head axis, each for the same area of the sphere; mirror images of each other."""

LEAST_NECK_SHARE = 0.02
"""The least share of all directions that makes a neck: a disc of 6 mm about its axis. Less is a mask's roughness."""

NECK_BELOW = 0.5
"""Directions that rise more than this, as a part of 1, are none of a neck: those within 60 degrees of the apex."""

NECK_WITHIN_DEG = 65.0
"""How far from the axis of its viable part a necrotic part of a neck may lie: cuts are 45 to 60 degrees wide."""

NECK_RIM_DEG, NECK_BLUR_DEG = 10.0, 3.0
"""How far around the neck no depth of collapse is measured, since a cut leaves the sphere little by little; and how far
around it no surface counts as collapsed, since the cone is not known better."""

NOTICED_SHARE = 0.05
"""Minimum share of the necrotic directions that triggers a warning; smaller shares are rim artefacts."""

PATCHES = 200
"""About how many patches are looked at; they overlap."""

COLLAPSE_PATCH_MM, COLLAPSE_PATCH_VOXELS = 5.0, 2.5
"""Radius of the piece of surface over which the depth of collapse is averaged: 5 mm, or 2.5 of the longest voxel edges;
several voxels, and less than a lesion."""

_UP = 2


@dataclass(frozen=True, eq=False)
class Neck:
    """The cone about the neck in which the surface is not articular.

    Args:
        axis: Unit vector (3) in LPS, away from the head.
        cosine: Of the cone's half angle.
    """

    axis: FloatArray
    cosine: float

    def holds(self, directions: FloatArray, rim_deg: float = 0.0) -> BoolArray:
        """Which unit vectors (n, 3) lie in the cone, or in the rim about it."""
        inside: BoolArray = directions @ self.axis > np.cos(np.arccos(self.cosine) + np.deg2rad(rim_deg))
        return inside


@dataclass(frozen=True, eq=False)
class HeadSurface:
    """The surface of a head about its sphere.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
    """

    mask: Volume
    sphere: Sphere

    @cached_property
    def rays(self) -> Rays:
        """Rays all around, each for the same area of the sphere."""
        along, around = SURFACE_RAYS
        height = (np.arange(along) + 0.5) * 2 / along - 1
        azimuth = (np.arange(around) + 0.5) * 2 * np.pi / around
        z, phi = (axis.ravel() for axis in np.meshgrid(height, azimuth))
        radius = np.sqrt(1 - z**2)
        directions = np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=1)
        return cast_rays(self.mask, self.sphere, directions)

    @cached_property
    def neck(self) -> Neck | None:
        """The neck; None for a head without one, as a whole sphere is.

        Directions that fill a cone evenly have a mean vector as long as the mean of 1 and the cosine of its half angle.
        """
        directions, low = self.rays.directions, self.rays.directions[:, _UP] <= NECK_BELOW
        leaves = low & _off(self.rays)
        viable = _cone(directions[leaves & ~self._may_collapse(self.rays)])
        if viable is None:
            return None
        around = directions @ viable.axis > np.cos(np.deg2rad(NECK_WITHIN_DEG))
        return _cone(directions[leaves & around])

    def articular(self, rays: Rays) -> BoolArray:
        """Which rays (n) meet the articular surface, collapsed or not."""
        return (np.abs(rays.depth_mm) <= ARTICULAR_MM) | (self.sunk(rays) & np.isfinite(rays.depth_mm))

    def sunk(self, rays: Rays) -> BoolArray:
        """Which rays (n) meet necrotic surface that has collapsed by more than `ARTICULAR_MM`, or meet none."""
        above = self._above_neck(rays, NECK_BLUR_DEG)
        return _off(rays) & above & (self._may_collapse(rays) | np.isinf(rays.depth_mm))

    @cached_property
    def percent(self) -> float | None:
        """The necrotic share of the articular surface (after Ruckli, J Pers Med 2023;13:153), by solid angle.

        The rim of the cut is counted with the articular surface: about 5 % of it at a cut of half a radius. None when
        there is no articular surface.
        """
        articular = self.articular(self.rays)
        n = int(articular.sum())
        return percent_of(int((articular & self.rays.involved).sum()), n) if n else None

    @cached_property
    def collapse_mm(self) -> float | None:
        """How deep the necrotic articular surface lies below the sphere: the deepest mean of a patch of it.

        A patch has the radius `COLLAPSE_PATCH_MM`, or more of large voxels. None without necrosis at the surface, and
        where the sphere was fitted to necrotic surface, which may have sunk itself.
        """
        necrotic = self.articular(self.rays) & self.rays.involved & self._above_neck(self.rays, NECK_RIM_DEG)
        if not self.sphere.viable or not necrotic.any():
            return None
        directions, depth = self.rays.directions[necrotic], self.rays.depth_mm[necrotic]
        centres = directions[:: 1 + len(directions) // PATCHES]
        patch_mm = max(COLLAPSE_PATCH_MM, COLLAPSE_PATCH_VOXELS * max(self.mask.grid.spacing_mm))
        near = (centres @ directions.T >= np.cos(patch_mm / self.sphere.radius_mm)).astype(float)
        return max(float((near @ depth / near.sum(axis=1)).max()), 0.0)

    @cached_property
    def lost(self) -> bool:
        """Whether a part of the upper surface is deeper than any collapse: the head, or its mask, ends there."""
        upper = self.rays.directions[:, _UP] > 0
        return bool((self.sunk(self.rays) & np.isinf(self.rays.depth_mm)).sum() > NOTICED_SHARE * upper.sum())

    @property
    def necrotic_at_neck(self) -> bool:
        """Whether a part of the necrotic surface is the neck's, which angles and share of the surface leave out."""
        necrotic = self.rays.involved
        left_out = necrotic & ~self.articular(self.rays)
        return bool(left_out.sum() > NOTICED_SHARE * necrotic.sum())

    def _above_neck(self, rays: Rays, rim_deg: float) -> BoolArray:
        """Which rays rise, and pass by the neck and its rim."""
        rises: BoolArray = rays.directions[:, _UP] > 0
        return rises if self.neck is None else rises & ~self.neck.holds(rays.directions, rim_deg)

    def _may_collapse(self, rays: Rays) -> BoolArray:
        return rays.involved & (rays.directions[:, _UP] > 0) & self.sphere.viable


def _cone(directions: FloatArray) -> Neck | None:
    """The cone that directions (n, 3) of `SURFACE_RAYS` fill; None for few of them."""
    mean = directions.sum(axis=0) / max(len(directions), 1)
    length = float(np.linalg.norm(mean))
    if len(directions) < LEAST_NECK_SHARE * math.prod(SURFACE_RAYS) or length == 0:
        return None
    return Neck(mean / length, 2 * length - 1)


def _off(rays: Rays) -> BoolArray:
    """Which rays (n) do not enter the head near the sphere; NaN compares as False."""
    return ~(np.abs(rays.depth_mm) <= ARTICULAR_MM)
