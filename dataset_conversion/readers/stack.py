"""The slices of a series become one regular stack, or the reason why not is named.

Slices are sorted along their common normal; the step is the distance of their positions. SliceThickness and
SpacingBetweenSlices are never asked: they are often something else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataset_conversion.readers.frames import Frame
from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import (
    FloatArray,
    Grid,
    direction_of,
    is_orthonormal,
    nearest_perpendicular,
    perpendicular_axes,
    place_tolerance_mm,
)

ORIENTATION_TOLERANCE = 1e-4
"""How far direction cosines of one stack may differ: scanners repeat them to 1e-7, a localizer's planes differ by 1."""

POSITION_TOLERANCE_MM = 0.05
"""Two images nearer than this along their normal lie at one place."""

ROUNDED_COSINES = math.sqrt(6) * 0.0005
"""How far the six direction cosines of a header that rounds them to three decimals may lie, as one vector, from those
of perpendicular axes. The true axes lie no farther away, by half a unit of each last place, nor do the nearest ones."""

SLABS_APART = 4
"""A gap of so many steps between parts of as many slices divides two stacks; in a shorter one slices are missing."""

_ONE_STACK = "Export one stack of slices: one orientation, one echo, one b-value, one time point"


def stacked(place: Path, frames: Sequence[Frame]) -> tuple[list[Frame], Grid]:
    """Sort slices along their normal and find their grid.

    Args:
        place: For messages.
        frames: At least two.

    Raises:
        ReadError: They differ in orientation, size or pixel spacing, or two lie at one position.
        GeometryError: Rows and columns are not perpendicular, a slice is missing, or the stack is sheared.
    """
    _alike(place, frames)
    axes = _axes(place, frames)
    normal = np.cross(axes[:, 0], axes[:, 1])
    ordered = sorted(frames, key=lambda one: float(one.position_mm @ normal))
    positions = np.array([one.position_mm for one in ordered])
    steps = np.diff(positions @ normal)
    tolerance = place_tolerance_mm([*ordered[0].spacing_mm, float(np.median(steps))])
    _regular(place, ordered, steps, tolerance)
    _upright(place, positions, normal, tolerance)
    rows, columns = ordered[0].size
    between_rows, between_columns = ordered[0].spacing_mm
    try:
        return ordered, Grid(
            (len(ordered), rows, columns),
            (float(steps.mean()), float(between_rows), float(between_columns)),
            (float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2])),
            direction_of(np.stack([normal, axes[:, 1], axes[:, 0]], axis=1)),
        )
    except GeometryError as error:
        raise GeometryError(place, f"has a grid that {error.problem}", error.remedy) from error


def _alike(place: Path, frames: Sequence[Frame]) -> None:
    first = frames[0]
    planes: list[FloatArray] = []
    for one in frames:
        if not any(np.allclose(one.orientation, plane, atol=ORIENTATION_TOLERANCE) for plane in planes):
            planes.append(one.orientation)
        if one.size != first.size or not np.allclose(one.spacing_mm, first.spacing_mm, rtol=1e-4):
            got = f"{one.size} pixels of {one.spacing_mm.tolist()} mm at {one}"
            expected = f"{first.size} of {first.spacing_mm.tolist()} mm as at {first}"
            raise ReadError(place, f"holds {got}, expected {expected}", _ONE_STACK)
    if len(planes) > 1:
        raise ReadError(place, f"holds {len(planes)} orientations in one series, expected one", _ONE_STACK)


def _axes(place: Path, frames: Sequence[Frame]) -> FloatArray:
    """Columns (3, 2): along a row, along a column; perpendicular, where a header rounds them too."""
    frame = frames[0]
    rows, columns = frame.size
    stated = frame.orientation.T
    axes = _of_three_decimals(stated, np.array([one.position_mm for one in frames]))
    if axes is None:
        axes = perpendicular_axes(stated, frame.spacing_mm[::-1], (columns, rows))
    if not is_orthonormal(axes):
        problem = f"has direction cosines {stated.T.tolist()} that are not perpendicular or not of length 1 at {frame}"
        remedy = "Export the original images: what wrote these may have rounded or changed the header"
        raise GeometryError(place, problem, remedy)
    return axes


def _of_three_decimals(stated: FloatArray, positions: FloatArray) -> FloatArray | None:
    """The axes of a header that rounds its cosines to three decimals; None where it does not, or is wrong otherwise.

    The places (n, 3) of the slices tell the normal far better than such cosines do.
    """
    if is_orthonormal(stated, 1e-6) or not np.allclose(stated, np.round(stated, 3), atol=1e-9):
        return None
    nearest = nearest_perpendicular(stated)
    normal = np.linalg.svd(positions - positions.mean(axis=0), full_matrices=False)[2][0]
    straight = nearest_perpendicular(nearest - np.outer(normal, normal @ nearest))
    rounded = np.linalg.norm(nearest - stated) <= ROUNDED_COSINES
    return straight if rounded and np.linalg.norm(straight - nearest) <= 2 * ROUNDED_COSINES else None


def _regular(place: Path, ordered: Sequence[Frame], steps: FloatArray, tolerance_mm: float) -> None:
    """Refuse two slices at one place, and steps (mm, between neighbours) that are not equal."""
    twice = np.flatnonzero(steps <= POSITION_TOLERANCE_MM)
    if twice.size:
        pair = f"{ordered[twice[0]]} and {ordered[twice[0] + 1]}"
        problem = (
            f"holds {twice.size} images at the position of another one (echoes, b-values, repeats?), such as {pair}"
        )
        raise ReadError(place, problem, _ONE_STACK)
    usual = float(np.median(steps))
    gaps = np.flatnonzero(np.abs(steps - usual) > min(2 * tolerance_mm, usual / 2))
    if not gaps.size:
        return
    pair = f"{ordered[gaps[0]]} and {ordered[gaps[0] + 1]}"
    parts = np.diff([-1, *gaps, len(steps)])
    if steps[gaps].min() >= SLABS_APART * usual and parts.min() >= SLABS_APART:
        listed = " and ".join(map(str, parts))
        problem = f"holds {len(parts)} stacks of {listed} slices, {steps[gaps[0]]:.1f} mm apart between {pair}"
        raise GeometryError(place, problem, "Export each stack as a series of its own")
    problem = f"has {steps[gaps[0]]:.3f} mm between {pair}, expected {usual:.3f} mm: a slice is missing or uneven"
    raise GeometryError(place, problem, "Export the series again, complete")


def _upright(place: Path, positions: FloatArray, normal: FloatArray, tolerance_mm: float) -> None:
    """Refuse positions (n, 3) that do not lie on one line along the normal, at equal distances."""
    number = np.arange(len(positions)) - (len(positions) - 1) / 2
    step = number @ positions / (number @ number)
    aside = float(np.linalg.norm(step - (step @ normal) * normal)) * (len(positions) - 1)
    if aside > tolerance_mm:
        problem = f"has slices shifted by up to {aside:.2f} mm within their plane: a sheared stack"
        raise GeometryError(place, problem, "Export it reformatted to a rectangular stack")
    off = np.linalg.norm(positions - positions.mean(axis=0) - np.outer(number, step), axis=1).max()
    if off > tolerance_mm:
        problem = f"has slices up to {off:.2f} mm from their place in a regular stack, expected {tolerance_mm:.2f} mm"
        raise GeometryError(place, problem, "Export the original images")
