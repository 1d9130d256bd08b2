"""What is wrong with the mask of a hip, as its own voxels show: parts apart from the head, and holes in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onfh_nnunet.core.components import Components, components_of
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.volume import Volume


def main_part(hip: HipMask, head: Components) -> Volume:
    """The head (z, y, x) without parts apart from it, as `HipMask.head`."""
    return hip.head if len(head) == 1 else Volume(hip.head.array * head.mask(head.by_size[0]), hip.head.grid)


def mask_defects(hip: HipMask, head: Components) -> Iterator[str]:
    """Warnings about a mask; none for a head in one piece.

    Args:
        hip: The hip.
        head: The components of `HipMask.head`.
    """
    labels, voxel_ml = hip.head.array, hip.extent.voxel_ml
    if len(head) > 1:
        apart = labels[(head.numbers > 0) & (head.numbers != head.by_size[0])]
        necrotic = np.count_nonzero(apart == Label.NECROSIS)
        yield (
            f"{plural(len(head) - 1, 'part')} of {apart.size * voxel_ml:.2g} ml apart from the head, "
            f"{necrotic * voxel_ml:.2g} ml of it necrosis, counted with the head but not in angles and location "
            "(`clean` drops such parts)"
        )
    background = components_of(labels == Label.BACKGROUND)
    if len(background) > 1:
        ml = background.voxels[background.by_size[1:]].sum() * voxel_ml
        yield f"{plural(len(background) - 1, 'hole')} of {ml:.2g} ml in the head, not counted (`clean` fills holes)"
