"""DICOM headers as pydicom reads them, each with its pixels left in the file until they are asked for."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from dataset_conversion.readers.archive import refuse_bomb
from dataset_conversion.readers.dicom_start import PREAMBLE_BYTES
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import open_regular, refused_whole

Header = Any  # pydicom's Dataset answers every keyword

CLASSIC_MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = ("1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")
"""Enhanced MR Image Storage and Legacy Converted Enhanced MR Image Storage (PS3.4, B.5)."""

DIRECTORY = "1.2.840.10008.1.3.10"
"""SOP class of a DICOMDIR, which is DICOM but no image."""

EXPORT_AGAIN = "Export the series again from the source"
TRUNCATED = f"{EXPORT_AGAIN}; the file may be truncated"

_DEFERRED_FROM = 4096
"""Values of more bytes stay in the file: pixels do, the attributes of a slice do not."""

_TAGS: list[str | int] = [
    *("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesDescription", "FrameOfReferenceUID"),
    *(
        "Modality",
        "BodyPartExamined",
        "InstanceNumber",
        "NumberOfFrames",
        "Laterality",
        "ImageLaterality",
        "BurnedInAnnotation",
    ),
    *("ScanningSequence", "EchoPulseSequence", "MRAcquisitionType", "BodyPartExamined"),
    *(
        "SOPInstanceUID",
        "SeriesNumber",
        "ImageType",
        "ComplexImageComponent",
        "EchoTime",
        "EchoNumbers",
        "RepetitionTime",
    ),
    *("InversionTime", "FlipAngle", "DiffusionBValue", "TemporalPositionIdentifier", "TriggerTime"),
    *(
        "AcquisitionNumber",
        "AcquisitionTime",
        "ConcatenationUID",
        "InConcatenationNumber",
        "InConcatenationTotalNumber",
    ),
    *(0x0019100C, 0x20011003, 0x00431039, 0x0043102F),  # b-values and components of vendors, see `parts`
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


def read_header(path: Path) -> Header:
    """The header of one DICOM file.

    Raises:
        ReadError: It is damaged, or would inflate or list values without bound.
    """
    import pydicom

    with refused_whole(path):
        if _is_deflated(_meta_of(path)):
            # Without pixels: `with_pixels` inflates them again, so that many files never lie in memory at once.
            header = _inflated(path, [tag for tag in _tags() if tag != _PIXEL_DATA])
        else:
            header = pydicom.dcmread(path, specific_tags=_tags(), defer_size=_DEFERRED_FROM, force=True)
            _require_transfer_syntax(header)
        _refuse_long_values(path, header)
        sop_class(header)  # pydicom decodes a value when it is asked for it: every reader asks for this one first
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
        header = _inflated(path) if _is_deflated(_meta_of(path)) else pydicom.dcmread(path, force=True)
        _require_transfer_syntax(header)
        _refuse_long_lists(path, header)
    return header


def read_attributes(path: Path) -> Header:
    """The whole data set of one DICOM file; the pixels may be left in the file.

    Raises:
        ReadError: It is damaged, or would inflate or list values without bound.
    """
    import pydicom

    if _is_deflated(_meta_of(path)):
        return read_whole(path)
    with refused_whole(path):
        header = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        _refuse_long_lists(path, header)
    return header


def is_slice(header: Header) -> bool:
    """Whether an object may be one of the slices of a scan; raw data, reports, captures of a screen have no place.

    What claims to be an MR image is one: if it lacks its place, its reader refuses it.
    """
    return sop_class(header) in (CLASSIC_MR, *ENHANCED_MR, "") or bool(
        header.get("Rows") and (header.get("ImagePositionPatient") or "PerFrameFunctionalGroupsSequence" in header)
    )


def stated(header: Header) -> dict[str, str]:
    """What a header says, without the pixels: the same for copies of one file."""
    return {str(tag): str(header[tag].value) for tag in header.keys() if tag != _PIXEL_DATA}  # noqa: SIM118 tags alone


_PIXEL_DATA = 0x7FE00010


def path_of(header: Header) -> Path:
    """The file that a header was read from."""
    return Path(header.filename)


def sop_class(header: Header) -> str:
    """The SOP class, of the file's meta information or of the data set."""
    return str(header.file_meta.get("MediaStorageSOPClassUID", header.get("SOPClassUID", "")))


def _meta_of(path: Path) -> Any:
    """The file's meta information; that of a file without it is empty."""
    import pydicom

    with open_regular(path) as file:
        has_preamble = file.read(PREAMBLE_BYTES)[128:] == b"DICM"
        file.seek(PREAMBLE_BYTES if has_preamble else 0)
        return pydicom.filereader.read_dataset(file, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)


def _require_transfer_syntax(header: Header) -> None:
    """State the transfer syntax of a data set without meta information, as pydicom found it."""
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if not header.file_meta.get("TransferSyntaxUID") and not header.preamble:
        implicit, little = header.original_encoding
        if little:
            header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian


def _is_deflated(meta: Any) -> bool:
    return bool(meta.get("TransferSyntaxUID") == _DEFLATED)


def _tags() -> list[Any]:
    from pydicom.tag import Tag

    return [Tag(tag) for tag in _TAGS]


def _inflated(path: Path, tags: list[Any] | None = None) -> Header:
    """A deflated file, inflated in bounded pieces: pydicom would inflate it whole, whatever it holds."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filereader import read_dataset, read_preamble

    with open_regular(path) as file:
        preamble = read_preamble(file, force=False)
        meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
        start, packed, size = file.tell(), path.stat().st_size, 0
        for piece in _inflated_pieces(file):  # first without keeping any
            size += len(piece)
            refuse_bomb(path, packed, size)
        file.seek(start)
        data = io.BytesIO(b"".join(_inflated_pieces(file)))
    dataset = read_dataset(data, False, True, specific_tags=tags)
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
