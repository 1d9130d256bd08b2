"""The stacks that one series holds: echoes, b-values, time points, magnitude and phase, water and fat, planes.

They are told apart by what differs between images at one place, and by nothing else: an attribute that changes from
slice to slice divides no stack.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset_conversion.readers.frames import Frame
from dataset_conversion.readers.stack import ORIENTATION_TOLERANCE, POSITION_TOLERANCE_MM

_WORDS = {
    **dict.fromkeys(("M", "MAGNITUDE", "M_FFE", "M_SE", "M_IR"), "magnitude"),
    **dict.fromkeys(("P", "PHASE", "PHASE MAP", "PHASE_MAP"), "phase"),
    **dict.fromkeys(("R", "REAL"), "real"),
    **dict.fromkeys(("I", "IMAGINARY"), "imaginary"),
    **dict.fromkeys(("W", "WATER", "DIXON_WATER"), "water"),
    **dict.fromkeys(("F", "FAT", "DIXON_FAT"), "fat"),
    **dict.fromkeys(("IP", "IN", "IN_PHASE", "IN PHASE", "INPHASE"), "in phase"),
    **dict.fromkeys(("OP", "OUT", "OPP", "OPP_PHASE", "OUT_PHASE", "OUT PHASE", "OPPOSED_PHASE"), "out of phase"),
}
"""What the terms of ImageType (0008,0008), FrameType (0008,9007) and ComplexImageComponent (0008,9208) mean, with those
of Siemens, GE and Philips."""

_GE_COMPONENTS = {0: "MAGNITUDE", 1: "PHASE", 2: "REAL", 3: "IMAGINARY"}
"""GE's private (0043,102F)."""

NO_ANATOMY = frozenset({"phase", "real", "imaginary"})
"""Parts that show no anatomy beside a magnitude image."""

Value = Hashable


@dataclass(frozen=True, eq=False)
class Part:
    """One stack of a series.

    Args:
        names: What tells it from the other parts, such as ``echo 2`` and ``magnitude``; none for a whole series.
        frames: Its images.
    """

    names: tuple[str, ...]
    frames: tuple[Frame, ...]

    def __str__(self) -> str:
        return " ".join(self.names)


def parts_of(frames: Sequence[Frame]) -> list[Part]:
    """The stacks of a series, in the order of their planes, echoes, b-values and times; at least one."""
    parts = _by_plane(frames)
    for value_of, name_all in _TRAITS:
        parts = [finer for part in parts for finer in _divided(part, value_of, name_all)]
    return parts


def _by_plane(frames: Sequence[Frame]) -> list[Part]:
    planes: list[list[Frame]] = []
    for one in frames:
        for plane in planes:
            if np.allclose(one.orientation, plane[0].orientation, atol=ORIENTATION_TOLERANCE):
                plane.append(one)
                break
        else:
            planes.append([one])
    if len(planes) == 1:
        return [Part((), tuple(frames))]
    names = _numbered([plane_of(plane[0]) for plane in planes])
    return [Part((name,), tuple(plane)) for name, plane in zip(names, planes, strict=True)]


def _divided(part: Part, value_of: Callable[[Frame], Value], name_all: Callable[[list[Any]], list[str]]) -> list[Part]:
    """The part by the values of a trait, if these tell images at one place apart and do not change along the stack."""
    places = _places(part.frames)
    most = max(Counter(places).values())
    if most == 1:
        return [part]
    values = [value_of(frame) for frame in part.frames]
    apart = len({(place, value) for place, value in zip(places, values, strict=True)}) > len(set(places))
    present = sorted(set(values), key=lambda value: (value is None, value))
    if not apart or len(present) > most:
        return [part]
    groups = {value: [] for value in present}  # type: dict[Value, list[Frame]]
    for frame, value in zip(part.frames, values, strict=True):
        groups[value].append(frame)
    names = name_all(present)
    return [Part((*part.names, name), tuple(groups[value])) for name, value in zip(names, present, strict=True)]


def _places(frames: Sequence[Frame]) -> list[int]:
    """A number for the place of each image along the normal; the same for images at one place."""
    normal = np.cross(*frames[0].orientation)
    heights = np.array([frame.position_mm @ normal for frame in frames])
    order = np.argsort(heights, kind="stable")
    number = np.empty(len(frames), int)
    number[order] = np.concatenate([[0], np.cumsum(np.diff(heights[order]) > POSITION_TOLERANCE_MM)])
    return [int(one) for one in number]


def plane_of(frame: Frame) -> str:
    """The patient's plane that is nearest to the image's."""
    normal = np.abs(np.cross(*frame.orientation))
    return ("sagittal", "coronal", "axial")[int(normal.argmax())]


def _numbered(names: Sequence[str]) -> list[str]:
    """Names with a number where there are several of one."""
    n_all, seen = Counter(names), Counter[str]()
    for_each = []
    for name in names:
        seen[name] += 1
        for_each.append(f"{name} {seen[name]}" if n_all[name] > 1 else name)
    return for_each


def _stated(frame: Frame, keyword: str | int, sequence: str = "") -> Any:
    for place in frame.places:
        holder = place[sequence][0] if sequence and place.get(sequence) else place
        element = holder.get(keyword)
        value = element.value if isinstance(keyword, int) and element is not None else element
        if value not in (None, "", b""):
            return value
    return None


def number_of(frame: Frame, keyword: str | int, sequence: str = "") -> float | None:
    """A number that the header states of an image, private ones of unknown type included; none where it states none."""
    value = _stated(frame, keyword, sequence)
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").strip("\0 ")
    if not isinstance(value, (str, int, float)):
        value = value[0] if value is not None and len(value) else None
    try:
        number = math.nan if value is None else float(value)
    except ValueError:
        return None
    return round(number, 3) if math.isfinite(number) else None


def echo_ms(frame: Frame) -> float | None:
    """Its echo time in ms."""
    effective = number_of(frame, "EffectiveEchoTime", "MREchoSequence")
    return number_of(frame, "EchoTime") if effective is None else effective


def _b_value(frame: Frame) -> float | None:
    """Of the standard, Siemens, Philips, and GE, which adds 1e9."""
    sources = (("DiffusionBValue", "MRDiffusionSequence"), (0x0019100C, ""), (0x20011003, ""), (0x00431039, ""))
    stated = (number_of(frame, *source) for source in sources)
    found = next((value for value in stated if value is not None), None)
    return None if found is None else found % 1e9


def _type_words(frame: Frame) -> tuple[str, ...]:
    words = [_stated(frame, "FrameType", "MRImageFrameTypeSequence") or _stated(frame, "ImageType") or ()]
    words.append(_stated(frame, "ComplexImageComponent", "MRImageFrameTypeSequence") or ())
    flat = [str(word) for one in words for word in ([one] if isinstance(one, str) else one)]
    component = number_of(frame, 0x0043102F)
    flat += [_GE_COMPONENTS[int(component)]] if component in _GE_COMPONENTS else []
    return tuple(sorted({_WORDS.get(word.upper(), word.lower()) for word in flat}))


def _name_types(types: list[tuple[str, ...]]) -> list[str]:
    """What is not in all of them."""
    shared = set.intersection(*map(set, types))
    return _numbered([" ".join(word for word in words if word not in shared) or "other" for words in types])


def _ranked(word: str) -> Callable[[list[Any]], list[str]]:
    return lambda values: [f"{word} {rank}" for rank in range(1, len(values) + 1)]


def _of(keyword: str, sequence: str = "") -> Callable[[Frame], Value]:
    return lambda frame: number_of(frame, keyword, sequence)


_TRAITS: tuple[tuple[Callable[[Frame], Value], Callable[[list[Any]], list[str]]], ...] = (
    (echo_ms, _ranked("echo")),
    (_of("EchoNumbers"), _ranked("echo")),
    (_type_words, _name_types),
    (_b_value, lambda values: [f"b {value:g}" if value is not None else "b unknown" for value in values]),
    (_of("InversionTime"), _ranked("inversion")),
    (_of("InversionTimes", "MRModifierSequence"), _ranked("inversion")),
    (_of("FlipAngle"), _ranked("flip angle")),
    (_of("FlipAngle", "MRTimingAndRelatedParametersSequence"), _ranked("flip angle")),
    (_of("TemporalPositionIdentifier"), _ranked("time")),
    (_of("TemporalPositionIndex", "FrameContentSequence"), _ranked("time")),
    (_of("TriggerTime"), _ranked("time")),
    (_of("AcquisitionNumber"), _ranked("time")),
    (_of("FrameAcquisitionNumber", "FrameContentSequence"), _ranked("time")),
    (_of("AcquisitionTime"), _ranked("time")),
)
"""What tells images at one place apart, the plainest first, and how the parts are named."""
