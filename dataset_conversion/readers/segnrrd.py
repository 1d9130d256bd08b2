"""Segmentations of 3D Slicer (``.seg.nrrd``).

Source: 3D Slicer, developer guide, "Segmentation labelmap file format (.seg.nrrd)", and for keys that older files lack
what Slicer's own reader takes instead: the segment's index as layer, 1 as label value, the ID as name.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.segmentation import HIGHEST_VALUE, Segment, Segmentation, whole_numbers
from onfh_nnunet.core.errors import GeometryError, LabelError, ReadError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.image_formats.nrrd import TO_LPS, NrrdHeader
from onfh_nnunet.core.image_formats.text_header import header_lines
from onfh_nnunet.core.user_files import open_regular, refused_whole

BINARY_LABELMAP = "Binary labelmap"
"""The representation whose voxels say inside or outside."""

_SEGMENT_KEYS = ("segment0_id:=", "segment0_name:=")
_MOST_DIGITS = 9
_MOST_LISTED = 100
_SAVE_AGAIN = "Open it in 3D Slicer and save it again"


def is_seg_nrrd(path: Path) -> bool:
    """Whether a file is a NRRD file whose header describes segments."""
    with open_regular(path) as file:
        if file.read(4) != b"NRRD":
            return False
    lines, _ = header_lines(path, lambda line: not line)
    return any(line.lower().startswith(_SEGMENT_KEYS) for line in lines)


def read_seg_nrrd(path: Path) -> Segmentation:
    """Read the segments of a 3D Slicer segmentation.

    Raises:
        ReadError: The file is damaged, or of a representation or age that is not read.
        GeometryError: It does not state where its voxels lie.
        LabelError: A segment lies in no layer, or two are told apart by nothing.
    """
    with refused_whole(path):
        header = NrrdHeader.read(path)
        _supported(path, len(header.axes), header.keys)
        grid, stored = _grid(path, header), header.voxels()
        segments = _segments(path, header.keys, header.n_values, _highest(stored.dtype))
        voxels = whole_numbers(path, stored.read())
        layers = (voxels,) if header.n_values == 1 else tuple(np.ascontiguousarray(np.moveaxis(voxels, -1, 0)))
        _require_listed(path, layers, segments)
        return Segmentation(grid, layers, segments)


def _require_listed(path: Path, layers: Sequence[NDArray[Any]], segments: Sequence[Segment]) -> None:
    """Refuse voxels of no segment: with a damaged header a lesion would be background, and the hip healthy."""
    for number, layer in enumerate(layers):
        present = np.bincount(layer.ravel()) if layer.size else np.zeros(1)
        listed = {segment.value for segment in segments if segment.layer == number}
        unknown = sorted({int(value) for value in np.flatnonzero(present)} - {0} - listed)
        if unknown:
            shown = ", ".join(map(str, unknown[:5]))
            problem = f"has voxels of the values {shown} in layer {number}, and no segment has them"
            raise LabelError(path, problem, _SAVE_AGAIN)


def _highest(dtype: np.dtype[Any]) -> int:
    """The highest label value that voxels of a type can have."""
    return min(HIGHEST_VALUE, int(np.iinfo(dtype).max)) if dtype.kind in "ui" else HIGHEST_VALUE


def _supported(path: Path, n_dimensions: int, keys: dict[str, str]) -> None:
    kind = keys.get("Segmentation_SourceRepresentation") or keys.get("Segmentation_MasterRepresentation")
    if kind not in (None, BINARY_LABELMAP):
        problem = f"is a segmentation of representation {kind!r}, expected {BINARY_LABELMAP!r}"
        raise ReadError(path, problem, f"Make {BINARY_LABELMAP!r} its source representation in 3D Slicer")
    if n_dimensions != 3 or "Segmentation_Extent" in keys:  # Slicer's format before 2018, which it no longer reads
        problem = f"is a segmentation of an old format ({n_dimensions}D), expected 3D, or 4D whose first axis is a list"
        raise ReadError(path, problem, _SAVE_AGAIN)


def _grid(path: Path, header: NrrdHeader) -> Grid:
    if header.space not in TO_LPS:
        problem = f"has the space {header.space!r}, expected one of {', '.join(TO_LPS)}"
        raise GeometryError(path, problem, _SAVE_AGAIN)
    return header.grid()


def _segments(path: Path, keys: dict[str, str], n_layers: int, highest: int) -> tuple[Segment, ...]:
    # Slicer numbers them without a gap: the first index without an ID ends the list.
    indices = itertools.takewhile(lambda index: _key(index, "ID") in keys, itertools.count())
    segments = tuple(_segment(path, keys, index) for index in indices)
    for segment in segments:
        if not (0 <= segment.layer < n_layers and 0 < segment.value <= highest):
            problem = f"has segment {segment.name!r} as value {segment.value} of layer {segment.layer}, expected a"
            expected = f"positive value up to {highest} in one of its {n_layers} layers"
            raise LabelError(path, f"{problem} {expected}", _SAVE_AGAIN)
    places = [(segment.layer, segment.value) for segment in segments]
    if not segments or len(set(places)) < len(places):
        shown = segments[:_MOST_LISTED]
        listed = ", ".join(f"{segment.name!r} (layer {segment.layer}, value {segment.value})" for segment in shown)
        listed += ", ..." if len(segments) > _MOST_LISTED else ""
        problem = f"has the segments {listed or 'none'}, expected each with its own value or layer"
        raise LabelError(path, problem, _SAVE_AGAIN)
    return segments


def _segment(path: Path, keys: dict[str, str], index: int) -> Segment:
    name = keys.get(_key(index, "Name"), keys[_key(index, "ID")])
    layer, value = keys.get(_key(index, "Layer"), str(index)), keys.get(_key(index, "LabelValue"), "1")
    if not all(text.strip().isdecimal() and len(text.strip()) <= _MOST_DIGITS for text in (layer, value)):
        got = f"value {value[:60]!r} of layer {layer[:60]!r}"
        problem = f"has segment {name!r} as {got}, expected whole numbers of at most {_MOST_DIGITS} digits"
        raise LabelError(path, problem, _SAVE_AGAIN)
    return Segment(int(value), name, _codes(keys.get(_key(index, "Tags"), "")), int(layer), int(value))


def _key(index: int, field: str) -> str:
    return f"Segment{index}_{field}"


def _codes(tags: str) -> tuple[str, ...]:
    """The type in a TerminologyEntry, its modifier and that of its region, such as Left.

    The entry is ``context~category~type~modifier~context~region~modifier``, and each code ``scheme^value^meaning``.
    """
    entries = dict(tag.partition(":")[::2] for tag in tags.split("|"))
    parts = [(*part.split("^"), "", "", "")[:3] for part in entries.get("TerminologyEntry", "").split("~")]
    scheme, value, meaning = parts[2] if len(parts) > 2 else ("", "", "")
    modifiers = [parts[place][2] for place in (3, 6) if len(parts) > place and parts[place][2]]
    return (f"{scheme}:{value}", meaning, *modifiers) if scheme and value else ()
