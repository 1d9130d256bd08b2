"""How much of a head is necrotic, in whole voxels: the one source of every percentage and every Steinberg grade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.bounding_box import bounding_box
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from onfh_nnunet.core.volume import Volume


def percent_of(necrosis: float, head: float) -> float:
    """Necrosis in percent of a head, or of a part or a model of it, from unrounded amounts in any one unit."""
    return 100 * necrosis / head


@dataclass(frozen=True)
class Extent:
    """Voxels of a head, necrosis included, and of its necrosis."""

    head: int
    necrosis: int

    @property
    def percent(self) -> float | None:
        """Necrosis in percent of the head, not rounded; None without a head."""
        return percent_of(self.necrosis, self.head) if self.head else None

    @property
    def grade(self) -> Grade:
        """Steinberg's grade of the whole voxel counts; ``Grade.NONE`` without necrosis or without a head."""
        return steinberg_grade(self.necrosis, self.head) if self.head else Grade.NONE


def extent(mask: Volume) -> Extent:
    """Count the voxels of a label map 0, 1, 2 (z, y, x)."""
    box = bounding_box(mask.array)
    if box is None:
        return Extent(0, 0)
    head = mask.array[box]
    return Extent(int(np.count_nonzero(head)), int(np.count_nonzero(head == Label.NECROSIS)))
