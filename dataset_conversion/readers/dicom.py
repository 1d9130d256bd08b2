"""A folder with one classic single-frame MR series becomes a volume.

Headers are read with pydicom, pixels with GDCM, which decodes every transfer syntax and applies each slice's rescale.
The grid comes from ImageOrientationPatient and ImagePositionPatient alone (see `stack`). ITK's own series reader is
not used: it merges several orientations, echoes or b-values of a series into one volume, and bridges a missing slice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.scan import Scan
from dataset_conversion.readers.stack import Slice, stacked
from dataset_conversion.voxels import compact
from onfh_nnunet.errors import ReadError, SideError
from onfh_nnunet.hip import Side
from onfh_nnunet.volume import Volume

Header = Any  # pydicom's Dataset answers every keyword

DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP class of a DICOMDIR, which is DICOM but no image."""

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"

_GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
_TAGS = [
    *("SOPClassUID", "Modality", "SeriesInstanceUID", "SeriesDescription", "InstanceNumber", "NumberOfFrames"),
    *("PhotometricInterpretation", "Laterality", "ImageLaterality"),
    *_GEOMETRY,
]
_EXPORT_AGAIN = "Export the series again; the file may be truncated"


def read_scan(folder: Path) -> Scan:
    """Read the MR series in a folder; files that are not DICOM and do not look like its slices are passed over.

    Returns:
        The volume, slices sorted along the normal of the slices (axes z, y, x: slice, row, column), and the side of
        its header. Whole numbers stay integer.

    Raises:
        ReadError: There is no DICOM file, a file is damaged, or the files are not the slices of one MR series.
        GeometryError: The slices are no regular stack.
        SideError: The header states both sides.
    """
    headers = _headers(folder)
    _one_mr_series(folder, headers)
    slices = [_slice(path, header) for path, header in headers.items()]
    ordered, grid = stacked(folder, slices)
    array = np.stack([_pixels(one) for one in ordered])
    return Scan(Volume(compact(array), grid), _laterality(folder, headers))


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _headers(folder: Path) -> dict[Path, Header]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    headers = {path: _header(path) for path in files if is_dicom(path)}
    images = {path: header for path, header in headers.items() if _class(header) != DIRECTORY}
    if not images:
        raise ReadError(folder, "holds no DICOM image", "Give the folder that holds the slices themselves")
    suffixes = {path.suffix for path in images}
    for path in files:
        # Cut off before the 132nd byte: at the end of a series its absence would leave no gap.
        if path not in headers and path.suffix in suffixes and not path.name.startswith("."):
            raise ReadError(path, "is named like the slices beside it and is not DICOM", _EXPORT_AGAIN)
    return images


def _header(path: Path) -> Header:
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ReadError(path, f"cannot be read as DICOM ({error})", _EXPORT_AGAIN) from error


def _class(header: Header) -> str:
    return str(header.file_meta.get("MediaStorageSOPClassUID", header.get("SOPClassUID", "")))


def _one_mr_series(folder: Path, headers: dict[Path, Header]) -> None:
    """Refuse what is not the single-frame grey images of one MR series."""
    for path, header in headers.items():
        _mr_image(path, header)
    series = {header.get("SeriesInstanceUID"): header.get("SeriesDescription", "") for header in headers.values()}
    if len(series) > 1:
        names = ", ".join(repr(str(name)) for name in series.values())
        raise ReadError(folder, f"holds {len(series)} series ({names}), expected one", "Keep one series a folder")
    if len(headers) == 1:
        raise ReadError(folder, "holds a single image, expected the slices of a 3D scan", "Give a whole series")


def _mr_image(path: Path, header: Header) -> None:
    modality = header.get("Modality")
    if modality is None:
        raise ReadError(path, "lacks Modality", _EXPORT_AGAIN)
    if modality != "MR":
        raise ReadError(path, f"has Modality {modality}, expected MR", "Give the folder of an MR series")
    if _class(header) == ENHANCED_MR or int(header.get("NumberOfFrames") or 1) > 1:
        problem = "is an enhanced multi-frame file, which is not read yet"
        raise ReadError(path, problem, "Convert it with dcm2niix and give the NIfTI file of one echo")
    missing = [name for name in _GEOMETRY if not header.get(name)]
    if missing:
        raise ReadError(path, f"lacks {', '.join(missing)}", _EXPORT_AGAIN)
    colours = header.get("PhotometricInterpretation")
    if colours != "MONOCHROME2":
        raise ReadError(path, f"is a {colours} image, expected MONOCHROME2", "Give the original MR images")


def _slice(path: Path, header: Header) -> Slice:
    try:
        position, orientation, spacing = (np.array(header.get(name), float) for name in _GEOMETRY[:3])
        return Slice(
            path,
            str(header.get("InstanceNumber", "?")),
            position,
            orientation.reshape(2, 3),
            spacing,
            (int(header.Rows), int(header.Columns)),
        )
    except (TypeError, ValueError) as error:
        raise ReadError(path, f"has an unusable position ({error})", _EXPORT_AGAIN) from error


def _pixels(one: Slice) -> NDArray[Any]:
    """One slice's rescaled values, (rows, columns)."""
    import SimpleITK as sitk

    try:
        image = sitk.ReadImage(str(one.path), imageIO="GDCMImageIO")
    except RuntimeError as error:
        raise ReadError(one.path, "has pixels that cannot be decoded", _EXPORT_AGAIN) from error
    pixels: NDArray[Any] = sitk.GetArrayFromImage(image).reshape(one.size)
    return pixels


def _laterality(folder: Path, headers: dict[Path, Header]) -> Side | None:
    """The side of Laterality (0020,0060) and ImageLaterality (0020,0062)."""
    names = ("Laterality", "ImageLaterality")
    stated = {str(header.get(name)) for header in headers.values() for name in names} & set(Side)
    if len(stated) > 1:
        raise SideError(folder, "has slices of the left and of the right side in its header", "Correct the header")
    return Side(stated.pop()) if stated else None
