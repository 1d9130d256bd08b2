"""NIfTI, NRRD and MetaImage files, recognised by their first bytes and not by their names.

The reversal between SimpleITK's or nibabel's x, y, z order and the array's z, y, x happens in this module and nowhere
else.
"""

from __future__ import annotations

import itertools
import math
import re
import zlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.errors import GeometryError, ReadError
from onfh_nnunet.files import written_whole
from onfh_nnunet.grid import FloatArray, Grid, direction_of, triple

FILE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
"""The usual endings, longest match first where one ends another; for naming what is written after what was read."""

FORMS_TOLERANCE_MM = 0.1
"""How far the corners of a NIfTI file's qform and sform may lie apart: a quaternion in single precision rounds at some
hundredths of a millimetre over a large field of view."""

GZIP = b"\x1f\x8b"
"""How a gzip file begins."""

_REMEDY = "Export it again from the source, with its geometry"


class ImageFormat(StrEnum):
    """What kind of image file it is."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"


def without_suffix(name: str, suffixes: Sequence[str] = FILE_SUFFIXES) -> str:
    """A file's name without its ending, whatever its case; as it is when it has none of these."""
    suffix = max((end for end in suffixes if name.lower().endswith(end)), key=len, default="")
    return name[: len(name) - len(suffix)]


def format_of(path: Path) -> ImageFormat | None:
    """The format of a file by its first bytes; none for any other file.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith(GZIP):
        head = zlib.decompressobj(wbits=31).decompress(head, 348)
    if head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2"):
        return ImageFormat.NIFTI
    if head.startswith(b"NRRD"):
        return ImageFormat.NRRD
    first_word = head.lstrip().partition(b"=")[0].strip()
    return ImageFormat.METAIMAGE if first_word in (b"ObjectType", b"NDims", b"Comment") else None


def read_image(path: Path) -> tuple[NDArray[Any], Grid]:
    """Read a 3D image: its voxels (z, y, x), in the machine's byte order, and its grid.

    Raises:
        ReadError: The file is missing, damaged, of another format, not a 3D scalar image, or holds NaN or infinity.
        GeometryError: The file does not state its spacing and orientation, states an impossible one, or two of them.
    """
    if not path.is_file():
        raise ReadError(path, "is not there", "Check the path")
    try:
        kind = format_of(path)
    except (OSError, zlib.error) as error:
        raise _unreadable(path, error) from error
    if kind is None:
        raise ReadError(path, f"is none of {', '.join(ImageFormat)}", "Convert it to one of these")
    array, grid = _read_nifti(path) if kind is ImageFormat.NIFTI else _read_itk(path, kind)
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise ReadError(path, "holds NaN or infinite voxels", "Export it again, or replace these voxels")
    return array.astype(array.dtype.newbyteorder("="), copy=False), grid


def write_image(path: Path, array: NDArray[Any], grid: Grid, note: str = "") -> None:
    """Write voxels (z, y, x) whole, compressed; the suffix chooses NIfTI, NRRD or MetaImage.

    Args:
        path: The file.
        array: The voxels.
        grid: Where they lie.
        note: What NIfTI's description says, up to 79 characters.

    Raises:
        WorkspaceError: The file cannot be written.
    """
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    if note:
        image.SetMetaData("ITK_FileNotes", note)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(np.asarray(grid.direction)[:, ::-1].ravel().tolist())
    with written_whole(path) as part:
        try:
            sitk.WriteImage(image, str(part), useCompression=True)
        except RuntimeError as error:
            raise OSError(str(error).strip().splitlines()[-1]) from error


def grid_of(path: Path, size_xyz: Sequence[int], columns_xyz: FloatArray, origin_mm: Sequence[float]) -> Grid:
    """The grid of a file whose axes run x, y, z; `columns_xyz` (3, 3) are LPS mm a voxel step along them.

    Raises:
        GeometryError: No such grid is possible; the message names the file.
    """
    columns = columns_xyz[:, ::-1]
    spacing = np.linalg.norm(columns, axis=0)
    x, y, z = (int(n) for n in size_xyz)
    try:
        with np.errstate(invalid="ignore", divide="ignore"):
            direction = direction_of(columns / spacing)
        return Grid((z, y, x), triple(spacing), triple(origin_mm), direction)
    except GeometryError as error:
        raise GeometryError(path, error.problem, error.remedy) from error


def _read_nifti(path: Path) -> tuple[NDArray[Any], Grid]:
    """Nibabel and gzip's own checksum: ITK fills a truncated .nii.gz with zeros and says nothing.

    zlib-ng refuses what Python's gzip refuses, at several times its speed.
    """
    import nibabel
    from nibabel.spatialimages import HeaderDataError
    from nibabel.volumeutils import apply_read_scaling
    from nibabel.wrapstruct import WrapStructError
    from zlib_ng import gzip_ng, zlib_ng

    try:
        with path.open("rb") as file:
            stream = gzip_ng.GzipNGFile(fileobj=file) if file.peek(2).startswith(GZIP) else file
            start = stream.read(8)
            stream.seek(0)
            kind = nibabel.nifti2.Nifti2Header if start[4:7] == b"n+2" else nibabel.nifti1.Nifti1Header
            header = kind.from_fileobj(stream)
            stream.seek(0)
            voxels = _voxels(stream, header.get_data_offset(), header.get_data_dtype(), header.get_data_shape())
            stream.read()  # gzip's checksum comes last
        voxels = apply_read_scaling(voxels, *header.get_slope_inter())
        forms = [form() for form in (header.get_qform, header.get_sform)]
    except (OSError, EOFError, ValueError, zlib_ng.error, HeaderDataError, WrapStructError) as error:
        raise _unreadable(path, error) from error
    if voxels.ndim != 3 or voxels.dtype.fields:
        raise _not_3d(path, f"{voxels.ndim}D of {voxels.dtype}")
    _one_geometry(path, header, voxels.shape, forms)
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ header.get_best_affine()
    return voxels.T, grid_of(path, voxels.shape, to_lps[:3, :3], to_lps[:3, 3])


def _voxels(stream: BinaryIO, offset: int, dtype: np.dtype[Any], size_xyz: Sequence[int]) -> NDArray[Any]:
    """Voxels (x, y, z) in the one piece of memory into which they are read: getting more takes longer than reading."""
    n = math.prod(size_xyz)
    expected = offset + n * dtype.itemsize
    data = stream.read(max(expected, 0))
    if n < 0 or len(data) < expected:
        raise EOFError(f"it holds {len(data)} bytes, expected {expected}")
    return np.frombuffer(data, dtype, n, offset).reshape(size_xyz, order="F")


def _one_geometry(path: Path, header: Any, size_xyz: Sequence[int], forms: Sequence[FloatArray]) -> None:
    """Refuse a file without qform and sform, and one whose qform and sform (4, 4) place its corners differently."""
    spacing = [float(value) for value in header["pixdim"][1:4]]
    codes = [int(header["qform_code"]), int(header["sform_code"])]
    if not min(spacing) > 0 or max(codes) <= 0:
        raise _without_geometry(path, f"pixdim {spacing}, qform and sform code {codes}")
    if min(codes) > 0:
        corners = np.array([[*corner, 1] for corner in itertools.product(*((0, n - 1) for n in size_xyz))], float)
        apart = float(np.linalg.norm(corners @ (forms[0] - forms[1]).T, axis=1).max())
        if not apart <= FORMS_TOLERANCE_MM:
            problem = f"has a qform and an sform whose corners lie {apart:.2f} mm apart, expected one geometry"
            raise GeometryError(path, problem, "Find out which is right, and set both to it")


def _read_itk(path: Path, kind: ImageFormat) -> tuple[NDArray[Any], Grid]:
    import SimpleITK as sitk

    header = _header_of(path)
    if not any(key in header for key in ("space directions:", "spacings:", "elementspacing", "elementsize")):
        raise _without_geometry(path, "a header without a spacing")  # ITK would take 1 mm
    if re.search(r"^(space directions|spacings|elementspacing|elementsize)\s*[:=].*\bnan\b", header, re.MULTILINE):
        raise _without_geometry(path, "a spacing that is no number")  # here, too
    engine = "NrrdImageIO" if kind is ImageFormat.NRRD else "MetaImageIO"
    try:
        if kind is ImageFormat.NRRD:
            refuse_damaged_gzip(path)
        image = sitk.ReadImage(str(path), imageIO=engine)
    except (RuntimeError, zlib.error) as error:
        raise _unreadable(path, error) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise _not_3d(path, f"{image.GetDimension()}D with {image.GetNumberOfComponentsPerPixel()} values a voxel")
    columns = np.asarray(image.GetDirection()).reshape(3, 3) * np.asarray(image.GetSpacing())
    return sitk.GetArrayFromImage(image), grid_of(path, image.GetSize(), columns, image.GetOrigin())


def refuse_damaged_gzip(path: Path) -> None:
    """Check the voxels of a compressed NRRD file with gzip's own checksum, before which ITK stops reading.

    Raises:
        ReadError: The file ends before its voxels do.
        zlib.error: They are damaged.
    """
    header, *rest = re.split(rb"\r?\n\r?\n", path.read_bytes(), maxsplit=1)
    if rest and re.search(rb"^encoding: gz", header, re.MULTILINE | re.IGNORECASE):
        stream = zlib.decompressobj(wbits=31)
        stream.decompress(rest[0])
        if not stream.eof:
            raise ReadError(path, "cannot be read (it ends before its voxels do)", "Export it again")


def _unreadable(path: Path, error: Exception) -> ReadError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    return ReadError(path, f"cannot be read ({reason})", "Export it again; it may be truncated")


def _without_geometry(path: Path, got: str) -> GeometryError:
    return GeometryError(path, f"does not state its spacing and orientation ({got})", _REMEDY)


def _not_3d(path: Path, got: str) -> ReadError:
    return ReadError(path, f"is {got}, expected one 3D image", "Extract one 3D image from it")


def _header_of(path: Path) -> str:
    """The text before the voxels of a NRRD or MetaImage file, in lower case."""
    lines: list[str] = []
    with path.open("rb") as file:
        for line in itertools.islice(file, 400):
            lines.append(line.decode("latin-1").lower())
            if not line.strip() or lines[-1].startswith("elementdatafile"):
                break
    return "".join(lines)
