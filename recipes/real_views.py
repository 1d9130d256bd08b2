"""Random views of whole real scans, for the locator: field of view, pose, contrast and noise differ in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.cohort.table import SourceScan
from dataset_conversion.labels.head_components import find_heads
from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.labels.labelled_scan import read_labelled_scan
from dataset_conversion.phantom.randomization.appearance import smooth_field, standardize
from dataset_conversion.phantom.randomization.random_bodies import VOXEL_MM
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume
from recipes.real_heads import recoloured

_FINE_MM = 2.0
_MOST_VOXELS = (64, 60, 96)
HEAD_VALUE = {Side.RIGHT: 1, Side.LEFT: 2}
"""Of each head in the labels of a body and of a view."""


@dataclass(frozen=True, eq=False)
class RealBody:
    """A scan in voxels of 2 mm (z, y, x; to head, back and left).

    Args:
        image: float32, smoothed before it was thinned out.
        heads: 1 in the right head, 2 in the left one.
    """

    image: NDArray[np.float32]
    heads: NDArray[np.uint8]

    @classmethod
    def read(cls, scan: SourceScan) -> RealBody:
        """A scan with its labelled heads."""
        from scipy import ndimage

        read = read_labelled_scan(scan, LabelRules(), f"line {scan.line} of the cohort", healthy=True)
        label = read.label.volume
        heads = np.zeros(label.grid.size, np.uint8)
        for head in find_heads(label, scan.side, scan.line):
            heads[head.box][head.mask] = HEAD_VALUE[head.side]
        crop = HipCrop.whole(label.grid)
        image, own = crop.extract(read.image.volume), crop.extract(Volume(heads, label.grid))
        steps = _FINE_MM / np.array(image.grid.spacing_mm)
        smooth = ndimage.gaussian_filter(image.array.astype(np.float32), np.maximum(steps - 1, 0) / 2)
        size = tuple(np.maximum(np.floor((np.array(smooth.shape) - 1) / steps).astype(int) + 1, 1).tolist())
        return cls(
            ndimage.affine_transform(smooth, steps, output_shape=size, order=1),
            ndimage.affine_transform(own.array, steps, output_shape=size, order=0),
        )


def real_view(body: RealBody, rng: Generator) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One random scan of a person.

    Returns:
        Image (z, y, x) of mean 0 and standard deviation 1, and the heads: 1 right, 2 left; voxels of 4 mm.
    """
    from scipy import ndimage

    points, size = _places(body, rng)
    sigma = rng.uniform(0, 1.2, 3) * (rng.random(3) < 0.5)
    blurred = ndimage.gaussian_filter(body.image, sigma)
    image = ndimage.map_coordinates(blurred, points, order=1, cval=0).reshape(size)
    heads = ndimage.map_coordinates(body.heads, points, order=0, cval=0).reshape(size)
    image = recoloured(image, rng) * np.exp(smooth_field(size, 20, rng.uniform(0, 0.4), rng))
    image = image + rng.normal(0, 1, size) * rng.uniform(0, 0.2) * image.std()
    if rng.random() < 0.5:  # mirrored, right and left exchanged
        image, heads = image[:, :, ::-1], np.array([0, 2, 1], np.uint8)[heads[:, :, ::-1]]
    return standardize(image), heads


def _places(body: RealBody, rng: Generator) -> tuple[NDArray[Any], tuple[int, int, int]]:
    """Positions (3, n) of the view's voxels in the scan, and the view's size: all of the scan, or a part with a hip."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("zyx", np.deg2rad(rng.normal(0, 8, 3))).as_matrix()
    matrix = turn @ np.diag(rng.uniform(0.85, 1.18, 3) * rng.uniform(0.9, 1.1)) * (VOXEL_MM / _FINE_MM)
    whole = np.array(body.image.shape) * _FINE_MM
    centres = [np.argwhere(body.heads == value).mean(axis=0) for value in np.unique(body.heads)[1:]]
    chance = rng.random()
    if chance < 0.35:
        middle, field = (np.array(body.image.shape) - 1) / 2, whole
    elif chance < 0.6:
        middle, field = centres[rng.integers(len(centres))] + rng.normal(0, 8, 3), rng.uniform(90, 220, 3)
    else:
        middle, field = np.mean(centres, axis=0) + rng.normal(0, 8, 3), rng.uniform([70, 70, 280], [300, 220, 400])
    field = np.minimum(field, whole)
    z, y, x = (int(n) for n in np.clip(np.round(field / VOXEL_MM), 4, _MOST_VOXELS))
    index = np.indices((z, y, x)).reshape(3, -1) - (np.array([[z], [y], [x]]) - 1) / 2
    points = matrix @ index + middle[:, None]
    if rng.random() < 0.5:
        points += np.stack([smooth_field((z, y, x), 12, rng.uniform(0, 2), rng).ravel() for _ in range(3)])
    return points, (z, y, x)
