"""Rays from the centre of the fitted sphere, and what they hit at the surface of the head.

Rays leave the centre in patient axes (LPS) and read the nearest voxel, so an oblique grid is measured in the same
planes as a straight one. A ray counts when it leaves the head within `ARTICULAR_MM` of the sphere, which leaves out the
head-neck cut but for its rim; it is necrotic when there is necrosis within `SUBCHONDRAL_MM` of where it leaves. Both
limits are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.anatomy import ARTICULAR_MM, SUBCHONDRAL_MM
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere

RADIAL_STEP_MM = 0.25


@dataclass(frozen=True, eq=False)
class Rays:
    """For each direction (n): whether it hits the articular surface, and whether that is necrotic."""

    articular: BoolArray
    involved: BoolArray


def cast_rays(mask: Volume, sphere: Sphere, directions: FloatArray) -> Rays:
    """Cast rays from outside the sphere to the surface of the head.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
        directions: Unit vectors (n, 3) in LPS.
    """
    outside, inside = sphere.radius_mm + ARTICULAR_MM, sphere.radius_mm - ARTICULAR_MM - SUBCHONDRAL_MM
    depths = np.arange(0, outside - max(inside, 0), RADIAL_STEP_MM)
    labels = _labels_along(mask, sphere, directions, outside - depths)
    head = labels > 0
    ends = head.any(axis=1) & ~head[:, 0]  # a ray that is still in the head runs on into the neck
    surface = depths[head.argmax(axis=1)]
    below = depths - surface[:, None]
    necrotic = ((labels == Label.NECROSIS) & (below <= SUBCHONDRAL_MM)).any(axis=1)
    articular = ends & (surface <= 2 * ARTICULAR_MM)
    return Rays(articular, articular & necrotic)


def _labels_along(mask: Volume, sphere: Sphere, directions: FloatArray, distances: FloatArray) -> FloatArray:
    """The labels (rays, distances) of the nearest voxels; outside the crop they are background."""
    start = mask.grid.to_index(sphere.centre_mm)
    step = mask.grid.to_index(sphere.centre_mm + directions) - start
    flat = np.zeros((len(directions), len(distances)))
    for axis, n in enumerate(mask.grid.size):
        index = distances * step[:, axis, None]
        index += start[axis]
        flat *= n
        flat += np.clip(np.rint(index, out=index), 0, n - 1, out=index)
    labels: FloatArray = mask.array.ravel()[flat.astype(np.intp)]
    return labels
