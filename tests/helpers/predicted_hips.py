"""Hips of a sphere as `onfh predict` leaves them in OUT: mask, images and row."""

import numpy as np

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.scan_images import HipImages
from postprocessing.measurement.grade_rows import grade_row

GRID = Grid((40, 40, 90), (2.0, 2.0, 2.0), (-89.0, 7.0, 30.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
SCAN = Volume(np.random.default_rng(0).normal(100, 20, GRID.size).astype(np.int16), GRID)


def mask(side, dead_from_mm=8.0):
    """A head of radius 20 mm on its side of the scan, dead above a height."""
    place = (np.moveaxis(np.indices(GRID.size), 0, -1) - (20, 20, 22 if side is Side.RIGHT else 68)) * 2.0
    head = np.linalg.norm(place, axis=-1) <= 20
    return Volume((head + (head & (place[..., 0] >= dead_from_mm)).astype(np.uint8)).astype(np.uint8), GRID)


def write_hip(out, side, dead_from_mm, source="scan.nii.gz", patient="P001"):
    labels = mask(side, dead_from_mm)
    row = grade_row(
        f"{patient}_{side}", source, HipMask(labels, side), ("the neck is cut",) if side is Side.LEFT else ()
    )
    labels.write_labels(out / f"{row.case_id}.nii.gz")
    HipImages.of(SCAN, labels).write(out, row.case_id)
    return row
