"""Boxes of real femoral heads with painted lesions, at the voxels of a model, to train on.

A box is larger than the network's, so that it can be turned, scaled and shifted; it is resampled as nnU-Net does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dataset_conversion.cohort.table import SourceScan
from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.phantom.implants.implant import Drawing, Implant
from dataset_conversion.phantom.implants.implant_cohort import read_hips, with_implants
from dataset_conversion.phantom.randomization.appearance import smooth_field, standardize
from dataset_conversion.phantom.randomization.random_hips import EDGE, VOXEL_MM, Example
from onfh_nnunet.core.choices import Weighting
from onfh_nnunet.core.hip import CANONICAL_SIDE
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.study.preset import CONFIGURATION

BOX_MM = 108.0
"""Of a box: a turned and shifted cube of 72 mm lies in it but for its corners."""


@dataclass(frozen=True, eq=False)
class RealBox:
    """A box around a real head in the canonical frame.

    Args:
        image: float16 (z, y, x), of voxels of `VOXEL_MM`.
        labels: Values of `Label`.
    """

    image: NDArray[np.float16]
    labels: NDArray[np.uint8]


def real_boxes(
    scan: SourceScan, plans: dict[str, Any], drawings: Sequence[Drawing], seed: int
) -> Iterator[tuple[int, RealBox]]:
    """The hips of a scan as it is, and with each drawing's implants; each with its turn, 0 for the healthy one."""
    volume, hips = read_hips(scan, LabelRules(), Weighting.T1)
    for turn, draw in enumerate([Implant.draw, *drawings]):
        rng = np.random.default_rng([seed, turn]) if turn else None
        image, labels, _ = with_implants(volume, hips, Weighting.T1, rng, turn, draw)
        for hip in hips:
            mirrored = hip.side is not CANONICAL_SIDE
            crop = HipCrop.around(volume.grid, hip.canvas.shape.frame.centre_mm, mirrored=mirrored, box_mm=BOX_MM)
            grey, own = _resampled(crop.extract(image).array, crop.extract(labels), plans)
            yield turn, RealBox(grey, own)


def _resampled(image: Any, labels: Any, plans: dict[str, Any]) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from recipes.plain_unet import DATASET

    manager = PlansManager(plans)
    configuration = manager.get_configuration(CONFIGURATION)
    properties = {"spacing": list(labels.grid.spacing_mm)}
    data, own, _ = configuration.preprocessor_class(verbose=False).run_case_npy(
        image[None], labels.array[None].astype(np.int8), properties, manager, configuration, DATASET
    )
    return data[0].astype(np.float16), np.maximum(own[0], 0).astype(np.uint8)


def real_example(box: RealBox, rng: Generator) -> Example:
    """One random view of a box: turned, scaled, bent, off its centre; with another contrast, coil and noise."""
    from scipy import ndimage

    size = (EDGE,) * 3
    points = _places(box, size, rng)
    image = ndimage.map_coordinates(box.image.astype(np.float32), points, order=1, mode="nearest").reshape(size)
    labels = ndimage.map_coordinates(box.labels, points, order=0).reshape(size)
    image, labels = _clipped(recoloured(image, rng), labels, rng)
    image = image * np.exp(smooth_field(size, 20, rng.uniform(0, 0.3), rng))
    if rng.random() < 0.3:
        image = ndimage.gaussian_filter(image, rng.uniform(0.2, 0.8))
    image = image + rng.normal(0, 1, size) * rng.uniform(0, 0.12) * image.std()
    return standardize(image), labels


def _places(box: RealBox, size: tuple[int, int, int], rng: Generator) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    turn = np.eye(3)
    if rng.random() < 0.6:
        turn = Rotation.from_euler("zyx", np.deg2rad(rng.normal(0, 8, 3))).as_matrix()
    matrix = turn @ np.diag(rng.uniform(0.88, 1.14) * rng.uniform(0.96, 1.04, 3))
    index = np.indices(size).reshape(3, -1) - (np.array(size)[:, None] - 1) / 2
    off = np.clip(rng.normal(0, 3, 3), -9, 9)[:, None] / VOXEL_MM
    centre = np.argwhere(box.labels > 0).mean(axis=0)[:, None]
    points: NDArray[np.float64] = matrix @ index + centre + off
    if rng.random() < 0.3:
        points += np.stack([smooth_field(size, 16, rng.uniform(0, 1.2), rng).ravel() for _ in range(3)])
    return points


def recoloured(image: NDArray[Any], rng: Generator) -> NDArray[Any]:
    """Another grey scale: a power, a bend, or now and then an inversion, as fat suppression darkens marrow."""
    low, high = np.percentile(image, (0.5, 99.5))
    unit = np.clip((image - low) / max(high - low, 1e-6), 0, 1.2)
    chance = rng.random()
    if chance < 0.5:
        return unit ** np.exp(rng.normal(0, 0.25))
    if chance < 0.8:
        knots = np.sort(rng.uniform(0, 1, 3))
        return np.interp(unit, [0, 0.25, 0.5, 0.75, 1.2], [0, *knots, 1.1])
    air = np.clip(unit / 0.12, 0, 1)
    return air * np.maximum(1.1 - unit, 0) ** np.exp(rng.normal(0, 0.3)) if chance < 0.9 else unit


def _clipped(image: NDArray[Any], labels: NDArray[Any], rng: Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sometimes the scan ends a few voxels from the head: beyond there is nothing."""
    if rng.random() < 0.8:
        return image, labels
    axis, end = int(rng.integers(3)), int(rng.integers(2))
    cut = slice(0, int(rng.integers(1, 8))) if end else slice(-int(rng.integers(1, 8)), None)
    where = tuple(cut if one == axis else slice(None) for one in range(3))
    image, labels = image.copy(), labels.copy()
    image[where], labels[where] = image.mean(), 0
    return image, labels
