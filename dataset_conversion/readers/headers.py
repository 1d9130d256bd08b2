"""DICOM headers as pydicom reads them, each with its pixels left in the file until they are asked for."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from dataset_conversion.readers.archive import refuse_bomb
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import is_regular, open_regular, refused_whole, walk

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


_LONGEST_LIST = 2**20
"""In bytes: half a million numbers, which take a hundred megabytes."""

_ONE_VALUE = {"OB", "OD", "OF", "OL", "OV", "OW", "UN", "UT", "LT", "ST", "UR", "SQ"}
"""Value representations that are never split into a list (PS3.5, 6.2)."""

_LONG_BY_NATURE = {"PixelData", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"}

_DEFLATED = "1.2.840.10008.1.2.1.99"
"""Deflated Explicit VR Little Endian (PS3.5, A.5): all but the file's meta information is compressed."""

_CHUNK = 2**20


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM (PS3.10, 7.1).

    Raises:
        ReadError: It is a device, a pipe or a socket.
        OSError: It cannot be opened.
    """
    with open_regular(path) as file:
        return file.read(132)[128:] == b"DICM"


def headers_in(folder: Path) -> list[Header]:
    """The headers of all DICOM files in a folder and in the folders below it, by path; DICOMDIRs are left out.

    Links to folders are not followed. Other files are passed over, unless they are named like slices.

    Raises:
        ReadError: A folder cannot be listed, a file is damaged, or is named like the slices beside it and is not DICOM.
    """
    return [header for place, names in walk(folder) for header in _headers_of(place, names)]


def read_header(path: Path) -> Header:
    """The header of one DICOM file.

    Raises:
        ReadError: It is damaged, or would inflate or list values without bound.
    """
    import pydicom

    with refused_whole(path):
        if _is_deflated(pydicom.filereader.read_file_meta_info(path)):
            # Without pixels: `with_pixels` inflates them again, so that many files never lie in memory at once.
            header = _inflated(path, [tag for tag in _TAGS if tag != "PixelData"])
        else:
            header = pydicom.dcmread(path, specific_tags=list(_TAGS), defer_size=_DEFERRED_FROM)
        _refuse_long_values(path, header)
    return header


def with_pixels(header: Header) -> Header:
    """The header with its pixels at hand; those of a deflated file are inflated now.

    Raises:
        ReadError: The file is damaged.
    """
    return read_whole(path_of(header)) if _is_deflated(header.file_meta) else header


def read_whole(path: Path) -> Header:
    """The whole data set of one DICOM file, pixels included.

    Raises:
        ReadError: It is damaged, or would inflate or list values without bound.
    """
    import pydicom

    with refused_whole(path):
        deflated = _is_deflated(pydicom.filereader.read_file_meta_info(path))
        header = _inflated(path) if deflated else pydicom.dcmread(path)
        _refuse_long_lists(path, header)
    return header


def path_of(header: Header) -> Path:
    """The file that a header was read from."""
    return Path(header.filename)


def sop_class(header: Header) -> str:
    """The SOP class, of the file's meta information or of the data set."""
    return str(header.file_meta.get("MediaStorageSOPClassUID", header.get("SOPClassUID", "")))


def _is_deflated(meta: Any) -> bool:
    return bool(meta.get("TransferSyntaxUID") == _DEFLATED)


def _inflated(path: Path, tags: list[str] | None = None) -> Header:
    """A deflated file, inflated in bounded pieces: pydicom would inflate it whole, whatever it holds."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filereader import read_dataset, read_preamble
    from pydicom.tag import BaseTag, Tag

    with open_regular(path) as file:
        preamble = read_preamble(file, force=False)
        meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
        start, packed, size = file.tell(), path.stat().st_size, 0
        for piece in _inflated_pieces(file):  # first without keeping any
            size += len(piece)
            refuse_bomb(path, packed, size)
        file.seek(start)
        data = io.BytesIO(b"".join(_inflated_pieces(file)))
    wanted: list[BaseTag | int] | None = None if tags is None else [Tag(tag) for tag in tags]
    dataset = read_dataset(data, False, True, specific_tags=wanted)
    return FileDataset(str(path), dataset, preamble, FileMetaDataset(meta), is_implicit_VR=False)


def _inflated_pieces(file: BinaryIO) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while not inflate.eof and (more := inflate.unconsumed_tail or file.read(_CHUNK)):
        yield inflate.decompress(more, _CHUNK)
    if not inflate.eof:
        raise EOFError("the deflated data set is cut off")


def _refuse_long_values(path: Path, header: Header) -> None:
    """A slice's attributes are short: as a position, millions of numbers would take gigabytes."""
    for element in _unread(header):
        if element.length > _DEFERRED_FROM and (name := _keyword(element)) not in _LONG_BY_NATURE:
            problem = f"has {element.length} bytes of {name}, expected at most {_DEFERRED_FROM}"
            raise ReadError(path, problem, EXPORT_AGAIN)


def _refuse_long_lists(path: Path, dataset: Header) -> None:
    """As above for a whole data set and all its sequences, where text and bytes may be long and lists are not."""
    for element in _unread(dataset):
        if element.length > _LONGEST_LIST and element.VR not in _ONE_VALUE and _keyword(element) != "PixelData":
            problem = f"has {element.length} bytes of {_keyword(element)}, expected at most {_LONGEST_LIST}"
            raise ReadError(path, problem, EXPORT_AGAIN)
    for tag in [element.tag for element in dataset.values() if element.VR == "SQ"]:
        for item in dataset[tag].value:
            _refuse_long_lists(path, item)


def _unread(dataset: Header) -> list[Any]:
    """The elements whose bytes were not converted yet."""
    from pydicom.dataelem import RawDataElement

    return [element for element in dataset.values() if isinstance(element, RawDataElement)]


def _keyword(element: Any) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(element.tag) or str(element.tag)


def _headers_of(folder: Path, names: list[str]) -> list[Header]:
    entries = [folder / name for name in names]
    dicom = {path for path in entries if is_regular(path) and is_dicom(path)}
    headers = [read_header(path) for path in entries if path in dicom]
    images = [header for header in headers if sop_class(header) != DIRECTORY]
    suffixes = {path_of(header).suffix for header in images}
    for path in entries:
        # A pipe, a link that leads nowhere, or cut off before the 132nd byte: at the end of a series its absence would
        # leave no gap.
        if path not in dicom and path.suffix in suffixes and not path.name.startswith("."):
            raise ReadError(path, "is named like the slices beside it and is not DICOM", EXPORT_AGAIN)
    return images
