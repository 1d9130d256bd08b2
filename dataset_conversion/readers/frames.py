"""The frames of MR images: one of each file of a classic series, all of an enhanced multi-frame file.

Where an enhanced file states an attribute once for all frames (Shared Functional Groups) or for each (Per-Frame), the
frame's own wins (PS3.3, C.7.6.16).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset_conversion.readers.headers import ENHANCED_MR, EXPORT_AGAIN, Header, path_of, sop_class
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import FloatArray

_NUMBERS_BYTES = 1024
"""The most that the numbers of a position, an orientation or a spacing take: six of 16 letters."""

_LARGEST = 1e15
"""Far above any position or slope, and far below what single precision holds of a slope times a pixel."""

_CLASSIC_GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


@dataclass(frozen=True, eq=False)
class Frame:
    """Where one image lies, and where its pixels are.

    Args:
        header: Of its file.
        number: Among the frames of its file, from 0.
        name: What messages call it.
        position_mm: Centre (x, y, z in LPS) of its first pixel.
        orientation: Two unit vectors (x, y, z): along a row (to the next column), along a column (to the next row).
        spacing_mm: Between rows, between columns.
        size: Rows, columns.
        rescale: Slope and intercept of its stored values.
        places: Where its attributes are stated: its functional groups and the shared ones, or the header of its file.
    """

    header: Header
    number: int
    name: str
    position_mm: FloatArray
    orientation: FloatArray
    spacing_mm: FloatArray
    size: tuple[int, int]
    rescale: tuple[float, float]
    places: tuple[Any, ...]

    def __str__(self) -> str:
        return self.name


def frames_of(header: Header) -> list[Frame]:
    """The frames of one MR file, in the file's order.

    Raises:
        ReadError: It is no grey MR image, or lacks an attribute of its geometry.
    """
    path = path_of(header)
    modality = header.get("Modality")
    if modality is None:
        raise ReadError(path, "lacks Modality", EXPORT_AGAIN)
    if modality != "MR":
        raise ReadError(path, f"has Modality {modality}, expected MR", "Give the folder of an MR series")
    colours = header.get("PhotometricInterpretation")
    if colours != "MONOCHROME2":
        raise ReadError(path, f"is a {colours} image, expected MONOCHROME2", "Give the original MR images")
    try:
        return list(_enhanced(header) if sop_class(header) in ENHANCED_MR else _classic(header))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
        said = f" ({error})" if isinstance(error, _Unusable) else ""
        problem = f"has an unusable position, orientation, spacing or size{said}, expected numbers"
        raise ReadError(path, problem, EXPORT_AGAIN) from error


class _Unusable(ValueError):
    """An attribute that is not the numbers that it should be; its text is for people."""


def _classic(header: Header) -> Iterator[Frame]:
    path = path_of(header)
    if int(header.get("NumberOfFrames") or 1) != 1:
        problem = f"holds {header.NumberOfFrames} frames and is no Enhanced MR Image, so their places are unknown"
        raise ReadError(path, problem, "Export the original images")
    missing = [name for name in _CLASSIC_GEOMETRY if not header.get(name)]
    if missing or sop_class(header) == "":
        raise ReadError(path, f"lacks {', '.join(missing) or 'SOPClassUID'}", EXPORT_AGAIN)
    name = f"instance {header.get('InstanceNumber', '?')} ({path.name})"
    yield _frame(header, 0, name, [header])


def _enhanced(header: Header) -> Iterator[Frame]:
    shared, own = header.get("SharedFunctionalGroupsSequence"), header.get("PerFrameFunctionalGroupsSequence")
    count = int(header.get("NumberOfFrames") or 1)
    if not own or len(own) != count:
        problem = f"has {count} frames and the places of {len(own or ())}"
        raise ReadError(path_of(header), problem, EXPORT_AGAIN)
    for number, groups in enumerate(own):
        name = f"frame {number + 1} of {path_of(header).name}"
        yield _frame(header, number, name, [groups, *(shared or ())])


def _frame(header: Header, number: int, name: str, places: Sequence[Any]) -> Frame:
    def stated(sequence: str, keyword: str) -> FloatArray | None:
        for place in places:
            holder = place[sequence][0] if sequence in place else place
            if (numbers := _numbers(holder, keyword)) is not None:
                return numbers
        return None

    def value(sequence: str, keyword: str, *shape: int) -> FloatArray:
        if (numbers := stated(sequence, keyword)) is None:
            raise ReadError(path_of(header), f"lacks {keyword} of {name}", EXPORT_AGAIN)
        if numbers.size != math.prod(shape):
            raise _Unusable(f"{keyword} has {numbers.size} numbers, not {math.prod(shape)}")
        return numbers.reshape(shape)

    def rescale(keyword: str, default: float) -> float:
        numbers = stated("PixelValueTransformationSequence", keyword)
        return default if numbers is None else float(numbers)

    return Frame(
        header,
        number,
        name,
        value("PlanePositionSequence", "ImagePositionPatient", 3),
        value("PlaneOrientationSequence", "ImageOrientationPatient", 2, 3),
        value("PixelMeasuresSequence", "PixelSpacing", 2),
        (int(header.Rows), int(header.Columns)),
        (rescale("RescaleSlope", 1.0), rescale("RescaleIntercept", 0.0)),
        tuple(places),
    )


def _numbers(holder: Any, keyword: str) -> FloatArray | None:
    """The numbers of an attribute; none where it is not stated.

    Raises:
        _Unusable: One is not finite or far too large, or there are so many that reading them would take gigabytes.
    """
    length = getattr(holder.get_item(keyword), "length", 0)  # of a value that is not converted yet
    if length > _NUMBERS_BYTES:
        raise _Unusable(f"{keyword} has {length} bytes")
    if (value := holder.get(keyword)) is None:
        return None
    try:
        numbers = np.array(value, float)
    except (TypeError, ValueError) as error:
        raise _Unusable(f"{keyword} is {value!r}") from error
    if not (np.abs(numbers) <= _LARGEST).all():
        raise _Unusable(f"{keyword} is {numbers.tolist()}")
    return numbers
