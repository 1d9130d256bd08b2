"""A reference and a prediction of one hip, 80 x 256 x 256 voxels of 1.0 x 0.78 x 0.78 mm, for the benchmarks."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy import ndimage

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume

ONFH = [sys.executable, "-m", "onfh_nnunet"]
SIZE = (80, 256, 256)
SPACING_MM = (1.0, 0.78, 0.78)
WARP_MM, WARP_SMOOTH_MM = 1.0, 6.0
"""A prediction is off by bumps of this standard deviation and width."""


def hip_masks() -> tuple[Volume, Volume]:
    """The label map of a synthetic hip, and the same with a warped outline."""
    labels = _centred(_phantom_label())
    grid = Grid(SIZE, SPACING_MM, (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    return Volume(labels, grid), Volume(_warped(labels), grid)


def _phantom_label() -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        out, spacing = Path(folder) / "cohort", ",".join(f"{step:g}" for step in SPACING_MM)
        settings = ["--hips", "1", "--seed", "1", "--format", "nifti", "--spacing", spacing]
        subprocess.run([*ONFH, "phantom", str(out), *settings], check=True, capture_output=True)
        with (out / "cohort.csv").open(encoding="utf-8") as file:
            return Volume.read(out / next(csv.DictReader(file))["label"]).array


def _centred(labels: np.ndarray) -> np.ndarray:
    head = labels[ndimage.find_objects((labels > 0).astype(np.uint8))[0]]
    centred = np.zeros(SIZE, np.uint8)
    start = [(whole - part) // 2 for whole, part in zip(SIZE, head.shape, strict=True)]
    centred[tuple(slice(at, at + part) for at, part in zip(start, head.shape, strict=True))] = head
    return centred


def _warped(labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    smooth = [WARP_SMOOTH_MM / step for step in SPACING_MM]
    bumps = [ndimage.gaussian_filter(rng.standard_normal(SIZE, np.float32), smooth) for _ in SIZE]
    places = [
        axis + bump * (WARP_MM / step / bump.std())
        for axis, bump, step in zip(np.ogrid[tuple(slice(n) for n in SIZE)], bumps, SPACING_MM, strict=True)
    ]
    return ndimage.map_coordinates(labels, places, order=0)
