"""How much of the articular surface is necrotic: the modified Kerboul angles, and the share of the surface.

Rays leave the centre of the fitted sphere in patient axes (LPS) and read the nearest voxel, so an oblique grid is
measured in the same planes as a straight one. A ray counts when it leaves the head within `ARTICULAR_MM` of the sphere,
which leaves out the head-neck cut but for its rim; it is necrotic when there is necrosis within `SUBCHONDRAL_MM` of
where it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.grid import FloatArray
from onfh_nnunet.labels import BoolArray, Label
from onfh_nnunet.volume import Volume
from postprocessing.sphere import Sphere

SUBCHONDRAL_MM = 2.0
"""How deep below the head's surface necrosis still involves the surface: one to two voxels of the usual protocols."""

ARTICULAR_MM = 3.0
"""How far the articular surface may lie from the fitted sphere, a dent or a bulge: more than that is cut or neck."""

OFF_SPHERE_SHARE = 0.05
"""Share of the necrotic directions off the sphere that is told: less is the ragged rim of the cut."""

RADIAL_STEP_MM = 0.25
ARC_STEP_DEG = 0.5
SURFACE_RAYS = (72, 144)
"""Rays along and around the head axis, each for the same area of the sphere; mirror images of each other."""

KERBOUL_FROM_DEG = (200, 250, 300)
"""Where grades 2, 3 and 4 begin. Ha YC et al. J Bone Joint Surg Am 2006;88 Suppl 3:35."""


@dataclass(frozen=True)
class KerboulAngles:
    """The necrotic arcs of the mid-coronal and the mid-sagittal slice, in degrees."""

    coronal_deg: float
    sagittal_deg: float

    @property
    def combined_deg(self) -> float:
        """The sum of both arcs."""
        return self.coronal_deg + self.sagittal_deg


@dataclass(frozen=True)
class SurfaceInvolvement:
    """Necrosis at the surface of a head.

    Args:
        percent: Necrotic share of the articular surface; None when there is no articular surface.
        off_sphere: Whether necrosis also lies at a surface more than `ARTICULAR_MM` inside the sphere, which neither
            the share nor the angles count: a collapsed dome, or the neck cut.
    """

    percent: float | None
    off_sphere: bool


def kerboul_angles(mask: Volume, sphere: Sphere) -> KerboulAngles:
    """The modified Kerboul angles (Ha 2006) about the centre of the fitted sphere.

    The arc is the sum of all necrotic directions of a slice, so two separate lesions add up. Without necrosis 0.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
    """
    turn = np.deg2rad(np.arange(ARC_STEP_DEG / 2, 360, ARC_STEP_DEG))
    flat, across, up = np.zeros_like(turn), np.sin(turn), np.cos(turn)
    coronal, sagittal = (
        _rays(mask, sphere, np.stack(plane, axis=1)) for plane in ((across, flat, up), (flat, across, up))
    )
    return KerboulAngles(*(ARC_STEP_DEG * int((rays.articular & rays.necrotic).sum()) for rays in (coronal, sagittal)))


def kerboul_grade(combined_deg: float) -> int:
    """Grade 1 below 200, 2 from 200, 3 from 250, 4 from 300 degrees."""
    return 1 + sum(combined_deg >= limit for limit in KERBOUL_FROM_DEG)


def surface_involvement(mask: Volume, sphere: Sphere) -> SurfaceInvolvement:
    """The necrotic share of the articular surface (after Ruckli, J Pers Med 2023;13:153), by solid angle.

    The rim of the cut is counted with the articular surface: about 5 % of it at a cut of half a radius.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
    """
    along, around = SURFACE_RAYS
    height = (np.arange(along) + 0.5) * 2 / along - 1
    azimuth = (np.arange(around) + 0.5) * 2 * np.pi / around
    z, phi = (axis.ravel() for axis in np.meshgrid(height, azimuth))
    radius = np.sqrt(1 - z**2)
    rays = _rays(mask, sphere, np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=1))
    counted, n = int((rays.articular & rays.necrotic).sum()), int(rays.articular.sum())
    off_sphere = int(rays.necrotic.sum()) - counted
    return SurfaceInvolvement(
        100 * counted / n if n else None, off_sphere=off_sphere > OFF_SPHERE_SHARE * (counted + off_sphere)
    )


@dataclass(frozen=True, eq=False)
class _Rays:
    """For each direction, whether it meets the articular surface, and whether it meets a necrotic surface at all."""

    articular: BoolArray
    necrotic: BoolArray


def _rays(mask: Volume, sphere: Sphere, directions: FloatArray) -> _Rays:
    """Follow directions (n, 3; LPS unit vectors) from outside the sphere to where the head begins."""
    outside, inside = sphere.radius_mm + ARTICULAR_MM, sphere.radius_mm - ARTICULAR_MM - SUBCHONDRAL_MM
    depths = np.arange(0, outside - max(inside, 0), RADIAL_STEP_MM)
    labels = _look_up(mask, sphere.centre_mm + (outside - depths)[:, None] * directions[:, None, :])
    head = labels > 0
    ends = head.any(axis=1) & ~head[:, 0]  # a ray that is still in the head runs on into the neck
    surface = depths[head.argmax(axis=1)]
    below = depths - surface[:, None]
    involved = ((labels == Label.NECROSIS) & (below <= SUBCHONDRAL_MM)).any(axis=1)
    return _Rays(articular=ends & (surface <= 2 * ARTICULAR_MM), necrotic=ends & involved)


def _look_up(mask: Volume, position_mm: FloatArray) -> FloatArray:
    """The labels of the voxels nearest to positions (..., 3); beyond the crop its background layer is read."""
    index = np.rint(mask.grid.to_index(position_mm)).astype(int)
    z, y, x = np.moveaxis(np.clip(index, 0, np.array(mask.grid.size) - 1), -1, 0)
    labels: FloatArray = mask.array[z, y, x]
    return labels
