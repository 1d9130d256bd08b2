"""DICOM headers as pydicom reads them, each with its pixels left in the file until they are asked for."""

from __future__ import annotations

import io
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from dataset_conversion.readers.archive import is_packed, refuse_bomb
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
    *("SOPInstanceUID", "SeriesNumber", "ImageType", "ComplexImageComponent", "EchoTime", "RepetitionTime"),
    *("InversionTime", "FlipAngle", "DiffusionBValue", "TemporalPositionIdentifier", "TriggerTime"),
    *("AcquisitionNumber", "ConcatenationUID", "InConcatenationNumber", "InConcatenationTotalNumber"),
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

_PREAMBLE_BYTES = 132
"""No DICOM file is shorter."""

_SLICE_SUFFIXES = {".dcm", ".dicom", ".ima"}

_COMPANIONS = {
    *("dicomdir", "thumbs.db", "desktop.ini", "readme", "license", "version"),
    *(".txt", ".xml", ".json", ".csv", ".tsv", ".html", ".htm", ".pdf", ".log", ".md", ".ini", ".bval", ".bvec"),
    *(".docx", ".xlsx", ".pptx", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".svg", ".ico"),
    *(".exe", ".inf", ".dll", ".jar"),
}
"""What lies beside slices and is none, by whole name or suffix in lower case: texts, pictures, viewers."""


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM (PS3.10, 7.1), or like a data set that was written without its preamble.

    Raises:
        ReadError: It is a device, a pipe or a socket.
        OSError: It cannot be opened.
    """
    with open_regular(path) as file:
        head = file.read(_PREAMBLE_BYTES)
    return head[128:] == b"DICM" or _is_bare(head)


def _is_bare(head: bytes) -> bool:
    """Whether bytes begin with two elements of a data set, of the file's meta information or of group 0008."""
    first = _element(head)
    second = _element(head[first[1] :]) if first else None
    if first is None or second is None or first[0] >> 16 not in (2, 8) or second[0] >> 16 not in (2, 8):
        return False
    return first[0] < second[0] and (first[0] & 0xFFFF) <= _EARLY_ELEMENT


_EARLY_ELEMENT = 0x0018
"""Of the first element: group length, character set, image type, SOP class or instance."""


def _element(data: bytes) -> tuple[int, int] | None:
    """The tag and the length of an element in little endian with a short value; none where there is none such."""
    if len(data) < 8:
        return None
    group, number = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
    kind = data[4:6]
    explicit = kind.isalpha() and kind.isupper()
    if explicit and kind in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        header, length = 12, int.from_bytes(data[8:12], "little")
    else:
        header, length = 8, int.from_bytes(data[6:8] if explicit else data[4:8], "little")
    return (group << 16 | number, header + length) if length <= _SHORT_VALUE and length % 2 == 0 else None


_SHORT_VALUE = 112
"""Bytes of an image type or a UID, with its header within the first 132."""


def headers_in(folder: Path) -> list[Header]:
    """The headers of all DICOM files in a folder and in the folders below it, by path; DICOMDIRs are left out.

    Other files are passed over where they cannot be slices: the last ones of a series would leave no gap.

    Raises:
        ReadError: A folder cannot be listed; a file is damaged; or beside DICOM images lies what may be or hold slices:
            a file named like them, one too short for DICOM, an archive, a link to a folder outside.
    """
    images, others = [], []
    for place, names in walk(folder):
        others += _links(folder, place)
        for path in (place / name for name in names):
            if not (is_regular(path) and is_dicom(path)):
                others.append(path)
            elif sop_class(header := read_header(path)) != DIRECTORY:
                images.append(header)
    _refuse_lost(folder, [path_of(header) for header in images], others)
    return images


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
        has_preamble = file.read(_PREAMBLE_BYTES)[128:] == b"DICM"
        file.seek(_PREAMBLE_BYTES if has_preamble else 0)
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


def _links(root: Path, place: Path) -> list[Path]:
    """Links of a folder to folders that are not read anyway."""
    with os.scandir(place) as entries:
        links = sorted(path for entry in entries if entry.is_symlink() and (path := Path(entry.path)).is_dir())
    return [link for link in links if not link.resolve().is_relative_to(root.resolve())]


def _refuse_lost(root: Path, images: Sequence[Path], others: Sequence[Path]) -> None:
    """Refuse what may be or hold slices and is not among the images of a tree."""
    names = {_marked(path.name) for path in images}
    suffixes = {(path.parent, _marked(path.suffix)) for path in images}
    folders = {_marked(path.parent.relative_to(root)) for path in images}
    companions = _COMPANIONS - {path.suffix.lower() for path in images}
    for path in others if images else ():
        if path.name.startswith(".") or not companions.isdisjoint((path.name.lower(), path.suffix.lower())):
            continue
        alike = _marked(path.name) in names or (path.parent, _marked(path.suffix)) in suffixes
        if path.is_dir():
            problem, remedy = "is a link to a folder, which is not followed", "Give the folder it points to"
            raise ReadError(path, problem, f"{remedy}, or move the link away")
        if alike or path.suffix.lower() in _SLICE_SUFFIXES:
            raise ReadError(path, "is named like the slices beside it and is not DICOM", EXPORT_AGAIN)
        if not is_regular(path):
            continue
        if path.stat().st_size < _PREAMBLE_BYTES and _marked(path.parent.relative_to(root)) in folders:
            problem = f"has {path.stat().st_size} bytes and lies where slices do, expected {_PREAMBLE_BYTES} or more"
            raise ReadError(path, problem, f"{EXPORT_AGAIN}. If it is no slice, move it away")
        if is_packed(path):
            problem = "is an archive among the slices, which is not opened"
            raise ReadError(path, problem, "Unpack it if it holds slices, and move it away")


def _marked(name: object) -> str:
    """A name in lower case with one mark for each number: the same for all slices of a series."""
    return re.sub(r"\d+", "#", str(name).lower())
