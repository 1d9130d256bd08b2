"""DICOM segmentations: BINARY, LABELMAP, and FRACTIONAL ones that are binary in truth.

Source: DICOM PS3.3, A.51 Segmentation IOD, C.8.20 Segmentation modules. highdicom decodes the frames and lays them on
their planes; planes without a frame are empty, as the standard has it for segments. The grid comes from positions,
orientation and pixel spacing; SpacingBetweenSlices only says how many planes lie in a gap, and every frame must then
lie on its plane. SliceThickness is never asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.archive import refuse_bomb
from dataset_conversion.readers.headers import EXPORT_AGAIN, read_header, read_whole, sop_class
from dataset_conversion.readers.segmentation import Segment, Segmentation, is_dicom_label
from dataset_conversion.readers.stack import POSITION_TOLERANCE_MM
from onfh_nnunet.core.errors import GeometryError, LabelError, ReadError
from onfh_nnunet.core.grid import FloatArray, Grid, direction_of, triple
from onfh_nnunet.core.user_files import refused_whole, walk

SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes Segmentation Storage and Label Map Segmentation Storage."""

_FREE_BYTES = 2**29
"""A small segment on the grid of a large scan has few bytes in its file."""

_ON_THE_SCAN = "Export it on the grid of the scan"


def only_segmentation(folder: Path) -> Path:
    """The one DICOM SEG or RTSTRUCT file in a folder.

    Raises:
        ReadError: There is none, or more than one; or the folder cannot be listed.
    """
    place, names = next(walk(folder))
    with refused_whole(folder):
        found = [path for path in (place / name for name in names) if is_dicom_label(path)]
    if len(found) != 1:
        listed = ": " + ", ".join(path.name for path in found[:4]) if found else ""
        problem = f"is a folder with {len(found)} DICOM SEG or RTSTRUCT files{listed}, expected one"
        raise ReadError(folder, problem, "Give the file of the segmentation")
    return found[0]


def read_dicom_seg(path: Path) -> Segmentation:
    """Read a DICOM SEG file.

    Returns:
        Slices along the normal of the planes, as for an image series; one layer, or one a segment where they overlap.

    Raises:
        ReadError: The file is damaged or no segmentation.
        GeometryError: Its planes are no regular stack in the patient.
        LabelError: It is truly fractional.
    """
    import highdicom
    import pydicom

    with refused_whole(path):
        kind = sop_class(read_header(path))
    if kind not in SEGMENTATION_CLASSES:
        problem = f"is DICOM of class {pydicom.uid.UID(kind).name}, expected a Segmentation"
        raise ReadError(path, problem, "Convert it to a DICOM SEG or a label map, for example in 3D Slicer")
    with refused_whole(path):
        stored = read_whole(path)
        _refuse_packed_bits(path, stored)
        _refuse_large(path, (stored.Rows, stored.Columns, stored.NumberOfFrames))
        image = highdicom.seg.Segmentation.from_dataset(stored, copy=False)
        if image.segmentation_type == highdicom.seg.SegmentationTypeValues.FRACTIONAL:
            _binary_in_truth(path, image)
        grid = _grid(path, image)
        layers, overlap = _layers(path, image, grid)
        return Segmentation(grid, layers, _segments(image, overlap), str(image.FrameOfReferenceUID))


def _refuse_packed_bits(path: Path, stored: Any) -> None:
    """Compression of single bits, which nobody defines alike; `DeflatedExplicitVRLittleEndian` packs whole files."""
    syntax = stored.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and stored.get("BitsAllocated") == 1:
        problem = f"is a BINARY segmentation with voxels of one bit in {syntax.name}, which is not read"
        raise ReadError(path, problem, "Export it uncompressed, deflated, or as a LABELMAP")


def _refuse_large(path: Path, shape: Sequence[int]) -> None:
    """Before frames, or planes and segments of which the file may hold next to nothing, are unpacked to a byte each."""
    if min(shape) < 1:
        raise ReadError(path, f"states the size {tuple(shape)}", EXPORT_AGAIN)
    refuse_bomb(path, path.stat().st_size, math.prod(map(int, shape)), free=_FREE_BYTES)


def _binary_in_truth(path: Path, image: Any) -> None:
    stored = np.unique(image.pixel_array)
    if not np.isin(stored, (0, image.MaximumFractionalValue)).all():
        problem = f"is a FRACTIONAL segmentation with {stored.size} values from {stored[0]} to {stored[-1]}"
        raise LabelError(path, f"{problem}, expected inside or outside", "Threshold it, and export it as BINARY")


def _grid(path: Path, image: Any) -> Grid:
    """The grid of all planes, empty ones included, slices along the normal."""
    positions = _positions_mm(image)
    geometry = image.get_volume_geometry(atol=POSITION_TOLERANCE_MM)
    if geometry is None:
        spacing = _spacing_between_slices(image)
        problem = f"has planes that are no regular stack with SpacingBetweenSlices {spacing or 'not stated'}"
        raise GeometryError(path, problem, _ON_THE_SCAN)
    if len(np.unique(positions, axis=0)) == 1 and not _spacing_between_slices(image):
        problem = "has a single plane and no SpacingBetweenSlices, so the height of its voxels is unknown"
        raise GeometryError(path, problem, "Export it with its empty planes")
    # highdicom's planes run against the normal
    turned = geometry.flip_spatial(0)
    grid = Grid(turned.spatial_shape, triple(turned.spacing), triple(turned.position), direction_of(turned.direction))
    planes = np.rint(grid.to_index(positions)) * (1, 0, 0)
    apart = float(np.linalg.norm(grid.to_mm(planes) - positions, axis=1).max())
    if apart > POSITION_TOLERANCE_MM:
        problem = f"has frames up to {apart:.2f} mm beside their place in a regular stack"
        raise GeometryError(path, problem, _ON_THE_SCAN)
    return grid


def _positions_mm(image: Any) -> FloatArray:
    """ImagePositionPatient (frames, 3) of each frame."""
    shared = image.SharedFunctionalGroupsSequence[0]
    frames = image.PerFrameFunctionalGroupsSequence
    groups = (frame if "PlanePositionSequence" in frame else shared for frame in frames)
    return np.array([group.PlanePositionSequence[0].ImagePositionPatient for group in groups], float)


def _spacing_between_slices(image: Any) -> float | None:
    groups = (image.SharedFunctionalGroupsSequence[0], image.PerFrameFunctionalGroupsSequence[0])
    measures = (item for group in groups for item in group.get("PixelMeasuresSequence", ()))
    return next((float(item.SpacingBetweenSlices) for item in measures if item.get("SpacingBetweenSlices")), None)


def _layers(path: Path, image: Any, grid: Grid) -> tuple[tuple[NDArray[Any], ...], bool]:
    """The segments as one layer of their numbers, or where they overlap as one layer each; and whether they do."""
    options = {"atol": POSITION_TOLERANCE_MM}
    _refuse_large(path, grid.size)
    try:
        return (image.get_volume(combine_segments=True, **options).array[::-1],), False
    except RuntimeError as error:
        if "overlap" not in str(error):
            raise
    _refuse_large(path, (*grid.size, len(image.SegmentSequence)))
    each = image.get_volume(**options).array[::-1]
    return tuple(np.ascontiguousarray(np.moveaxis(each, -1, 0))), True


def _segments(image: Any, overlap: bool) -> tuple[Segment, ...]:
    """The described segments; number 0 is the background of a label map."""
    segments = []
    for index, item in enumerate(image.SegmentSequence):
        number = int(item.SegmentNumber)
        codes = [code for one in item.get("SegmentedPropertyTypeCodeSequence", ())[:1] for code in _codes(one)]
        codes += [str(item.get("CodeMeaning", "")) for item in _modifiers(item)]
        layer, value = (index, 1) if overlap else (0, number)
        segments.append(Segment(number, str(item.get("SegmentLabel", "")), tuple(codes), layer, value))
    return tuple(segment for segment in segments if segment.number)


def _modifiers(segment: Any) -> Iterator[Any]:
    """The codes that modify its type and its region, such as Left."""
    for kind, modifier in (
        ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence"),
        ("AnatomicRegionSequence", "AnatomicRegionModifierSequence"),
    ):
        for one in segment.get(kind, ())[:1]:
            yield from one.get(modifier, ())


def _codes(item: Any) -> tuple[str, str]:
    return f"{item.get('CodingSchemeDesignator')}:{item.get('CodeValue')}", str(item.get("CodeMeaning", ""))
