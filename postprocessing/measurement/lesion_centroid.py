"""Centroid of the lesion relative to the centre of the head, and its depth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere, faces_mm


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
    The definition is ours.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
    """
    necrosis = mask.array == Label.NECROSIS
    middle = np.clip(np.rint(mask.grid.to_index(sphere.centre_mm)), 0, np.array(mask.grid.size) - 1).astype(int)
    if necrosis[tuple(middle)]:
        return sphere.radius_mm
    margin = faces_mm(necrosis, ~necrosis, mask.grid)
    return sphere.radius_mm - float(np.linalg.norm(margin - sphere.centre_mm, axis=1).min())
