"""Reading and writing of NIfTI, NRRD and MetaImage files, recognised by their first bytes and not by their names.

Their headers are parsed and bounded here before anything is allocated, and no library reads a voxel of a file that a
stranger made: memory faults of one would be the stranger's to use.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.atomic_files import atomic_write
from onfh_nnunet.core.errors import GeometryError, OnfhError, ReadError
from onfh_nnunet.core.grid import Grid, same_grid
from onfh_nnunet.core.image_formats.image_header import ImageHeader, grid_of, without_geometry
from onfh_nnunet.core.image_formats.inflate import GZIP
from onfh_nnunet.core.image_formats.metaimage import read_metaimage_header
from onfh_nnunet.core.image_formats.nifti import aux_file_of, header_of_pair, is_analyze, read_nifti_header
from onfh_nnunet.core.image_formats.nrrd import NrrdHeader, read_nrrd_header
from onfh_nnunet.core.user_files import open_regular, refused_whole

FILE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".hdr.gz")
"""The usual endings."""


class ImageFormat(StrEnum):
    """The format of an image file."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"


_READERS = {
    ImageFormat.NIFTI: read_nifti_header,
    ImageFormat.NRRD: read_nrrd_header,
    ImageFormat.METAIMAGE: read_metaimage_header,
}


def format_of(path: Path) -> ImageFormat | None:
    """The format of a file by its first bytes; None for any other file.

    Raises:
        ReadError: It is not a regular file, or a damaged gzip file.
        OSError: It cannot be opened.
    """
    with open_regular(path) as file:
        head = file.read(1024)
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 348)
        except zlib.error as error:
            raise ReadError(path, "is a damaged gzip file", "Export it again from the source") from error
    if head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2"):
        return ImageFormat.NIFTI
    if head.startswith(b"NRRD"):
        return ImageFormat.NRRD
    first_word = head.lstrip().partition(b"=")[0].strip()
    return ImageFormat.METAIMAGE if first_word in (b"ObjectType", b"NDims", b"Comment") else None


def read_header(path: Path) -> ImageHeader:
    """Read what the header of a 3D image says, without any voxel; of a NIfTI pair, either file stands for both.

    Raises:
        ReadError: The file is missing, damaged, of another format, or not a 3D scalar image.
        GeometryError: The file does not state its spacing and orientation, states an impossible one, or two of them.
    """
    with refused_whole(path), np.errstate(all="ignore"):  # impossible numbers are refused by name
        if not path.exists():
            raise ReadError(path, "does not exist", "Check the path")
        kind, header = format_of(path), path
        if kind is None and (beside := header_of_pair(path)):
            kind, header = format_of(beside), beside
        if kind is None and is_analyze(header):
            raise without_geometry(path, "an Analyze header, which tells neither left nor right")
        if kind is None:
            raise ReadError(path, f"is not one of {', '.join(ImageFormat)}", "Convert it to one of these")
        return _READERS[kind](header)


def read_image(path: Path) -> tuple[NDArray[Any], Grid]:
    """Read a 3D image: voxels (z, y, x) in the machine's byte order, and grid.

    Raises:
        ReadError: The file is missing, damaged, of another format, not a 3D scalar image, or holds NaN or infinity.
        GeometryError: The file does not state its spacing and orientation, states an impossible one, or two of them.
    """
    array, grid = _read(path)
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ReadError(path, "holds NaN or infinite voxels", "Export it again, or replace these voxels")
    return array, grid


def _read(path: Path) -> tuple[NDArray[Any], Grid]:
    header = read_header(path)
    with refused_whole(path):
        array = header.read()
        return array.astype(array.dtype.newbyteorder("="), copy=False), header.grid


def mark_of(path: Path) -> str:
    """The mark of a NIfTI file that `write_image` wrote; empty where it has none, and in other formats.

    Raises:
        ReadError: It is not a regular file, or damaged.
    """
    with refused_whole(path):
        return aux_file_of(path) if format_of(path) is ImageFormat.NIFTI else ""


def detached(path: Path) -> Path | None:
    """The other file of an image that is two, a header and its voxels; none for any other image, or a damaged one.

    Raises:
        ReadError: It is not a regular file, or a damaged gzip file.
        OSError: It cannot be opened.
    """
    kind, voxels = format_of(path), path
    with contextlib.suppress(OnfhError), refused_whole(path):
        if kind is ImageFormat.NRRD:
            voxels = NrrdHeader.read(path).file
        elif kind is ImageFormat.METAIMAGE:
            voxels = read_metaimage_header(path).voxels.file
        elif kind is ImageFormat.NIFTI:
            voxels = read_nifti_header(path).voxels.file
        else:
            voxels = header_of_pair(path) or path
    return None if voxels == path else voxels


def write_image(
    path: Path, array: NDArray[Any], grid: Grid, note: str = "", mark: str = "", keys: Mapping[str, str] | None = None
) -> None:
    """Write voxels (z, y, x) atomically, compressed; the suffix selects NIfTI, NRRD or MetaImage.

    What was written is read again before it takes the file's place: ITK does not report a full disk.

    Args:
        path: The file.
        array: The voxels.
        grid: Where they lie.
        note: What NIfTI's description says, up to 79 characters.
        mark: What NIfTI's ``aux_file`` says, up to 23 characters.
        keys: Key/value pairs of a NRRD file.

    Raises:
        WorkspaceError: The file cannot be written whole.
    """
    import SimpleITK as sitk

    image = to_itk(array, grid)
    for key, text in (("ITK_FileNotes", note), ("aux_file", mark), *(keys or {}).items()):
        if text:
            image.SetMetaData(key, text)
    with atomic_write(path) as part:
        try:
            sitk.WriteImage(image, str(part), useCompression=True)
        except RuntimeError as error:
            raise OSError(str(error).strip().splitlines()[-1]) from error
        _require_written(part, array, grid)


def to_itk(array: NDArray[Any], grid: Grid) -> Any:
    """Voxels (z, y, x) as a `SimpleITK.Image`."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(np.asarray(grid.direction)[:, ::-1].ravel().tolist())
    return image


def from_itk(image: Any) -> tuple[NDArray[Any], Grid]:
    """The voxels (z, y, x) of a `SimpleITK.Image`, copied, and its grid.

    Raises:
        GeometryError: It is not 3D, has several values a voxel, or an impossible grid.
    """
    import SimpleITK as sitk

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        got = f"is {image.GetDimension()}D with {image.GetNumberOfComponentsPerPixel()} values a voxel"
        raise GeometryError("SimpleITK image", f"{got}, expected 3D with one", "Take one 3D image of it")
    columns = np.asarray(image.GetDirection()).reshape(3, 3) * np.asarray(image.GetSpacing())
    return sitk.GetArrayFromImage(image), grid_of("SimpleITK image", image.GetSize(), columns, image.GetOrigin())


def _require_written(part: Path, array: NDArray[Any], grid: Grid) -> None:
    try:
        again, its_grid = _read(part)
        same_grid(part.name, its_grid, grid)
    except OnfhError as error:
        raise OSError("it was not written whole: it cannot be read again") from error
    if again.dtype != array.dtype or not np.array_equal(again, array, equal_nan=array.dtype.kind == "f"):
        raise OSError("it was not written whole: other voxels are read than were written")
