"""The rescaled pixels of frames: plain ones read with pydicom, compressed ones with GDCM, which knows all codecs."""

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
from dataset_conversion.readers.headers import EXPORT_AGAIN, Header, path_of, with_pixels
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import refused_whole


def voxels(frames: Sequence[Frame]) -> NDArray[Any]:
    """The voxels (slice, row, column) of frames of one size, in the order given; whole numbers stay integer.

    Raises:
        ReadError: The pixels of a file cannot be decoded, are not those of its header, or far more than its bytes.
    """
    headers = list({id(frame.header): frame.header for frame in frames}.values())
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


def _require_held(path: Path, header: Header, expected: int) -> None:
    """Refuse a file that holds fewer bytes of plain pixels than its header states, before any are read."""
    pixels = header.get_item("PixelData", keep_deferred=True)
    if start := getattr(pixels, "value_tell", 0):  # of pixels that are in the file as they are
        held = min(pixels.length, path.stat().st_size - start)
        if held < expected:
            raise ReadError(path, f"holds {held} bytes of pixels, expected {expected}", EXPORT_AGAIN)


def _rescaled(stored: NDArray[Any], frame: Frame) -> NDArray[Any]:
    slope, intercept = frame.rescale
    pixels: NDArray[Any] = stored[frame.number]
    plain = frame.header.file_meta.TransferSyntaxUID.is_compressed or (slope, intercept) == (1.0, 0.0)
    return pixels if plain else np.asarray(pixels * slope + intercept)


def _pixels(header: Header, decoded: NDArray[Any] | None) -> NDArray[Any]:
    """The pixels (frame, row, column) of a file: stored values, of compressed files those that GDCM has rescaled."""
    with refused_whole(path_of(header)):
        pixels = with_pixels(header).pixel_array if decoded is None else decoded
        return np.asarray(pixels).reshape(-1, int(header.Rows), int(header.Columns))


def _with_gdcm(headers: Sequence[Header], n_bytes: int) -> dict[int, NDArray[Any]]:
    """What GDCM makes of compressed files, by the id of their headers."""
    for header in headers:
        _require_one_rescale(header)
    arrays = decode([path_of(header) for header in headers], n_bytes) if headers else []
    if len(arrays) < len(headers):
        raise ReadError(path_of(headers[len(arrays)]), "has pixels that cannot be decoded", EXPORT_AGAIN)
    return {id(header): pixels for header, pixels in zip(headers, arrays, strict=True)}


def _require_one_rescale(header: Header) -> None:
    path = path_of(header)
    with refused_whole(path):
        groups = header.get("PerFrameFunctionalGroupsSequence") or ()
        slopes = {str(group.get("PixelValueTransformationSequence")) for group in groups}
    if len(slopes) > 1:  # GDCM applies that of the first frame to all
        problem = "is compressed and rescales each frame on its own, which no decoder at hand can do"
        raise ReadError(path, problem, "Export it uncompressed")
