"""Centroid of the lesion relative to the centre of the head, and its depth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.lesion_margin import HeadVoxels, LocalMargin
from postprocessing.measurement.sphere import Sphere, faces_mm

DEEPEST_WITHIN = 0.25
"""How far beside the deepest voxel the deepest point of the margin is sought, as a share of the margin's reach."""


@dataclass(frozen=True)
class Centroid:
    """The lesion's centroid relative to the centre of the head.

    Latitude and longitude of the lesion after Nishii T et al. J Orthop Res 2002;20:130, who found the lesions that
    collapse to lie anterosuperior. Where their zeros lie could not be read; the convention here is ours.

    Args:
        up_mm: Above the centre.
        front_mm: In front of it.
        left_mm: To the patient's left of it.
        blur_mm: Half a voxel: a distance below it has no direction.
    """

    up_mm: float
    front_mm: float
    left_mm: float
    blur_mm: float

    @property
    def latitude_deg(self) -> float | None:
        """90 superior, 0 at the height of the centre, -90 inferior; None for a centroid at the centre."""
        across = math.hypot(self.front_mm, self.left_mm)
        if math.hypot(across, self.up_mm) <= self.blur_mm:
            return None
        return math.degrees(math.atan2(self.up_mm, across))

    def longitude_deg(self, side: Side) -> float | None:
        """0 anterior, 90 lateral, -90 medial, 180 posterior; None directly above or below the centre."""
        if math.hypot(self.front_mm, self.left_mm) <= self.blur_mm:
            return None
        lateral = self.left_mm if side is Side.LEFT else -self.left_mm
        return math.degrees(math.atan2(lateral, self.front_mm))


def centroid(mask: Volume, sphere: Sphere) -> Centroid:
    """The centroid of the necrosis, which must not be empty.

    Args:
        mask: Labels (z, y, x) of a head.
        sphere: The sphere of its articular surface.
    """
    place = mask.grid.to_mm(np.argwhere(mask.array == Label.NECROSIS).mean(axis=0)) - sphere.centre_mm
    left, back, up = (float(value) for value in place)
    return Centroid(up, -back, left, max(mask.grid.spacing_mm) / 2)


def depth_mm(mask: Volume, sphere: Sphere) -> float:
    """The maximum depth of the necrosis below the fitted sphere along its radius; it must not be empty.

    The sphere stands for the articular surface before any collapse. A lesion that holds the centre is one radius deep.
    The deepest point is that of the margin between voxels, see `lesion_margin`: the deepest voxel alone is an extreme,
    and too deep. The definition is ours.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
    """
    necrosis = mask.array == Label.NECROSIS
    middle = np.clip(np.rint(mask.grid.to_index(sphere.centre_mm)), 0, np.array(mask.grid.size) - 1).astype(int)
    if necrosis[tuple(middle)]:
        return sphere.radius_mm
    faces = faces_mm(necrosis, ~necrosis, mask.grid) - sphere.centre_mm
    away = np.linalg.norm(faces, axis=1)
    nearest_mm = float(away.min())
    margin_mm = _nearest_margin_mm(HeadVoxels.of(mask, sphere), faces[away.argmin()])
    farthest_mm = nearest_mm + float(np.linalg.norm(mask.grid.spacing_mm)) / 2
    return sphere.radius_mm - min(max(margin_mm, nearest_mm), farthest_mm)


def _nearest_margin_mm(voxels: HeadVoxels, place_mm: FloatArray) -> float:
    """Least distance of the margin from the centre of the sphere, near a place (3) on it."""
    distance = float(np.linalg.norm(place_mm))
    inward = place_mm / distance
    near = voxels.near(place_mm)
    _, first, second = np.linalg.svd(inward[None])[2]  # across the radius
    across = near.place_mm @ np.stack([first, second], axis=1)
    radial = np.linalg.norm(near.place_mm, axis=1) - distance
    margin = LocalMargin.fit(np.column_stack([radial, across]), near.necrotic, near.reach_mm)
    if margin is None:
        return distance
    steps = np.linspace(-1, 1, 21) * DEEPEST_WITHIN * near.reach_mm
    one, other = (axis.ravel() for axis in np.meshgrid(steps, steps))
    within = np.hypot(one, other) <= steps[-1]
    return distance + float(margin.crossing_mm(one[within], other[within]).min())
