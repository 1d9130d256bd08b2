"""Segmentations of 3D Slicer (``.seg.nrrd``).

Source: 3D Slicer, developer guide, "Segmentation labelmap file format (.seg.nrrd)", and for keys that older files lack
what Slicer's own reader takes instead: the segment's index as layer, 1 as label value, the ID as name.
ITK reads the voxels and the keys, and turns the grid from RAS, LAS or LPS to LPS.
"""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dataset_conversion.readers.segmentation import Segment, Segmentation, whole_numbers
from onfh_nnunet.errors import GeometryError, LabelError, ReadError
from onfh_nnunet.grid import Grid
from onfh_nnunet.imagefile import grid_of, refuse_damaged_gzip

SPACES = ("right-anterior-superior", "left-anterior-superior", "left-posterior-superior")
"""The patient spaces that ITK turns to LPS; in any other it would take the numbers as they stand."""

BINARY_LABELMAP = "Binary labelmap"
"""The representation whose voxels say inside or outside."""

_HEADER_LINES = 400
_SEGMENT_KEYS = (b"segment0_id:=", b"segment0_name:=")
_EXPORT_AGAIN = "Export it again; it may be damaged or truncated"
_SAVE_AGAIN = "Open it in 3D Slicer and save it again"


def is_seg_nrrd(path: Path) -> bool:
    """Whether a file is a NRRD file whose header describes segments."""
    with path.open("rb") as file:
        if file.read(4) != b"NRRD":
            return False
        header = itertools.takewhile(bytes.strip, itertools.islice(file, _HEADER_LINES))
        return any(line.lower().startswith(_SEGMENT_KEYS) for line in header)


def read_seg_nrrd(path: Path) -> Segmentation:
    """Read the segments of a 3D Slicer segmentation.

    Raises:
        ReadError: The file is damaged, or of a representation or age that is not read.
        GeometryError: It does not state where its voxels lie.
        LabelError: A segment lies in no layer, or two are told apart by nothing.
    """
    import SimpleITK as sitk

    try:
        refuse_damaged_gzip(path)
        image = sitk.ReadImage(str(path), imageIO="NrrdImageIO")
    except (RuntimeError, zlib.error) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ReadError(path, f"cannot be read ({reason})", _EXPORT_AGAIN) from error
    keys = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    _supported(path, image.GetDimension(), keys)
    voxels = whole_numbers(path, sitk.GetArrayFromImage(image))
    n_layers = image.GetNumberOfComponentsPerPixel()
    layers = (voxels,) if n_layers == 1 else tuple(np.ascontiguousarray(np.moveaxis(voxels, -1, 0)))
    return Segmentation(_grid(path, image, keys), layers, _segments(path, keys, n_layers))


def _supported(path: Path, n_dimensions: int, keys: dict[str, str]) -> None:
    kind = keys.get("Segmentation_SourceRepresentation") or keys.get("Segmentation_MasterRepresentation")
    if kind not in (None, BINARY_LABELMAP):
        problem = f"is a segmentation of representation {kind!r}, expected {BINARY_LABELMAP!r}"
        raise ReadError(path, problem, f"Make {BINARY_LABELMAP!r} its source representation in 3D Slicer")
    if n_dimensions != 3 or "Segmentation_Extent" in keys:  # Slicer's format before 2018, which it no longer reads
        problem = f"is a segmentation of an old format ({n_dimensions}D), expected 3D, or 4D whose first axis is a list"
        raise ReadError(path, problem, _SAVE_AGAIN)


def _grid(path: Path, image: Any, keys: dict[str, str]) -> Grid:
    space = keys.get("NRRD_space")
    if space not in SPACES:
        problem = f"has the space {space!r}, expected one of {', '.join(SPACES)}"
        raise GeometryError(path, problem, _SAVE_AGAIN)
    columns = np.asarray(image.GetDirection()).reshape(3, 3) * np.asarray(image.GetSpacing())
    return grid_of(path, image.GetSize(), columns, image.GetOrigin())


def _segments(path: Path, keys: dict[str, str], n_layers: int) -> tuple[Segment, ...]:
    # Slicer numbers them without a gap: the first index without an ID ends the list.
    indices = itertools.takewhile(lambda index: _key(index, "ID") in keys, itertools.count())
    segments = tuple(_segment(path, keys, index) for index in indices)
    for segment in segments:
        if not 0 <= segment.layer < n_layers or segment.value <= 0:
            problem = f"has segment {segment.name!r} as value {segment.value} of layer {segment.layer}, expected a"
            raise LabelError(path, f"{problem} positive value in one of its {n_layers} layers", _SAVE_AGAIN)
    places = [(segment.layer, segment.value) for segment in segments]
    if not segments or len(set(places)) < len(places):
        listed = ", ".join(f"{segment.name!r} (layer {segment.layer}, value {segment.value})" for segment in segments)
        problem = f"has the segments {listed or 'none'}, expected each with its own value or layer"
        raise LabelError(path, problem, _SAVE_AGAIN)
    return segments


def _segment(path: Path, keys: dict[str, str], index: int) -> Segment:
    name = keys.get(_key(index, "Name"), keys[_key(index, "ID")])
    layer, value = keys.get(_key(index, "Layer"), str(index)), keys.get(_key(index, "LabelValue"), "1")
    if not layer.strip().isdecimal() or not value.strip().isdecimal():
        problem = f"has segment {name!r} as value {value!r} of layer {layer!r}, expected whole numbers"
        raise LabelError(path, problem, _SAVE_AGAIN)
    return Segment(int(value), name, _codes(keys.get(_key(index, "Tags"), "")), int(layer), int(value))


def _key(index: int, field: str) -> str:
    return f"Segment{index}_{field}"


def _codes(tags: str) -> tuple[str, ...]:
    """The type in a TerminologyEntry ``context~category~type~...`` whose codes are ``scheme^value^meaning``."""
    entries = dict(tag.partition(":")[::2] for tag in tags.split("|"))
    parts = entries.get("TerminologyEntry", "").split("~")
    scheme, value, meaning = (*(parts[2].split("^") if len(parts) > 2 else ()), "", "", "")[:3]
    return (f"{scheme}:{value}", meaning) if scheme and value else ()
