"""Rays from the centre of the fitted sphere, and what they hit at the surface of the head.

Rays leave the centre in patient axes (LPS) and read the nearest voxel, so an oblique grid is measured in the same
planes as a straight one. They are followed from outside the sphere to the first voxel of head, as deep as a collapse
may be. All limits are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.anatomy import ARTICULAR_MM, COLLAPSE_UP_TO_MM, SUBCHONDRAL_MM
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere

RADIAL_STEP_MM = 0.25


@dataclass(frozen=True, eq=False)
class Rays:
    """What each ray meets.

    Args:
        directions: Unit vectors (n, 3) in LPS.
        depth_mm: How deep below the sphere it enters the head (n), negative above it; infinite for a ray that enters
            none within `COLLAPSE_UP_TO_MM`, and NaN for one that is still in the head `ARTICULAR_MM` outside the
            sphere, as in the neck.
        involved: Whether necrosis lies within `SUBCHONDRAL_MM` of where it enters (n).
        covered: Whether that necrosis has viable head above it (n).
    """

    directions: FloatArray
    depth_mm: FloatArray
    involved: BoolArray
    covered: BoolArray


def cast_rays(mask: Volume, sphere: Sphere, directions: FloatArray) -> Rays:
    """Follow rays from outside the sphere to the surface of the head.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
        directions: Unit vectors (n, 3) in LPS.
    """
    deepest = min(COLLAPSE_UP_TO_MM + SUBCHONDRAL_MM, sphere.radius_mm)
    depths = np.arange(-ARTICULAR_MM, deepest, RADIAL_STEP_MM)
    labels = _labels_along(mask, sphere, directions, sphere.radius_mm - depths)
    head = labels > 0
    first = head.argmax(axis=1)
    enters = depths[first] - RADIAL_STEP_MM / 2
    below = depths - enters[:, None]
    involved = ((labels == Label.NECROSIS) & (below >= 0) & (below <= SUBCHONDRAL_MM)).any(axis=1)
    found = head.any(axis=1) & (enters <= COLLAPSE_UP_TO_MM)
    depth = np.where(head[:, 0], np.nan, np.where(found, enters, np.inf))
    covered = involved & (labels[np.arange(len(labels)), first] == Label.VIABLE_HEAD)
    return Rays(directions, depth, involved, covered)


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
