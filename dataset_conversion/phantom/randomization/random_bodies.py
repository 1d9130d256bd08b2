"""Random views of whole synthetic bodies: appearance, field of view, pose and shape differ in each view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.phantom.anatomy.patient import Patient
from dataset_conversion.phantom.mri.voxelize import voxelize_tissues
from dataset_conversion.phantom.randomization.appearance import (
    add_coil_and_noise,
    blur_randomly,
    random_contrast,
    smooth_field,
    standardize,
)
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.hip import Side

VOXEL_MM = 4.0
"""Of a view."""

_FINE_MM = 2.0
_FIELD = Grid((160, 136, 196), (_FINE_MM,) * 3, (-195.0, -131.0, -160.0), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
_MOST_VOXELS = (64, 60, 96)
_HEAD_VALUE = {Side.RIGHT: 1, Side.LEFT: 2}


@dataclass(frozen=True, eq=False)
class BodyTissues:
    """The tissues of a person, in voxels of 2 mm (z, y, x; to head, back and left).

    Args:
        tissues: Values of `Tissue`.
        heads: 1 in the ball of the right head, 2 in that of the left one.
    """

    tissues: NDArray[np.uint8]
    heads: NDArray[np.uint8]

    @classmethod
    def draw(cls, seed: int) -> BodyTissues:
        """A random person; some hips are ill."""
        rng = np.random.default_rng([77, seed])
        shares = {side: float(rng.uniform(0.03, 0.35)) for side in Side if rng.random() < 0.4}
        patient = Patient.draw(rng, shares)
        heads = np.zeros(_FIELD.size, np.uint8)
        z, y, x = (_FIELD.origin_mm[2 - axis] + _FINE_MM * np.arange(n) for axis, n in enumerate(_FIELD.size))
        for side, hip in patient.hips.items():
            left, back, up = hip.frame.centre_mm
            square = (z - up)[:, None, None] ** 2 + (y - back)[:, None] ** 2 + (x - left) ** 2
            heads[square < hip.head.radius_mm**2] = _HEAD_VALUE[side]
        return cls(voxelize_tissues(patient.parts(), _FIELD), heads)


def random_view(body: BodyTissues, rng: Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One random scan of a body.

    Returns:
        Image (z, y, x) of mean 0 and standard deviation 1, and the heads: 1 right, 2 left; voxels of `VOXEL_MM`.
    """
    from scipy import ndimage

    points, size = _places(body, rng)
    low = np.maximum(np.floor(points.min(axis=1)) - 3, 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=1)) + 4, body.tissues.shape).astype(int)
    box = tuple(slice(first, end) for first, end in zip(low, high, strict=True))
    grey = blur_randomly(random_contrast(rng)[body.tissues[box]], rng)
    image = ndimage.map_coordinates(grey, points - low[:, None], order=1, cval=0).reshape(size)
    heads = ndimage.map_coordinates(body.heads, points, order=0, cval=0).reshape(size)
    image = add_coil_and_noise(image, rng)
    if rng.random() < 0.5:  # mirrored, right and left exchanged
        image, heads = image[:, :, ::-1], np.array([0, 2, 1], np.uint8)[heads[:, :, ::-1]]
    return standardize(image), heads


def _places(body: BodyTissues, rng: Generator) -> tuple[FloatArray, tuple[int, int, int]]:
    """Positions (3, n) of the view's voxels in the body, and the view's size: one hip or both, turned, scaled, bent."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("zyx", np.deg2rad(rng.uniform(-20, 20, 3) * (rng.random(3) < 0.8))).as_matrix()
    matrix = turn @ np.diag(rng.uniform(0.85, 1.18, 3) * rng.uniform(0.9, 1.1)) * (VOXEL_MM / _FINE_MM)
    centres = [np.argwhere(body.heads == value).mean(axis=0) for value in _HEAD_VALUE.values()]
    if rng.random() < 0.4:
        middle, field = centres[rng.integers(2)], rng.uniform([90, 90, 110], [220, 200, 200])
    else:
        middle, field = np.mean(centres, axis=0), rng.uniform([70, 90, 300], [320, 260, 400])
    z, y, x = (int(n) for n in np.minimum(np.round(field / VOXEL_MM), _MOST_VOXELS))
    index = np.indices((z, y, x)).reshape(3, -1) - (np.array([[z], [y], [x]]) - 1) / 2
    points = matrix @ index + (middle + rng.normal(0, 8, 3))[:, None]
    if rng.random() < 0.8:
        points += np.stack([smooth_field((z, y, x), 12, rng.uniform(0, 3), rng).ravel() for _ in range(3)])
    return points, (z, y, x)
