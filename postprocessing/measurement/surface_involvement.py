"""Necrotic share of the articular surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.anatomy import ARTICULAR_MM
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere, faces_mm
from postprocessing.measurement.surface_rays import cast_rays

OFF_SPHERE_SHARE = 0.05
"""Share of the necrotic surface off the sphere that is told: less is the ragged rim of the cut."""

SURFACE_RAYS = (72, 144)
"""Rays along and around the head axis, each for the same area of the sphere; mirror images of each other."""


@dataclass(frozen=True)
class SurfaceInvolvement:
    """The necrosis at the surface of a head.

    Args:
        percent: Necrotic share of the articular surface; None when there is no articular surface.
        off_sphere: Whether more than `OFF_SPHERE_SHARE` of the necrotic surface lies deeper than `ARTICULAR_MM`
            inside the sphere, where neither the share nor the angles count it: a collapsed dome, or the neck cut.
    """

    percent: float | None
    off_sphere: bool


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
    rays = cast_rays(mask, sphere, np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=1))
    n = int(rays.articular.sum())
    percent = percent_of(int(rays.involved.sum()), n) if n else None
    return SurfaceInvolvement(percent, _off_sphere(mask, sphere))


def _off_sphere(mask: Volume, sphere: Sphere) -> bool:
    necrotic = faces_mm(mask.array == Label.NECROSIS, mask.array == Label.BACKGROUND, mask.grid)
    inside = np.linalg.norm(necrotic - sphere.centre_mm, axis=1) < sphere.radius_mm - ARTICULAR_MM
    return bool(inside.sum() > OFF_SPHERE_SHARE * len(necrotic))
