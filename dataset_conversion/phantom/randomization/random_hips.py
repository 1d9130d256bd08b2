"""Random boxes around a right femoral head, and boxes without a head.

As a box that `predict` cuts and nnU-Net's preprocessing resamples: off its centre by what a locator errs, clipped where
a scan ends, slices of any thickness, cortex and cartilage as well. Living marrow has dark patches and veins, so that a
lesion is what a band encloses and not what is dark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.anatomy import JointLayers
from dataset_conversion.phantom.anatomy.patient import Patient
from dataset_conversion.phantom.anatomy.tissue import Tissue
from dataset_conversion.phantom.mri.voxelize import voxelize_labels, voxelize_tissues
from dataset_conversion.phantom.randomization.appearance import (
    add_coil_and_noise,
    blur_randomly,
    random_contrast,
    smooth_field,
    standardize,
)
from dataset_conversion.phantom.randomization.distractors import random_distractors
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.hip import CANONICAL_SIDE

VOXEL_MM = 1.5
EDGE = 48
"""Voxels of a box along each axis."""

_FINE_MM = 1.0
_FIELD_MM = 120
_MARROW = (Tissue.MARROW, Tissue.DEAD_LIKE_MARROW, Tissue.DEAD_DARKER, Tissue.DEAD_MIXED)
_FATTY = (Tissue.FAT, *_MARROW)

Example = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""Image and label map (z, y, x) of a box; the image has mean 0 and standard deviation 1 in the scan, 0 outside."""


@dataclass(frozen=True, eq=False)
class HipTissues:
    """The tissues around a right femoral head, in voxels of 1 mm (z, y, x; to head, back and left).

    Args:
        tissues: Values of `Tissue`.
        labels: Values of `Label`.
    """

    tissues: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    @classmethod
    def draw(cls, seed: int) -> HipTissues:
        """A random hip; every second one is ill."""
        rng = np.random.default_rng([78, seed])
        share = {CANONICAL_SIDE: float(rng.uniform(0.02, 0.45))} if rng.random() < 0.55 else {}
        patient = Patient.draw(rng, share)
        coat = JointLayers(*rng.uniform((0.5, 0.8, 0.2), (2.5, 2.6, 1.5)).tolist())
        hip = replace(patient.hips[CANONICAL_SIDE], coat=coat)
        x, y, z = (centre - (_FIELD_MM - _FINE_MM) / 2 for centre in hip.frame.centre_mm)
        grid = Grid((_FIELD_MM,) * 3, (_FINE_MM,) * 3, (x, y, z), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
        patient = replace(patient, hips={**patient.hips, CANONICAL_SIDE: hip})
        return cls(voxelize_tissues(patient.parts(), grid), voxelize_labels([hip], grid))


def random_hip(body: HipTissues, rng: Generator) -> Example:
    """One random box around a head."""
    from scipy import ndimage

    size = _size(rng)
    points = _places(size, rng)
    grey = _outlined(_contrast_with_lesion(rng)[body.tissues], body, rng)
    image = ndimage.map_coordinates(blur_randomly(grey, rng), points, order=1, mode="nearest").reshape(size)
    marrow = ndimage.map_coordinates(_share(body, _MARROW), points, order=1).reshape(size)
    patches = smooth_field(size, int(rng.integers(2, 9)), rng.uniform(0, 0.3), rng)
    image = image * (1 - marrow * np.clip(patches, 0, 0.5))
    labels = ndimage.map_coordinates(body.labels, points, order=0).reshape(size)
    return _padded(standardize(add_coil_and_noise(_sliced(image, rng), rng)), labels)


def random_distractor(rng: Generator) -> Example:
    """A random box without a hip."""
    things = random_distractors(_size(rng), VOXEL_MM, rng)
    return _padded(standardize(add_coil_and_noise(_sliced(things, rng), rng)), np.zeros(things.shape, np.uint8))


def _contrast_with_lesion(rng: Generator) -> NDArray[np.float32]:
    """A grey value per tissue; the band is dark in bright marrow (T1) and bright in dark marrow (fat suppression)."""
    grey = random_contrast(rng, least_fat=rng.uniform(0.5, 0.9) if rng.random() < 0.85 else 0.0)
    marrow = float(grey[Tissue.MARROW])
    grey[Tissue.BAND] = marrow * rng.uniform(0.05, 0.5) if marrow > 0.35 else marrow + rng.uniform(0.3, 0.7)
    return grey


def _outlined(grey: NDArray[np.float32], body: HipTissues, rng: Generator) -> NDArray[np.float32]:
    """Sometimes add the dark line between fat and water of a gradient echo with opposed phases."""
    from scipy import ndimage

    if rng.random() < 0.5:
        return grey
    fat = ndimage.gaussian_filter(_share(body, _FATTY), rng.uniform(0.6, 1.2))
    outlined: NDArray[np.float32] = grey * (1 - np.float32(rng.uniform(1, 4)) * fat * (1 - fat))
    return outlined


def _share(body: HipTissues, tissues: tuple[Tissue, ...]) -> NDArray[np.float32]:
    """1 inside some tissues, 0 elsewhere."""
    return np.isin(np.arange(len(Tissue)), tissues).astype(np.float32)[body.tissues]


def _size(rng: Generator) -> tuple[int, int, int]:
    """The number of voxels of a box; a scan that ends near the head clips it."""
    clipped = rng.random(3) < 0.3
    z, y, x = np.where(clipped, rng.integers(28, EDGE, 3), EDGE).tolist()
    return z, y, x


def _places(size: tuple[int, int, int], rng: Generator) -> FloatArray:
    """Positions (3, n) of the box's voxels in the body: rotated, scaled, bent, off centre."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("zyx", np.deg2rad(rng.uniform(-30, 30, 3) * (rng.random(3) < 0.8))).as_matrix()
    matrix = turn @ np.diag(rng.uniform(0.85, 1.18) * rng.uniform(0.93, 1.07, 3)) * (VOXEL_MM / _FINE_MM)
    index = np.indices(size).reshape(3, -1) - (np.array(size)[:, None] - 1) / 2
    index += rng.choice([-1, 0, 1], (3, 1), p=[0.4, 0.2, 0.4]) * (EDGE - np.array(size)[:, None]) / 2
    off = np.clip(rng.normal(0, 4, 3), -12, 12)[:, None]
    points: FloatArray = matrix @ index + (_FIELD_MM - 1) / 2 + off
    if rng.random() < 0.8:
        points = points + np.stack([smooth_field(size, 16, rng.uniform(0, 2), rng).ravel() for _ in range(3)])
    return points


def _sliced(image: FloatArray, rng: Generator) -> FloatArray:
    """Average into thick slices along an axis and interpolate back."""
    if rng.random() < 0.25:
        return image
    axis, thick = int(rng.integers(3)), rng.uniform(2, 6) / VOXEL_MM
    n = image.shape[axis]
    integral = np.cumsum(np.moveaxis(image, axis, 0), axis=0)
    centres = np.arange(rng.uniform(0, thick), n, thick)
    means = (_between(integral, centres + thick / 2) - _between(integral, centres - thick / 2)) / thick
    return np.moveaxis(_between(means, (np.arange(n) - centres[0]) / thick), 0, axis)


def _between(rows: FloatArray, places: FloatArray) -> FloatArray:
    """Interpolated rows along the first axis, clamped at both ends."""
    places = np.clip(places, 0, len(rows) - 1)
    low = np.minimum(places.astype(int), len(rows) - 2)
    share = (places - low)[:, None, None]
    between: FloatArray = rows[low] * (1 - share) + rows[low + 1] * share
    return between


def _padded(image: NDArray[np.float32], labels: NDArray[np.uint8]) -> Example:
    """Pad a clipped box with zeros on both sides, as nnU-Net pads to its patch."""
    room = [((EDGE - n) // 2, EDGE - n - (EDGE - n) // 2) for n in image.shape]
    return np.pad(image, room).astype(np.float32), np.pad(labels, room)
