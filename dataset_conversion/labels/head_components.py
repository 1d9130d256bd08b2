"""Which voxels of a label map belong to which hip: face-connected components, sorted by the patient's axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.cohort.table import ScanSide
from onfh_nnunet.core.anatomy import LABELLED_HEADS_APART_MM, SECOND_HEAD_ABOVE_ML, SPECK_UP_TO_ML
from onfh_nnunet.core.bounding_box import bounding_box
from onfh_nnunet.core.components import Components, components_of
from onfh_nnunet.core.errors import LabelError, SideError
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume

_REMEDY = "Correct the label"
_EMPTY = "has an empty head: no voxel of viable femoral head"


@dataclass(frozen=True, eq=False)
class Head:
    """A labelled head.

    Args:
        side: The patient's side.
        box: Where all labels of the scan lie in its array (z, y, x).
        mask: Its voxels and those of the specks that go with it, in that box.
        centre_mm: Centre (LPS) of the bounding box of its largest component.
    """

    side: Side
    box: tuple[slice, slice, slice]
    mask: BoolArray
    centre_mm: FloatArray


@dataclass(frozen=True, eq=False)
class _Parts:
    """The components of the head, necrosis included, and their numbers, the largest first."""

    grid: Grid
    components: Components
    order: list[int]

    def ml_of(self, rank: int) -> float:
        voxels = self.components.voxels[self.order[rank]] if rank < len(self.order) else 0
        return float(voxels * self.grid.voxel_ml)

    def centroids_mm(self) -> dict[int, FloatArray]:
        return dict(zip(self.order, self.grid.to_mm(self.components.centroids(self.order)), strict=True))


def find_heads(label: Volume, side: ScanSide, case: str) -> list[Head]:
    """The heads of a label map, the right one first.

    Args:
        label: Values of `Label` on the scan's grid (z, y, x).
        side: The side that is labelled, or ``B`` for both.
        case: For messages.

    Raises:
        LabelError: The head is empty, a lesion lies outside the head, or there are more or fewer heads than stated.
        SideError: The two heads of side B do not lie side by side.
    """
    box = _box(label, case)
    start, size = ([edge.start for edge in box], [edge.stop - edge.start for edge in box])
    boxed = Volume(label.array[box], label.grid.part((start[0], start[1], start[2]), (size[0], size[1], size[2])))
    parts = _parts(boxed, case)
    if side != "B":
        if parts.ml_of(1) > SECOND_HEAD_ABOVE_ML:
            problem = f"holds two heads, of {parts.ml_of(0):.1f} and {parts.ml_of(1):.1f} ml, for side {side}"
            raise LabelError(case, problem, "Use side B, or label one hip only")
        return [Head(Side(side), box, parts.components.numbers > 0, _box_centre_mm(parts, parts.order[0]))]
    owners = _owners(parts, *_right_and_left(parts, case))
    pairs = zip((Side.RIGHT, Side.LEFT), owners, strict=True)
    return [
        Head(one, box, np.isin(parts.components.numbers, list(ids)), _box_centre_mm(parts, ids[0]))
        for one, ids in pairs
    ]


def holds_two_heads(label: Volume) -> bool:
    """Whether a label map holds a second head; so it is a label of both hips, or no label of a hip."""
    box = bounding_box(label.array)
    if box is None:
        return False
    ml = np.sort(components_of(label.array[box]).voxels[1:]) * label.grid.voxel_ml
    return len(ml) > 1 and bool(ml[-2] > SECOND_HEAD_ABOVE_ML)


def _box(label: Volume, case: str) -> tuple[slice, slice, slice]:
    """The bounding box of all that is labelled."""
    box = bounding_box(label.array > 0)
    if box is None:
        raise LabelError(case, _EMPTY, "Label the head and the necrosis")
    return box


def _parts(label: Volume, case: str) -> _Parts:
    viable = label.array == Label.VIABLE_HEAD
    if not viable.any():
        raise LabelError(case, _EMPTY, "Label the head and the necrosis")
    components = components_of(label.array)
    numbers, voxels = components.numbers, components.voxels
    # Every lesion that touches viable head is one component with it, so a component without any is a stray lesion.
    stray = np.flatnonzero(np.bincount(numbers[viable], minlength=len(voxels))[1:] == 0) + 1
    if stray.size:
        place = np.round(label.grid.to_mm(np.argwhere(numbers == stray[0])[0]), 1).tolist()
        problem = f"has a lesion outside the head: {voxels[stray].sum()} voxels, such as at {place} mm (LPS)"
        raise LabelError(case, problem, _REMEDY)
    return _Parts(label.grid, components, components.by_size)


def _right_and_left(parts: _Parts, case: str) -> tuple[int, int]:
    """The components that are the right and the left head."""
    first, second, least = parts.ml_of(0), parts.ml_of(1), SECOND_HEAD_ABOVE_ML
    if second <= least:
        problem = f"holds one head of {first:.1f} ml and no second above {least:g} ml, for side B"
        raise LabelError(case, problem, "Use side L or R, or label both hips")
    if parts.ml_of(2) > SPECK_UP_TO_ML:
        raise LabelError(case, f"holds a third component, of {parts.ml_of(2):.1f} ml, beside two heads", _REMEDY)
    centres = parts.centroids_mm()
    right, left = sorted(parts.order[:2], key=lambda part: float(centres[part][0]))  # LPS: x grows to the left
    apart, least = float(centres[left][0] - centres[right][0]), LABELLED_HEADS_APART_MM
    if apart < least:
        problem = f"has two heads {apart:.0f} mm apart from right to left, expected {least:g} mm or more"
        raise SideError(case, problem, "Check the label and the orientation of the scan")
    return right, left


def _owners(parts: _Parts, right: int, left: int) -> tuple[list[int], list[int]]:
    """The components of the right and of the left hip, its head first: a speck goes with the nearer head."""
    centres = parts.centroids_mm()
    owned: tuple[list[int], list[int]] = ([right], [left])
    for speck in parts.order[2:]:
        distance = [float(np.linalg.norm(centres[speck] - centres[head])) for head in (right, left)]
        owned[int(np.argmin(distance))].append(speck)
    return owned


def _box_centre_mm(parts: _Parts, part: int) -> FloatArray:
    box = parts.components.boxes()[part - 1]
    return parts.grid.to_mm(np.array([(edge.start + edge.stop - 1) / 2 for edge in box]))
