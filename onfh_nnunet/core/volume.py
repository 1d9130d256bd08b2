"""Volumes: a voxel array (z, y, x) on its grid, read from and written to files, SimpleITK and nibabel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.image_files import from_itk, mark_of, read_image, to_itk, write_image
from onfh_nnunet.core.image_formats.image_header import grid_of
from onfh_nnunet.core.labels import label_mark


@dataclass(frozen=True, eq=False)
class Volume:
    """A read-only array (z, y, x) on its grid; `numpy.asarray` gives the array.

    Example:
        ```python
        import numpy as np
        import onfh_nnunet as onfh

        mask = onfh.Volume.read("P001_R.nii.gz")
        necrotic_voxels = np.count_nonzero(np.asarray(mask) == 2)
        image = mask.to_sitk()
        ```

    Args:
        array: The voxels.
        grid: Where they lie.
        mark: That of a label map made here (see `label_mark`); empty for everything else.

    Raises:
        GeometryError: The array's shape is not the grid's size.
    """

    array: NDArray[Any]
    grid: Grid
    mark: str = ""

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.size:
            raise GeometryError(
                "volume",
                f"has shape {self.array.shape}, expected its grid's {self.grid.size}",
                "Give the axes as z, y, x",
            )
        view = self.array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype) if copy else np.asarray(self.array, dtype)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Volume:
        """Read a NIfTI, NRRD or MetaImage file.

        Raises:
            ReadError: The file is missing, damaged, of another format, not a 3D scalar image, or holds NaN or infinity.
            GeometryError: The file does not state its spacing and orientation, or states an impossible one, or two.
        """
        return cls(*read_image(Path(path)), mark_of(Path(path)))

    def write(self, path: str | os.PathLike[str], note: str = "") -> None:
        """Write the volume atomically; the suffix selects NIfTI, NRRD or MetaImage, `note` is NIfTI's description.

        Raises:
            WorkspaceError: The file cannot be written.
        """
        write_image(Path(path), self.array, self.grid, note)

    def write_labels(self, path: str | os.PathLike[str], note: str = "") -> None:
        """Write a label map of the values of `Label`, marked as one where the format is NIfTI; see `write`.

        Raises:
            WorkspaceError: The file cannot be written.
        """
        write_image(Path(path), self.array, self.grid, note, label_mark(self.array))

    @classmethod
    def from_sitk(cls, image: Any) -> Volume:
        """A volume from a 3D `SimpleITK.Image` with one value per voxel, copied.

        Raises:
            GeometryError: It is not 3D, has several values a voxel, or an impossible grid.
        """
        return cls(*from_itk(image))

    def to_sitk(self) -> Any:
        """Convert to a `SimpleITK.Image` with the same voxels and geometry."""
        return to_itk(self.array, self.grid)

    @classmethod
    def from_nibabel(cls, image: Any) -> Volume:
        """The voxels of a nibabel image of one volume, by its affine (RAS, mm), in its type where that is whole.

        Raises:
            GeometryError: It is not 3D, or its affine is no rotation with a spacing.
        """
        size, more = image.shape[:3], image.shape[3:]
        if len(size) != 3 or any(n != 1 for n in more):
            raise GeometryError("nibabel image", f"has the shape {image.shape}, expected 3D", "Take one volume of it")
        to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(image.affine, float)
        grid = grid_of("nibabel image", size, to_lps[:3, :3], to_lps[:3, 3])
        return cls(np.asanyarray(image.dataobj).reshape(size).T, grid)

    def to_nibabel(self) -> Any:
        """Convert to a `nibabel.Nifti1Image`, with the affine as qform and sform (scanner)."""
        import nibabel

        columns = np.asarray(self.grid.direction) * np.asarray(self.grid.spacing_mm)
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = columns[:, ::-1], self.grid.origin_mm
        image = nibabel.Nifti1Image(self.array.T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
        image.set_qform(image.affine, code=1)
        image.set_sform(image.affine, code=1)
        return image
