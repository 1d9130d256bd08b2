"""Headers of image files of any format: where the voxels are stored, and their grid.

The reversal between a file's x, y, z order and the array's z, y, x happens in this module and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import FloatArray, Grid, direction_of, perpendicular_axes, triple
from onfh_nnunet.core.image_formats.inflate import Encoding, fill, inflated, require_held
from onfh_nnunet.core.user_files import MOST_IMAGE_BYTES, open_regular


@dataclass(frozen=True)
class VoxelData:
    """The location and encoding of the voxels in a file.

    Args:
        file: The image file, or the one beside its header.
        dtype: Their type, with its byte order.
        size: Voxels along the file's axes, the fastest first.
        encoding: How their bytes are stored.
        start: The first byte of the file that stores them.
        skip: Decompressed bytes before the first voxel.
        least_skip: How many of them the header takes.

    Raises:
        ReadError: A size is below 1.
        OSError: There is no such file.
    """

    file: Path
    dtype: np.dtype[Any]
    size: tuple[int, ...]
    encoding: Encoding
    start: int = 0
    skip: int = 0
    least_skip: int = 0

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            problem = f"cannot be read (it holds {self.n_stored} bytes, expected voxels of the size {self.size})"
            raise ReadError(self.file, problem, "Export it again from the source")

    @property
    def n_bytes(self) -> int:
        """The size of the voxels in bytes."""
        return math.prod(self.size) * self.dtype.itemsize

    @property
    def n_stored(self) -> int:
        """The number of bytes in the file from `start` on."""
        return self.file.stat().st_size - self.start

    def read(self) -> NDArray[Any]:
        """Read the voxels, slowest axis first (z, y, x), in one pass up to the checksum.

        Raises:
            ReadError: They would begin in the header, are not all there, are followed by more than padding, are more
                than any image has, or need more memory than is free.
            Exception: What a library raises about a damaged file.
        """
        import psutil

        if self.skip < self.least_skip:
            problem = f"has its voxels at byte {self.skip}, expected {self.least_skip} or a later one: after the header"
            raise ReadError(self.file, problem, "Export it again from the source")
        require_held(self.file, self.encoding, self.n_stored, self.skip + self.n_bytes)
        if self.n_bytes > MOST_IMAGE_BYTES:
            problem = (
                f"has voxels of {self.n_bytes / 2**30:.1f} GiB, expected at most {MOST_IMAGE_BYTES / 2**30:.0f} GiB"
            )
            raise ReadError(self.file, problem, "Crop it to the hips, or store its voxels in 16 bits")
        free = psutil.virtual_memory().available
        if self.n_bytes > free:
            problem = f"needs {self.n_bytes / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
            raise ReadError(self.file, problem, "Crop it, or read it on a larger machine")
        data = np.empty(self.n_bytes, np.uint8)
        with open_regular(self.file) as file:
            file.seek(self.start)
            fill(self.file, inflated(file, self.encoding), self.skip, data.data)
        return data.view(self.dtype).reshape(self.size[::-1])


@dataclass(frozen=True)
class ImageHeader:
    """The header of a 3D image.

    Args:
        voxels: Where its voxels are stored.
        grid: Where they lie.
        scaling: Slope and intercept from what is stored to what is meant; a slope of 0 means that both are the same.
    """

    voxels: VoxelData
    grid: Grid
    scaling: tuple[float, float] = (0.0, 0.0)

    def read(self) -> NDArray[Any]:
        """Read the voxels (z, y, x); see `VoxelData.read`.

        Raises:
            ReadError: Its scaling is not finite; or what `VoxelData.read` refuses.
        """
        slope, intercept = self.scaling
        if math.isnan(slope):  # not stated, as nibabel and ITK read it
            return self.voxels.read()
        if not (math.isfinite(slope) and math.isfinite(intercept)):
            problem = f"scales its voxels by {slope:g} and {intercept:g}, expected finite numbers"
            raise ReadError(self.voxels.file, problem, "Export it again from the source")
        voxels = self.voxels.read()
        if slope == 0 or (slope, intercept) == (1, 0):
            return voxels
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is refused by name
            scaled: NDArray[Any] = voxels * np.float64(slope) + np.float64(intercept)
            return _whole(scaled) if voxels.dtype.kind in "iu" else scaled


def _whole(scaled: NDArray[Any]) -> NDArray[Any]:
    """Scaled integers as whole numbers, if all of them are whole but for the rounding of the slope."""
    whole = np.rint(scaled)
    return whole if np.abs(scaled - whole).max(initial=0.0) <= _WHOLE else scaled


_WHOLE = 1e-6
"""How far a label may lie from a whole number: a label map that is stored with the slope 1/255 in single precision
reads 1.00000006. Greys that lie so near to whole numbers lose nothing."""


def grid_of(path: object, size_xyz: Sequence[int], columns_xyz: FloatArray, origin_mm: Sequence[float]) -> Grid:
    """The grid of a file whose axes run x, y, z; `columns_xyz` (3, 3) are LPS mm a voxel step along them.

    Axes that a header rounds are made perpendicular, see `perpendicular_axes`.

    Raises:
        GeometryError: No such grid is possible; the message names the file.
    """
    columns = columns_xyz[:, ::-1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        spacing = np.linalg.norm(columns, axis=0)
        axes = columns / spacing
    x, y, z = (int(n) for n in size_xyz)
    try:
        if np.isfinite(axes).all():
            axes = perpendicular_axes(axes, spacing, (z, y, x))
        return Grid((z, y, x), triple(spacing), triple(origin_mm), direction_of(axes))
    except GeometryError as error:
        raise GeometryError(path, error.problem, error.remedy) from error


def require_3d(path: Path, n_dimensions: int, n_values: int = 1) -> None:
    """Refuse an image that is not a 3D volume with one value per voxel.

    Raises:
        ReadError: It has other axes, or several values a voxel.
    """
    if n_dimensions != 3 or n_values != 1:
        raise not_3d(path, f"{n_dimensions}D with {n_values} values a voxel")


def not_3d(path: Path, got: str) -> ReadError:
    """The error for a file that is not a 3D volume with one value per voxel."""
    return ReadError(path, f"is {got}, expected one 3D image", "Extract one 3D image from it")


def without_geometry(path: Path, got: str) -> GeometryError:
    """The refusal of a file that does not say where its voxels lie, or where the patient's axes are."""
    problem = f"does not state its spacing and orientation ({got})"
    return GeometryError(path, problem, "Export it again from the source, with its geometry")


_MM_OR_NONE = ("", "?", "???", "mm", "millimeter", "millimeters", "millimetre", "millimetres")


def require_mm(path: Path, units: Iterable[str]) -> None:
    """Refuse lengths that a header states in another unit than millimetres; tools differ in what they make of them.

    Raises:
        GeometryError: One is another; one that is empty or unknown (``?``) is none.
    """
    other = sorted({unit for unit in units if unit.strip().lower() not in _MM_OR_NONE})
    if other:
        problem = f"states its lengths in {', '.join(map(repr, other))[:60]}, expected mm"
        raise GeometryError(path, problem, "Export it again in millimetres")
