"""A voxel array (z, y, x) on its grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.image_files import read_image, write_image


@dataclass(frozen=True, eq=False)
class Volume:
    """A read-only array (z, y, x) on its grid.

    Raises:
        GeometryError: The array's shape is not the grid's size.
    """

    array: NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.size:
            raise GeometryError(
                "volume", f"has shape {self.array.shape} on a grid of {self.grid.size}", "Check its axes"
            )
        view = self.array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @classmethod
    def read(cls, path: Path) -> Volume:
        """Read a NIfTI, NRRD or MetaImage file.

        Raises:
            ReadError: The file is missing, damaged, of another format, not a 3D scalar image, or holds NaN or infinity.
            GeometryError: The file does not state its spacing and orientation, or states an impossible one, or two.
        """
        return cls(*read_image(path))

    def write(self, path: Path, note: str = "") -> None:
        """Write a file whole; the suffix chooses NIfTI, NRRD or MetaImage, and NIfTI's description is the note.

        Raises:
            WorkspaceError: The file cannot be written.
        """
        write_image(path, self.array, self.grid, note)
