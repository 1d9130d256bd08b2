"""RTSTRUCT: the contours of radiotherapy planning become masks on the grid of the scan that they were drawn on.

Source: DICOM PS3.3, A.19 RT Structure Set IOD, C.8.8.6 ROI Contour module. pydicom reads the file, scikit-image fills
the polygons: a voxel belongs to a polygon that holds its centre. A contour inside another one is a hole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.readers.headers import EXPORT_AGAIN, read_whole
from dataset_conversion.readers.segmentation import Segment, Segmentation
from onfh_nnunet.core.errors import GeometryError, LabelError, ReadError
from onfh_nnunet.core.grid import FloatArray, Grid, direction_of, triple
from onfh_nnunet.core.labels import BoolArray
from onfh_nnunet.core.user_files import refused_whole

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
"""SOP class RT Structure Set Storage."""

_OFF_PLANE_MM = 0.1
"""How far a point may lie off its slice: files round coordinates to a tenth or a hundredth of a millimetre."""

_OWN_STEP_MM = 0.5
"""The voxel in the plane of contours that are read without their scan; finer changes no volume by a thousandth."""

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_ON_THE_SCAN = "Give the contours that were drawn on this scan, or export them as a DICOM SEG"


@dataclass(frozen=True, eq=False)
class _Structure:
    """A named structure, its FrameOfReferenceUID, and its closed contours (points, 3) in LPS mm."""

    number: int
    name: str
    frame_of_reference: str
    contours: tuple[FloatArray, ...]


def read_rtstruct(path: Path, grid: Grid | None = None) -> Segmentation:
    """Read the structures of an RTSTRUCT file.

    Structures of points or open lines are left out; one without any contour is empty.

    Args:
        path: The file.
        grid: The grid of the scan; without it, the planes of the contours with voxels of 0.5 mm.

    Returns:
        A layer a structure.

    Raises:
        ReadError: The file is damaged, or holds no contour and no grid is given.
        GeometryError: The contours do not lie on the slices of the grid, or reach out of it.
        LabelError: Two contours cross, or only every second slice is drawn.
    """
    with refused_whole(path):
        structures = _structures(read_whole(path))
        frames = {one.frame_of_reference for one in structures}
        if len(frames) > 1:
            raise GeometryError(
                path, f"has structures of {len(frames)} frames of reference, expected one", EXPORT_AGAIN
            )
        on = grid or _own_grid(path, [contour for one in structures for contour in one.contours])
        layers = tuple(_filled(path, one, on) for one in structures)
        segments = (Segment(one.number, one.name, (), layer, 1) for layer, one in enumerate(structures))
        return Segmentation(on, layers, tuple(segments), frames.pop() if frames else None)


def _structures(dataset: Any) -> list[_Structure]:
    drawn = {int(item.ReferencedROINumber): item for item in dataset.get("ROIContourSequence", ())}
    found = []
    for item in dataset.StructureSetROISequence:
        number = int(item.ROINumber)
        contours = drawn[number].get("ContourSequence", ()) if number in drawn else ()
        if all(contour.ContourGeometricType in _CLOSED for contour in contours):
            points = tuple(np.array(contour.ContourData, float).reshape(-1, 3) for contour in contours)
            frame = str(item.ReferencedFrameOfReferenceUID)
            found.append(_Structure(number, str(item.get("ROIName", "")).strip(), frame, points))
    return found


def _filled(path: Path, structure: _Structure, grid: Grid) -> NDArray[np.uint8]:
    """The voxels whose centres lie in a structure, (z, y, x)."""
    mask = np.zeros(grid.size, np.uint8)
    placed = [grid.to_index(contour) for contour in structure.contours]
    if not placed:
        return mask
    axis = int(np.argmin(np.max([np.ptp(points, axis=0) for points in placed], axis=0) * grid.spacing_mm))
    where = f"{path}, structure {structure.name!r}"
    planes: dict[int, list[BoolArray]] = {}
    for points in placed:
        plane = _plane(where, points, axis, grid)
        planes.setdefault(plane, []).append(_polygon(np.delete(points, axis, axis=1), np.delete(grid.size, axis)))
    _require_every_slice(where, sorted(planes))
    slices = np.moveaxis(mask, axis, 0)
    for plane, polygons in planes.items():
        slices[plane] = _with_holes(where, polygons)
    return mask


def _plane(where: str, points: FloatArray, axis: int, grid: Grid) -> int:
    """The slice that a contour lies on."""
    plane = int(np.rint(points[:, axis].mean()))
    off_mm = float(np.abs(points[:, axis] - plane).max() * grid.spacing_mm[axis])
    if off_mm > _OFF_PLANE_MM:
        raise GeometryError(where, f"has a contour {off_mm:.2f} mm off the slices of the scan", _ON_THE_SCAN)
    if (points < -1).any() or (points > grid.size).any():
        raise GeometryError(where, "has a contour that reaches out of the scan", _ON_THE_SCAN)
    return plane


def _polygon(points: FloatArray, shape: NDArray[np.int_]) -> BoolArray:
    from skimage.draw import polygon2mask

    filled: BoolArray = polygon2mask(tuple(shape), points)
    return filled


def _require_every_slice(where: str, planes: Sequence[int]) -> None:
    """Refuse contours that only every second slice or fewer have: what lies between them is nobody's to invent."""
    steps = np.diff(planes)
    if len(steps) and steps.min() > 1:
        problem = f"has contours on every {steps.min()}. slice of the scan, expected on each"
        raise LabelError(where, problem, "Interpolate the contours where they were drawn")


def _with_holes(where: str, polygons: Sequence[BoolArray]) -> BoolArray:
    """The polygons of one slice: one inside another is a hole, one beside another a second part, a copy nothing."""
    filled = np.zeros_like(polygons[0])
    for number, polygon in enumerate(polygons):
        earlier = polygons[:number]
        if any(np.array_equal(polygon, other) for other in earlier):
            continue
        if any(_cross(polygon, other) for other in earlier):
            raise LabelError(where, "has contours that cross each other on one slice", "Correct the contours")
        filled ^= polygon
    return filled


def _cross(one: BoolArray, other: BoolArray) -> bool:
    """Whether two polygons overlap and neither lies in the other."""
    return bool((one & other).any() and (one & ~other).any() and (other & ~one).any())


def _own_grid(path: Path, contours: Sequence[FloatArray]) -> Grid:
    """A grid whose slices are the planes of the contours."""
    if not contours:
        raise ReadError(path, "has no closed contour", "Give a structure set with contours of the head")
    points = np.concatenate(contours)
    longest = max(contours, key=len)
    normal = np.linalg.svd(longest - longest.mean(axis=0))[2][2]
    normal = normal * np.sign(normal[np.abs(normal).argmax()])
    across = np.eye(3)[np.abs(normal).argmin()]
    first = across - across @ normal * normal
    first /= np.linalg.norm(first)
    axes = np.stack([normal, np.cross(normal, first), first], axis=1)
    placed = points @ axes
    heights = np.unique(placed[:, 0].round(1))
    apart = np.diff(heights)
    step = float(apart[apart > 2 * _OFF_PLANE_MM].min(initial=np.inf))
    if not np.isfinite(step):
        raise GeometryError(path, "has contours on one plane, so the height of its voxels is unknown", _ON_THE_SCAN)
    n_steps = round(float(np.ptp(placed[:, 0])) / step)
    spacing = np.array([float(np.ptp(placed[:, 0])) / n_steps, _OWN_STEP_MM, _OWN_STEP_MM])
    margin = np.array([0.0, 1.0, 1.0])
    low, high = placed.min(axis=0) - margin, placed.max(axis=0) + margin
    size = np.ceil((high - low) / spacing - 1e-6).astype(int) + 1
    return Grid((n_steps + 1, int(size[1]), int(size[2])), triple(spacing), triple(axes @ low), direction_of(axes))
