"""The mask of one hip, and what every measure of it begins with, each computed once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from onfh_nnunet.core.anatomy import CUT_HEAD_WITHIN_MM
from onfh_nnunet.core.bounding_box import Box, bounding_box, crop_with_border
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.extent import Extent
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume


@dataclass(frozen=True, eq=False)
class HipMask:
    """One hip's labels, made once and passed on.

    Args:
        labels: Values of `Label` (z, y, x), of one hip; on the grid of its scan, where there is one.
        side: The patient's side; None where nothing tells.
    """

    labels: Volume
    side: Side | None = None

    @cached_property
    def box(self) -> Box | None:
        """The bounding box of the head, necrosis included; None without a head."""
        return bounding_box(self.labels.array)

    @cached_property
    def head(self) -> Volume:
        """The head within one layer of background, at its place in the patient.

        Raises:
            LabelError: There is no head.
        """
        if self.box is None:
            raise LabelError("mask", "holds no femoral head (labels 1 and 2)", "Check the segmentation")
        labels = crop_with_border(self.labels.array, self.box)
        z, y, x = (part.start - 1 for part in self.box)
        depth, height, width = labels.shape
        return Volume(labels, self.labels.grid.part((z, y, x), (depth, height, width)))

    @cached_property
    def extent(self) -> Extent:
        """How much of the head is necrotic; nothing of nothing without a head."""
        if self.box is None:
            return Extent(0, 0, self.labels.grid.voxel_ml)
        labels = self.labels.array[self.box]
        head, necrosis = (int(np.count_nonzero(part)) for part in (labels, labels == Label.NECROSIS))
        return Extent(head, necrosis, self.labels.grid.voxel_ml)

    @property
    def border_gap_mm(self) -> float:
        """From the head to the nearest face of its grid, 0 where it touches one; infinite without a head."""
        size, spacing = self.labels.grid.size, self.labels.grid.spacing_mm
        sides = zip(self.box or (), size, spacing, strict=False)
        return min((min(part.start, n - part.stop) * step for part, n, step in sides), default=math.inf)

    @property
    def may_be_cut(self) -> bool:
        """Whether the head ends so near to the border of its grid that the field of view may cut it."""
        return self.border_gap_mm <= CUT_HEAD_WITHIN_MM
