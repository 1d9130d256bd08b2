"""The rescaled pixels of frames: plain ones read with pydicom, compressed ones with GDCM, which knows all codecs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.frames import Frame
from dataset_conversion.readers.headers import EXPORT_AGAIN, Header, path_of
from dataset_conversion.voxels import compact
from onfh_nnunet.errors import ReadError


def voxels(frames: Sequence[Frame]) -> NDArray[Any]:
    """The voxels (slice, row, column) of frames of one size, in the order given; whole numbers stay integer.

    Raises:
        ReadError: The pixels of a file cannot be decoded, or are not those of its header.
    """
    decoded = {id(frame.header): frame.header for frame in frames}
    stored = {key: _decoded(header) for key, header in decoded.items()}
    images = [_rescaled(stored[id(frame.header)], frame) for frame in frames]
    return compact(np.stack(images))


def _rescaled(stored: NDArray[Any], frame: Frame) -> NDArray[Any]:
    slope, intercept = frame.rescale
    pixels: NDArray[Any] = stored[frame.number]
    plain = frame.header.file_meta.TransferSyntaxUID.is_compressed or (slope, intercept) == (1.0, 0.0)
    return pixels if plain else np.asarray(pixels * slope + intercept)


def _decoded(header: Header) -> NDArray[Any]:
    """The pixels (frame, row, column) of a file: stored values, of compressed files those that GDCM has rescaled."""
    path = path_of(header)
    try:
        compressed = header.file_meta.TransferSyntaxUID.is_compressed
        pixels = _with_gdcm(header) if compressed else header.pixel_array
        return np.asarray(pixels).reshape(-1, int(header.Rows), int(header.Columns))
    except (RuntimeError, AttributeError, ValueError, NotImplementedError, OSError) as error:
        raise ReadError(path, "has pixels that cannot be decoded", EXPORT_AGAIN) from error


def _with_gdcm(header: Header) -> NDArray[Any]:
    import SimpleITK as sitk

    path = path_of(header)
    groups = header.get("PerFrameFunctionalGroupsSequence") or ()
    slopes = {str(group.get("PixelValueTransformationSequence")) for group in groups}
    if len(slopes) > 1:  # GDCM applies that of the first frame to all
        problem = "is compressed and rescales each frame on its own, which no decoder at hand can do"
        raise ReadError(path, problem, "Export it uncompressed")
    pixels: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO="GDCMImageIO"))
    return pixels
