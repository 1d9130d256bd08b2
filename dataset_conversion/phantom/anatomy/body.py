"""The trunk and thighs around both hips. Frame: origin midway between the heads, LPS axes, mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.anatomy.anatomy import Part
from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import Box, Capsule, Distances, Ellipsoid, Perturbed, Points, Union
from dataset_conversion.phantom.anatomy.tissue import Tissue

_CROTCH_MM = -85.0


@dataclass(frozen=True)
class Body:
    """A trunk on two thighs.

    Args:
        half_width_mm: From the midline to the skin at the hips.
        half_depth_mm: From the belly to the buttocks, halved.
    """

    half_width_mm: float
    half_depth_mm: float

    @property
    def box(self) -> Box:
        """Bounding box of the part of the body that is ever scanned."""
        w, d = self.half_width_mm + 10, self.half_depth_mm + 30
        return (-w, -d, -400), (w, d, 400)

    def signed_distance(self, points: Points) -> Distances:
        """Below 0 inside, in mm."""
        x, y, z = points
        waist = np.clip((z - 10) / 140, 0, 1)
        width = np.float32(self.half_width_mm) * (1 - np.float32(0.14) * waist * waist * (3 - 2 * waist))
        around = np.square(np.square(x / width)) + np.square(np.square((y - 12) / np.float32(self.half_depth_mm)))
        trunk = np.maximum((np.sqrt(np.sqrt(around)) - 1) * np.float32(self.half_depth_mm), _CROTCH_MM - z)
        thigh = Capsule((self.half_width_mm / 2, 8, -60), (self.half_width_mm / 2 - 4, 8, -400), self._thigh_radii)
        distances: Distances = np.minimum(trunk, thigh.signed_distance((np.abs(x), y, z)))
        return distances

    @property
    def _thigh_radii(self) -> tuple[float, float]:
        return self.half_width_mm / 2 - 3, self.half_width_mm / 2 - 30


def body_parts(body: Body, fat_mm: float, bumps: RandomField) -> list[Part]:
    """All parts that belong to neither hip, in painting order; hips are painted over them."""
    flesh = ((0.0, Tissue.SKIN), (2.0, Tissue.FAT), (fat_mm, Tissue.MUSCLE))
    wall = ((-1.5, Tissue.FAT), (0.0, Tissue.MUSCLE))
    return [
        Part(body, flesh),
        Part(Perturbed(Ellipsoid((0, 5, 60), (60, 64, 115)), bumps, 4.0), ((0.0, Tissue.FAT),)),  # inside of the pelvis
        Part(Ellipsoid((-22, -82, 60), (24, 9, 130)), wall),  # rectus abdominis
        Part(Ellipsoid((22, -82, 60), (24, 9, 130)), wall),
        Part(Capsule((0, 58, 130), (0, 78, 20), (34, 9)), ((0.0, Tissue.CORTEX), (1.4, Tissue.MARROW))),  # sacrum
        Part(Capsule((0, 40, 60), (0, 36, -60), (14, 15)), ((0.0, Tissue.MUSCLE), (3.0, Tissue.BOWEL))),  # rectum
        Part(
            Perturbed(Ellipsoid((0, -22, 30), (42, 30, 32)), bumps, 2.5), ((-3.0, Tissue.MUSCLE), (0.0, Tissue.FLUID))
        ),  # bladder
        Part(Perturbed(_bowel(), bumps, 3.0), ((-1.0, Tissue.FAT), (0.0, Tissue.MUSCLE), (2.0, Tissue.BOWEL))),
        Part(Perturbed(Ellipsoid((0, 2, -30), (28, 22, 26)), bumps, 3.0), wall),  # below the bladder
    ]


def symphysis() -> Part:
    """The disc between the pubic bones; painted over them."""
    return Part(Ellipsoid((0, -30, -38), (3, 12, 20)), ((0.0, Tissue.FIBROUS),))


def _bowel() -> Union:
    return Union(
        (
            Capsule((-45, -30, 85), (20, -40, 95), (13, 14)),
            Capsule((20, -10, 80), (48, 0, 130), (12, 13)),
            Capsule((-40, 0, 100), (0, -20, 130), (14, 12)),
            Capsule((0, 20, 90), (-30, 10, 150), (11, 13)),
        ),
        fillet_mm=1.0,
    )
