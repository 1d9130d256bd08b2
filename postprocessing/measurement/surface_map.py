"""Which directions of the head's sphere are necrotic: the cells that the necrotic share of the surface counts."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.hip_mask import HipMask
from postprocessing.masks.defects import main_part
from postprocessing.masks.lesion_parts import lesion_parts
from postprocessing.measurement.collapse import uncollapsed
from postprocessing.measurement.head_shape import head_shape
from postprocessing.measurement.head_surface import SURFACE_RAYS, HeadSurface
from postprocessing.measurement.sphere import fit_sphere

_LEFT, _BACK, _UP = range(3)


class SurfaceState(IntEnum):
    """What a direction from the centre of the head meets."""

    NECK = 0
    """No articular surface: the neck, its cut, or nothing."""
    VIABLE = 1
    NECROTIC = 2


def surface_map(hip: HipMask) -> NDArray[np.uint8] | None:
    """What each direction meets; `necrotic_surface_percent` is 100 NECROTIC / (NECROTIC + VIABLE).

    Args:
        hip: As for `measure`: a head without specks of necrosis is what is measured.

    Returns:
        Values of `SurfaceState` (rings, sectors), each for the same area of the sphere. The first ring surrounds the
        apex, the last one the lowest point. Sectors begin at the patient's left and turn to the back, to the right and
        to the front. None where no sphere fits the head.

    Raises:
        LabelError: There is no head.
    """
    surface = _measured_surface(hip)
    if surface is None:
        return None
    rays = surface.rays
    articular = surface.articular(rays)
    states = np.where(articular, np.where(rays.involved, SurfaceState.NECROTIC, SurfaceState.VIABLE), SurfaceState.NECK)
    rings, sectors = SURFACE_RAYS
    ring = (1 - rays.directions[:, _UP]) * rings / 2
    turn = np.arctan2(rays.directions[:, _BACK], rays.directions[:, _LEFT]) / (2 * np.pi) % 1
    cells = np.zeros(SURFACE_RAYS, np.uint8)
    cells[ring.astype(int), (turn * sectors).astype(int)] = states
    return cells


def _measured_surface(hip: HipMask) -> HeadSurface | None:
    """The surface that `measure` takes the necrotic share of."""
    parts = lesion_parts(hip)
    head = main_part(parts.hip, components_of(parts.hip.head.array))
    sphere = fit_sphere(head)
    if sphere is None:
        return None
    surface = HeadSurface(head, sphere)
    shape = head_shape(surface, parts.hip.extent.head_ml, parts.hip.side)
    return uncollapsed(surface, cut=bool(shape.cut_towards))
