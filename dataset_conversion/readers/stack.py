"""The slices of a series become one regular stack, or the reason why not is named.

Slices are sorted along their common normal; the step is the distance of their positions. SliceThickness and
SpacingBetweenSlices are never asked: they are often something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataset_conversion.readers.frames import Frame
from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import ORTHOGONALITY_TOLERANCE, FloatArray, Grid, direction_of

ORIENTATION_TOLERANCE = 1e-4
"""How far direction cosines of one stack may differ: scanners repeat them to 1e-7, a localizer's planes differ by 1."""

POSITION_TOLERANCE_MM = 0.05
"""How far a slice may lie from its place in a regular stack: headers round at 0.005 mm, a missing slice is a step."""

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
    _perpendicular(place, frames[0])
    along_row, along_column = frames[0].orientation
    normal = np.cross(along_row, along_column)
    ordered = sorted(frames, key=lambda one: float(one.position_mm @ normal))
    positions = np.array([one.position_mm for one in ordered])
    steps = np.diff(positions @ normal)
    _regular(place, ordered, steps)
    _upright(place, positions, normal)
    rows, columns = ordered[0].size
    between_rows, between_columns = ordered[0].spacing_mm
    try:
        return ordered, Grid(
            (len(ordered), rows, columns),
            (float(steps.mean()), float(between_rows), float(between_columns)),
            (float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2])),
            direction_of(np.stack([normal, along_column, along_row], axis=1)),
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


def _perpendicular(place: Path, frame: Frame) -> None:
    axes = frame.orientation
    if not np.allclose(axes @ axes.T, np.eye(2), atol=ORTHOGONALITY_TOLERANCE):
        problem = f"has direction cosines {axes.tolist()} that are not perpendicular or not of length 1 at {frame}"
        raise GeometryError(place, problem, "Export the original images")


def _regular(place: Path, ordered: Sequence[Frame], steps: FloatArray) -> None:
    """Refuse two slices at one place, and steps (mm, between neighbours) that are not equal."""
    twice = np.flatnonzero(steps <= POSITION_TOLERANCE_MM)
    if twice.size:
        pair = f"{ordered[twice[0]]} and {ordered[twice[0] + 1]}"
        problem = (
            f"holds {twice.size} images at the position of another one (echoes, b-values, repeats?), such as {pair}"
        )
        raise ReadError(place, problem, _ONE_STACK)
    usual = float(np.median(steps))
    gaps = np.flatnonzero(np.abs(steps - usual) > POSITION_TOLERANCE_MM)
    if gaps.size:
        pair = f"{ordered[gaps[0]]} and {ordered[gaps[0] + 1]}"
        problem = f"has {steps[gaps[0]]:.3f} mm between {pair}, expected {usual:.3f} mm: a slice is missing or uneven"
        raise GeometryError(place, problem, "Export the series again, complete")


def _upright(place: Path, positions: FloatArray, normal: FloatArray) -> None:
    """Refuse positions (n, 3) that do not follow the normal."""
    offset = positions - positions[0]
    aside = np.linalg.norm(offset - np.outer(offset @ normal, normal), axis=1).max()
    if aside > POSITION_TOLERANCE_MM:
        problem = f"has slices shifted by up to {aside:.2f} mm within their plane: a sheared stack (gantry tilt)"
        raise GeometryError(place, problem, "Export it reformatted to a rectangular stack")
