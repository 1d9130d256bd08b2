"""Whether the bare values 1 and 2 of a label map can be viable head and necrosis, where no name says so."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.anatomy import LABELLED_HEADS_APART_MM, SECOND_HEAD_ABOVE_ML
from onfh_nnunet.core.bounding_box import bounding_box
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.volume import Volume


def require_head_and_necrosis(drawn: Volume, place: str) -> None:
    """Refuse values that mean something else, as far as their places show it.

    Args:
        drawn: Values of `Label` (z, y, x).
        place: What messages name.

    Raises:
        LabelError: Necrosis encloses the viable head on all sides, as if the values were exchanged; or each value is a
            head of its own, one to the patient's right of the other.
    """
    _refuse_swapped(drawn, place)
    _refuse_sides(drawn, place)


def _refuse_sides(drawn: Volume, place: str) -> None:
    parts = {value: drawn.array == value for value in (Label.VIABLE_HEAD, Label.NECROSIS)}
    least = SECOND_HEAD_ABOVE_ML / drawn.grid.voxel_ml
    if any(np.count_nonzero(part) <= least for part in parts.values()):
        return
    (first, last), (other_first, other_last) = (_extent_mm(part, drawn) for part in parts.values())
    apart = abs((first + last) - (other_first + other_last)) / 2
    if apart < LABELLED_HEADS_APART_MM or (first <= other_last and other_first <= last):
        return
    sides = (Side.RIGHT, Side.LEFT) if last < other_first else (Side.LEFT, Side.RIGHT)
    names = ["head right" if side is Side.RIGHT else "head left" for side in sides]
    problem = f"has two structures side by side, value 1 as a {names[0]} and value 2 as a {names[1]}"
    lines = " and ".join(f'"{value} {name}"' for value, name in enumerate(names, start=1))
    remedy = (
        f"If both hips are healthy, write the lines {lines} into labels.txt, and give `label_names` labels.txt"
        " `necrosis_label` none. Else draw both heads with 1, and the necrosis of both with 2"
    )
    raise LabelError(place, f"{problem}, expected 1 in both heads and 2 in their necrosis", remedy)


def _extent_mm(mask: BoolArray, drawn: Volume) -> tuple[float, float]:
    """Between which x (LPS) a mask lies that is not empty."""
    box = bounding_box(mask) or ()
    corners = np.stack(np.meshgrid(*((part.start, part.stop - 1) for part in box), indexing="ij"), axis=-1)
    x_mm = drawn.grid.to_mm(corners.reshape(-1, 3).astype(float))[:, 0]
    return float(x_mm.min()), float(x_mm.max())


def _refuse_swapped(drawn: Volume, place: str) -> None:
    """Refuse a viable head that necrosis encloses on all sides, where bare values alone say which is which."""
    from scipy import ndimage

    viable = np.pad(drawn.array == Label.VIABLE_HEAD, 1)
    if not viable.any():
        return
    box = tuple(slice(edge.start - 1, edge.stop + 1) for edge in ndimage.find_objects(viable.view(np.uint8))[0])
    around = ndimage.binary_dilation(viable[box]) & ~viable[box]
    if np.pad(drawn.array, 1)[box][around].all():
        problem = "has value 1 (viable head) wholly inside value 2 (necrosis), as if the values were swapped"
        remedy = "Give `head_label` 2 `necrosis_label` 1 if they are, else `head_label` 1 `necrosis_label` 2"
        raise LabelError(place, problem, remedy)
