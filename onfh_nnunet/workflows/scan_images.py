"""Parts of a scan that `onfh predict` keeps in ``OUT/images``, so that a report of OUT never needs the scan again.

Of each hip a box around its head, and the coronal slice of the whole scan through its centre, in 256 greys. Pixels
alone, without a name: they show no more than a report does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onfh_nnunet.core.atomic_files import remove_file
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume

if TYPE_CHECKING:
    from onfh_nnunet.core.grid import FloatArray, Grid
    from onfh_nnunet.inference.hip_prediction import HipPrediction

BOX_MM = 100.0
"""Edge of the box: a head, the joint around it, and the upper neck."""

BLACK_WHITE_PERCENT = (0.1, 99.9)
"""Percentiles of the box that become the darkest and the brightest grey."""


@dataclass(frozen=True, eq=False)
class HipImages:
    """What is kept of a scan for one hip.

    Args:
        hip: The box around the head (z, y, x to head, back, left), uint8.
        whole: The coronal slice of the whole scan (z, 1, x), uint8.
    """

    hip: Volume
    whole: Volume

    @classmethod
    def of(cls, scan: Volume, mask: Volume) -> HipImages:
        """The images around a mask that lies on the grid of its scan and holds a head."""
        centre_mm = _middle_mm(mask)
        crop = HipCrop.around(scan.grid, centre_mm, mirrored=False, box_mm=BOX_MM)
        everything = HipCrop.whole(scan.grid)
        z, y, x = everything.size
        coronal = round(float(np.clip(everything.grid.to_index(centre_mm)[1], 0, y - 1)))
        section = replace(everything, start=(0, coronal, 0), size=(z, 1, x))
        return cls(_in_greys(crop.extract(scan)), _in_greys(section.extract(scan)))

    @classmethod
    def read(cls, out: Path, case_id: str) -> HipImages | None:
        """The images of a hip in OUT; None where they were left out.

        Raises:
            ReadError: They are damaged.
        """
        files = image_files(out, case_id)
        return cls(*map(Volume.read, files)) if all(file.is_file() for file in files) else None

    def write(self, out: Path, case_id: str) -> None:
        """Write them into OUT.

        Raises:
            WorkspaceError: They cannot be written.
        """
        for file, image in zip(image_files(out, case_id), (self.hip, self.whole), strict=True):
            image.write(file)


def image_files(out: Path, case_id: str) -> tuple[Path, Path]:
    """The files of a hip's images."""
    folder = out / "images"
    return folder / f"{case_id}_hip.nii.gz", folder / f"{case_id}_whole.nii.gz"


def images_of(scan: Volume, predictions: Sequence[HipPrediction]) -> list[HipImages]:
    """The images of each predicted hip of a scan."""
    return [HipImages.of(scan, prediction.mask()) for prediction in predictions]


def lacking_images(out: Path, case_ids: Sequence[str]) -> bool:
    """Whether a hip in OUT has not all its images."""
    return not all(file.is_file() for case_id in case_ids for file in image_files(out, case_id))


def write_images(out: Path, images: Mapping[str, HipImages]) -> None:
    """Write the images of hips by case id."""
    for case_id, one in images.items():
        one.write(out, case_id)


def remove_images(out: Path, case_ids: Sequence[str]) -> None:
    """Remove the images of hips that are no longer wanted."""
    for case_id in case_ids:
        for file in image_files(out, case_id):
            remove_file(file)


def voxel_size(grid: Grid) -> str:
    """The edges of a scan's voxels in words."""
    return " x ".join(f"{edge:.2f}" for edge in grid.spacing_mm) + " mm (slice, row, column of the scan)"


def _middle_mm(mask: Volume) -> FloatArray:
    """The median position of the head's voxels (LPS): strays do not move it."""
    middle: FloatArray = mask.grid.to_mm(np.median(np.argwhere(mask.array), axis=0))
    return middle


def _in_greys(image: Volume) -> Volume:
    low, high = np.percentile(image.array, BLACK_WHITE_PERCENT)
    scaled = np.clip((image.array.astype(np.float32) - low) / max(float(high - low), 1e-6), 0, 1)
    return Volume(np.rint(255 * scaled).astype(np.uint8), image.grid)
