"""A file of labels becomes layers of numbers and a table of segments, whichever tool wrote it.

The kind is told by content: a 3D Slicer segmentation by the keys in its NRRD header, a DICOM SEG by its SOP class, and
any other image is a plain label map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.dicom_start import is_dicom
from dataset_conversion.readers.headers import read_header, sop_class
from onfh_nnunet.core.errors import LabelError, ReadError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.image_files import read_image
from onfh_nnunet.core.labels import BoolArray
from onfh_nnunet.core.user_files import is_regular

HIGHEST_VALUE = int(np.iinfo(np.uint16).max)
"""Of a label: what lies above it is an intensity."""


_ROUNDING = 1e-6
"""How far a label may lie from a whole number: a header that scales voxels by 1/255 makes 1.00000006 of a 1."""


@dataclass(frozen=True)
class Segment:
    """One labelled structure.

    Args:
        number: The number that its tool shows: the label's value, or the SegmentNumber of a DICOM SEG.
        name: Its name as given; empty for a value of a plain label map.
        codes: Its type as scheme and value, such as ``SCT:113197003``, that code's meaning, and the meanings of what
            modifies it, such as ``Left``.
        layer: Which layer of the segmentation holds it.
        value: Its value in that layer.
    """

    number: int
    name: str
    codes: tuple[str, ...]
    layer: int
    value: int

    def __str__(self) -> str:
        return f"{self.number}" if self.name in ("", str(self.number)) else f"{self.number} {self.name}"


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Segments on one grid; those of different layers may overlap.

    Args:
        grid: Where the voxels lie; it may be smaller than the scan.
        layers: Arrays (z, y, x) of whole numbers, 0 where nothing is labelled.
        segments: In the order of the file; a segment may be empty.
        frame_of_reference: DICOM's FrameOfReferenceUID; none where the format has none.
    """

    grid: Grid
    layers: tuple[NDArray[Any], ...]
    segments: tuple[Segment, ...]
    frame_of_reference: str | None = None

    def mask(self, segment: Segment) -> BoolArray:
        """Where a segment is, (z, y, x)."""
        mask: BoolArray = self.layers[segment.layer] == segment.value
        return mask


def read_segmentation(path: Path, names: Mapping[int, str] | None = None, scan: Grid | None = None) -> Segmentation:
    """Read a label map, a 3D Slicer segmentation (``.seg.nrrd``), a DICOM SEG or an RTSTRUCT.

    Args:
        path: The file; for DICOM SEG and RTSTRUCT also a folder that holds exactly one.
        names: What the values of a plain label map mean, such as an ITK-SNAP label description states it. A named
            value that no voxel has is an empty segment. The other formats bring their own names.
        scan: The grid on which contours become voxels.

    Raises:
        ReadError: It is missing, damaged, or none of these.
        GeometryError: Its grid is unknown or impossible.
        LabelError: Its voxels are no labels.
    """
    # these build upon this module's values
    from dataset_conversion.readers.dicom_seg import only_segmentation, read_dicom_seg
    from dataset_conversion.readers.rtstruct import STRUCTURE_SET, read_rtstruct
    from dataset_conversion.readers.segnrrd import is_seg_nrrd, read_seg_nrrd

    try:
        file = only_segmentation(path) if path.is_dir() else path
        if file.is_file():
            if is_dicom(file):
                is_contours = sop_class(read_header(file)) == STRUCTURE_SET
                return read_rtstruct(file, scan) if is_contours else read_dicom_seg(file)
            if is_seg_nrrd(file):
                return read_seg_nrrd(file)
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror or error})", "Check that it may be read") from error
    return segmentation_of(*read_image(path), names or {}, path)


def is_dicom_label(path: Path) -> bool:
    """Whether it is a DICOM file of a class that holds labels.

    Raises:
        ReadError: It is DICOM and damaged.
    """
    from dataset_conversion.readers.dicom_seg import SEGMENTATION_CLASSES
    from dataset_conversion.readers.rtstruct import STRUCTURE_SET

    classes = (*SEGMENTATION_CLASSES, STRUCTURE_SET)
    return is_regular(path) and is_dicom(path) and sop_class(read_header(path)) in classes


def whole_numbers(path: object, array: NDArray[Any]) -> NDArray[Any]:
    """Label values (of any shape) as the smallest unsigned type that holds them; 8-bit ones are not copied.

    Raises:
        LabelError: A value is negative, not whole, no number, or above `HIGHEST_VALUE`.
    """
    if array.dtype in (np.uint8, bool):
        return array.view(np.uint8)
    low, high = array.min(), array.max()
    if array.dtype.kind not in "uif" or not (low >= -_ROUNDING and high <= HIGHEST_VALUE):
        problem = f"holds {array.dtype} values from {low:g} to {high:g}, expected labels from 0 to {HIGHEST_VALUE}"
        raise LabelError(path, problem, "Give the label map, not an image")
    kind = np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16
    if array.dtype.kind != "f":
        return array.astype(kind)
    labels: NDArray[Any] = np.rint(array).astype(kind)
    apart = np.abs(array - labels) > _ROUNDING
    if apart.any():
        problem = f"holds values that are not whole, such as {array[apart][0]:.6g}, expected labels"
        raise LabelError(path, problem, "Export the label map as whole numbers, without interpolation")
    return labels


def segmentation_of(array: NDArray[Any], grid: Grid, names: Mapping[int, str], place: object) -> Segmentation:
    """A plain label map (z, y, x) of any numeric type as a segmentation; see `read_segmentation`.

    Raises:
        LabelError: Its voxels are no labels.
    """
    layer = whole_numbers(place, array)
    n_values = int(layer.max()) + 1
    voxels = sum(np.bincount(plane.ravel(), minlength=n_values) for plane in layer)  # by plane: bincount widens 8-fold
    values = {int(value) for value in np.flatnonzero(voxels)} | set(names)
    segments = (Segment(value, names.get(value, ""), (), 0, value) for value in sorted(values - {0}))
    return Segmentation(grid, (layer,), tuple(segments))
