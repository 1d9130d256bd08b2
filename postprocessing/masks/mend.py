"""Mend the mask of a hip that another tool made, and say what was changed."""

from __future__ import annotations

import numpy as np

from onfh_nnunet.core.components import components_of
from onfh_nnunet.core.extent import least_lesion_voxels
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import clean
from postprocessing.masks.lesion_parts import small_parts


def without_strays(mask: Volume) -> tuple[Volume, tuple[str, ...]]:
    """Drop necrosis that touches no viable head.

    Args:
        mask: Labels 0, 1, 2 (z, y, x), of one hip or of both.

    Returns:
        The mask, and what was done; the mask as it is where it has no viable head.
    """
    viable = mask.array == Label.VIABLE_HEAD
    stray = (mask.array > 0) & ~components_of(mask.array).holding(viable)
    if not viable.any() or not stray.any():
        return mask, ()
    labels = np.where(stray, np.uint8(Label.BACKGROUND), mask.array)
    return Volume(labels, mask.grid), (_note("dropped", stray, "part", mask, "of necrosis outside the head"),)


def mend(mask: Volume, case: object) -> tuple[Volume, tuple[str, ...]]:
    """Clean a mask, and relabel specks: necrosis in viable head, and viable head in necrosis.

    A speck is a part that is less than the least lesion that is measured. A head that the field of view cut, or that
    holds a piece of neck, cannot be mended.

    Args:
        mask: Labels 0, 1, 2 (z, y, x) of one hip.
        case: What the message names.

    Returns:
        uint8 labels on the same grid, and what was done; nothing for a mask that needs nothing.

    Raises:
        LabelError: There is no head.
    """
    kept, notes, least = clean(mask, case), [], least_lesion_voxels(mask.grid.voxel_ml)
    if (dropped := (mask.array > 0) & (kept.array == 0)).any():
        notes.append(_note("dropped", dropped, "part", mask, "apart from the head"))
    if (filled := (mask.array == 0) & (kept.array > 0)).any():
        notes.append(_note("filled", filled, "hole", mask, "in the head"))
    labels = np.array(kept.array)
    for speck, around, name in (
        (Label.NECROSIS, Label.VIABLE_HEAD, "of necrosis in viable head"),
        (Label.VIABLE_HEAD, Label.NECROSIS, "of viable head in necrosis"),
    ):
        small = small_parts(labels == speck, least)
        if small.any() and (labels == around).any():
            labels[small] = around
            notes.append(_note("relabelled", small, "speck", mask, name))
    return Volume(labels, mask.grid), tuple(notes)


def _note(done: str, what: BoolArray, kind: str, mask: Volume, where: str) -> str:
    n = len(components_of(what, corners=True))
    return f"cleaned: {done} {plural(n, kind)} {where}, {np.count_nonzero(what) * mask.grid.voxel_ml:.2g} ml"
