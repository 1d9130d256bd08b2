"""Heads whose every number has a closed form: a sphere, cut towards the neck, with a lesion of any shape."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere

UPRIGHT = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # array axes along head, back, left
RADIUS_MM = 23.0
DOWN = (0.0, 0.0, -1.0)
GRIDS = [
    ((1.0, 1.0, 1.0), (0, 0, 0)),
    ((1.0, 1.0, 1.0), (20, 0, 10)),
    ((1.25, 1.0, 1.25), (0, 35, 0)),
    ((2.0, 0.8, 0.8), (20, 0, 10)),
    ((1.0, 3.0, 1.0), (0, 0, 0)),
    ((1.0, 1.0, 3.0), (15, -25, 0)),
]
"""Spacing along z, y, x and turn about the patient's axes in degrees."""


def unit(vector):
    return np.array(vector, float) / np.linalg.norm(vector)


def grid(spacing=(1.0, 1.0, 1.0), turned=(0, 0, 0)):
    """A field of 56 mm."""
    direction = Rotation.from_euler("xyz", turned, degrees=True).as_matrix() @ UPRIGHT
    return Grid(tuple(round(56 / step) for step in spacing), spacing, (-31.0, 12.0, 7.5), direction_of(direction))


def places(on, centre):
    """Positions (z, y, x, 3) of all voxels in LPS mm from a centre."""
    return on.to_mm(np.stack(np.meshgrid(*map(np.arange, on.size), indexing="ij"), -1)) - centre


def hip(lesion, spacing=(1.0, 1.0, 1.0), turned=(0, 0, 0), cut=0.5, neck=DOWN, offset=(0.3, 0.1, -0.2), sunk_mm=0.0):
    """Labels, and the true centre in LPS mm.

    `lesion` says where positions about the centre are necrotic; the head is cut `cut` radii from its centre towards the
    `neck`; the surface of the lesion has sunk by `sunk_mm`.
    """
    on = grid(spacing, turned)
    centre = on.to_mm(tuple((n - 1) / 2 for n in on.size)) + offset
    place = places(on, centre)
    necrotic = lesion(place)
    surface = RADIUS_MM - sunk_mm * necrotic
    head = (np.linalg.norm(place, axis=-1) <= surface) & (place @ unit(neck) <= cut * RADIUS_MM)
    return Volume((head * (1 + necrotic)).astype(np.uint8), on), centre


def cropped_hip(*args, **kwargs):
    """The same as what measures take: cropped labels, and the true sphere."""
    mask, centre = hip(*args, **kwargs)
    return HipMask(mask).head, Sphere(centre, RADIUS_MM, 0.0)


def nothing(place):
    return np.zeros(place.shape[:-1], bool)


def everything(place):
    return np.ones(place.shape[:-1], bool)


def cone(half_deg, axis=(0.0, 0.0, 1.0), from_mm=0.0):
    def lesion(place):
        distance = np.linalg.norm(place, axis=-1)
        return (place @ unit(axis) >= np.cos(np.deg2rad(half_deg)) * distance) & (distance >= from_mm)

    return lesion


def cap(height_mm, axis=(0.0, 0.0, 1.0)):
    return lambda place: place @ unit(axis) >= height_mm


def ball(radius_mm, at):
    return lambda place: np.linalg.norm(place - at, axis=-1) <= radius_mm


def cap_ml(height_mm):
    """Volume of the part of the sphere above a plane at a signed height over its centre."""
    return np.pi * (RADIUS_MM - height_mm) ** 2 * (2 * RADIUS_MM + height_mm) / 3 / 1000


def mirrored(mask):
    """The same hip on the other side of the patient, on a grid that is its mirror image."""
    x, y, z = mask.grid.origin_mm
    direction = direction_of(np.diag([-1, 1, 1]) @ np.asarray(mask.grid.direction))
    return Volume(mask.array, replace(mask.grid, origin_mm=(-x, y, z), direction=direction))
