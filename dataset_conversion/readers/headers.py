"""DICOM headers as pydicom reads them, each with its pixels left in the file until they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onfh_nnunet.errors import ReadError

Header = Any  # pydicom's Dataset answers every keyword

CLASSIC_MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = ("1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")
"""Enhanced MR Image Storage and Legacy Converted Enhanced MR Image Storage (PS3.4, B.5)."""

DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP class of a DICOMDIR, which is DICOM but no image."""

EXPORT_AGAIN = "Export the series again; the file may be truncated"

_DEFERRED_FROM = 4096
"""Values of more bytes stay in the file: pixels do, the attributes of a slice do not."""

_TAGS = [
    *("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription", "FrameOfReferenceUID"),
    *("Modality", "InstanceNumber", "NumberOfFrames", "Laterality", "ImageLaterality", "BurnedInAnnotation"),
    *("ScanningSequence", "EchoPulseSequence", "MRAcquisitionType"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "PixelData"),
]


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM (PS3.10, 7.1)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def headers_in(folder: Path) -> list[Header]:
    """The headers of all DICOM files in a folder and in the folders below it, by path; DICOMDIRs are left out.

    Links to folders are not followed. Other files are passed over, unless they look like cut-off slices.

    Raises:
        ReadError: A file is damaged, or is named like the slices beside it and is not DICOM.
    """
    return [header for place, names in _folders(folder) for header in _headers_of(place, names)]


def read_header(path: Path) -> Header:
    """The header of one DICOM file.

    Raises:
        ReadError: It is damaged.
    """
    import pydicom

    try:
        return pydicom.dcmread(path, specific_tags=list(_TAGS), defer_size=_DEFERRED_FROM)
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ReadError(path, f"cannot be read as DICOM ({error})", EXPORT_AGAIN) from error


def path_of(header: Header) -> Path:
    """The file that a header was read from."""
    return Path(header.filename)


def sop_class(header: Header) -> str:
    """The SOP class, of the file's meta information or of the data set."""
    return str(header.file_meta.get("MediaStorageSOPClassUID", header.get("SOPClassUID", "")))


def _folders(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    for place, below, names in os.walk(folder):
        below.sort()
        yield Path(place), sorted(names)


def _headers_of(folder: Path, names: list[str]) -> list[Header]:
    files = [path for path in (folder / name for name in names) if path.is_file()]
    dicom = {path for path in files if is_dicom(path)}
    headers = [read_header(path) for path in files if path in dicom]
    images = [header for header in headers if sop_class(header) != DIRECTORY]
    suffixes = {path_of(header).suffix for header in images}
    for path in files:
        # Cut off before the 132nd byte: at the end of a series its absence would leave no gap.
        if path not in dicom and path.suffix in suffixes and not path.name.startswith("."):
            raise ReadError(path, "is named like the slices beside it and is not DICOM", EXPORT_AGAIN)
    return images
