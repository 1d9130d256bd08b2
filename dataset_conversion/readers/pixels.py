"""The rescaled pixels of frames: plain ones read with pydicom, compressed ones with GDCM, which knows all codecs.

A stored value is the lowest BitsStored bits of what is decoded (PS3.5, 8.1.1): an old overlay may lie in the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.archive import refuse_bomb
from dataset_conversion.readers.downcast import downcast
from dataset_conversion.readers.frames import Frame
from dataset_conversion.readers.gdcm_process import decode
from dataset_conversion.readers.headers import EXPORT_AGAIN, TRUNCATED, Header, path_of, with_pixels
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.scratch import scratch_folder
from onfh_nnunet.core.user_files import refused_whole


def voxels(frames: Sequence[Frame]) -> NDArray[Any]:
    """The voxels (slice, row, column) of frames of one size, in the order given; whole numbers stay integer.

    Raises:
        ReadError: The pixels of a file cannot be decoded, are not those of its header, or far more than its bytes.
    """
    headers = list({id(frame.header): frame.header for frame in frames}.values())
    for header in headers:
        _require_low_bits(header)
    n_bytes = sum(map(_stated_bytes, headers))
    place = path_of(headers[0]) if len(headers) == 1 else path_of(headers[0]).parent
    refuse_bomb(place, sum(path_of(header).stat().st_size for header in headers), n_bytes)
    packed = [header for header in headers if header.file_meta.TransferSyntaxUID.is_compressed]
    decoded = _with_gdcm(packed, n_bytes)
    stored = {id(header): _pixels(header, decoded.get(id(header))) for header in headers}
    images = [_rescaled(stored[id(frame.header)], frame) for frame in frames]
    return downcast(np.stack(images))


def _stated_bytes(header: Header) -> int:
    path = path_of(header)
    with refused_whole(path):
        sizes = [int(header.get(name) or 1) for name in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")]
        bits = int(header.get("BitsAllocated") or 1)
        if not header.file_meta.get("TransferSyntaxUID"):
            raise ReadError(path, "lacks TransferSyntaxUID", EXPORT_AGAIN)
    if min(*sizes, bits) < 1:
        raise ReadError(path, f"states {sizes} rows, columns, frames and values of {bits} bits", EXPORT_AGAIN)
    if not header.file_meta.TransferSyntaxUID.is_compressed:
        _require_held(path, header, math.ceil(math.prod(sizes) * bits / 8))
    return math.prod(sizes) * math.ceil(bits / 8)


def _require_low_bits(header: Header) -> None:
    """Refuse values that lie above unused bits, as old files may have them: no two readers make the same of them."""
    path = path_of(header)
    with refused_whole(path):
        high, stored = header.get("HighBit"), header.get("BitsStored")
        if high is not None and stored is not None and int(high) != int(stored) - 1:
            problem = f"has pixels of {stored} bits that end at bit {high} (HighBit), expected {int(stored) - 1}"
            raise ReadError(path, problem, EXPORT_AGAIN)


def _require_held(path: Path, header: Header, expected: int) -> None:
    """Refuse a file that holds fewer bytes of plain pixels than its header states, before any are read."""
    pixels = header.get_item("PixelData", keep_deferred=True)
    if start := getattr(pixels, "value_tell", 0):  # of pixels that are in the file as they are
        held = min(pixels.length, path.stat().st_size - start)
        if held < expected:
            raise ReadError(path, f"holds {held} bytes of pixels, expected {expected}", TRUNCATED)


def _rescaled(stored: NDArray[Any], frame: Frame) -> NDArray[Any]:
    slope, intercept = frame.rescale
    pixels: NDArray[Any] = stored[frame.number]
    return pixels if (slope, intercept) == (1.0, 0.0) else np.asarray(pixels * slope + intercept)


def _pixels(header: Header, decoded: NDArray[Any] | None) -> NDArray[Any]:
    """The stored values (frame, row, column) of a file."""
    with refused_whole(path_of(header)):
        pixels = with_pixels(header).pixel_array if decoded is None else decoded
        return _stored(np.asarray(pixels).reshape(-1, int(header.Rows), int(header.Columns)), header)


def _stored(decoded: NDArray[Any], header: Header) -> NDArray[Any]:
    """The lowest BitsStored bits of decoded pixels, as signed or unsigned numbers."""
    n_bits = int(header.BitsStored)
    spare = 8 * decoded.itemsize - n_bits
    if decoded.dtype.kind not in "iu" or spare <= 0:
        return decoded
    kind = "i" if header.PixelRepresentation else "u"
    numbers: NDArray[Any] = decoded.view(decoded.dtype.str.replace(decoded.dtype.kind, kind))
    return (numbers << spare) >> spare


def _with_gdcm(headers: Sequence[Header], n_bytes: int) -> dict[int, NDArray[Any]]:
    """What GDCM decodes of compressed files, by the id of their headers."""
    if not headers:
        return {}
    with scratch_folder() as folder:
        files = [_without_rescale(header, folder / str(number)) for number, header in enumerate(headers)]
        arrays = decode(files, n_bytes)
    if len(arrays) < len(headers):
        raise ReadError(path_of(headers[len(arrays)]), "has pixels that cannot be decoded", EXPORT_AGAIN)
    return {id(header): pixels for header, pixels in zip(headers, arrays, strict=True)}


_PIXEL_MODULE = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelData"),
)


def _without_rescale(header: Header, copy: Path) -> Path:
    """A file that GDCM decodes to stored values: the file itself, or a copy of nothing but its pixels.

    GDCM applies a slope, and of an enhanced file that of the first frame to all.
    """
    import pydicom
    from pydicom.uid import UID

    path = path_of(header)
    slopes = ("RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
    if not any(name in header for name in slopes):
        return path
    with refused_whole(path):
        pixels = pydicom.dcmread(path, specific_tags=list(_PIXEL_MODULE))
        pixels.SOPClassUID = pixels.file_meta.MediaStorageSOPClassUID = UID(_CAPTURE)
        pixels.SOPInstanceUID = pixels.file_meta.MediaStorageSOPInstanceUID
        pixels.save_as(copy)
    return copy


_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.3"
"""Multi-frame Grayscale Word Secondary Capture Image Storage, whose pixels nothing rescales."""
