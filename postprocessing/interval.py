"""A percentage of necrosis is not a fact to the voxel: its interval, and every Steinberg grade that it meets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onfh_nnunet.labels import Label
from onfh_nnunet.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, Grade
from onfh_nnunet.volume import Volume
from postprocessing.box import cropped
from postprocessing.extent import extent

MARGIN_VOXELS = 0.5
"""How far the lesion's margin may lie from where it is drawn, in mean spacings: a voxel's label is its centre's."""


class IntervalMethod(StrEnum):
    """Where an interval comes from: the shifted margin of a mask, or the errors of a cross-validation."""

    MARGIN = "margin"
    CONFORMAL = "conformal"


@dataclass(frozen=True)
class PercentInterval:
    """From `low` to `high` percent of the head, both included.

    Args:
        low: Lower end.
        high: Upper end.
        method: Where it comes from; only ``conformal`` has a level, that of its `Calibration`.

    Raises:
        ValueError: The bounds are not ordered within 0 to 100.
    """

    low: float
    high: float
    method: IntervalMethod

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 100:
            raise ValueError(f"{self.low} to {self.high} is no interval of percent")


def margin_interval(mask: Volume) -> PercentInterval:
    """The necrosis in percent of the head when its margin lies `MARGIN_VOXELS` mean spacings further in or out.

    The margin is the border of necrosis and viable head; the head and its surface stay. A voxel is lost or gained in
    part, by how far its centre lies from the moved margin: exact for a margin along the grid, up to a fifth too narrow
    for an oblique one. The interval holds the percentage itself. It is (0, 0) without necrosis and (100, 100) without
    viable head, where there is no margin.

    Args:
        mask: Labels 0, 1, 2 (z, y, x) of one hip, from `clean` or `require_hip_labels`.

    Raises:
        LabelError: There is no head.
    """
    labels = cropped(mask)
    counts = extent(labels)
    if counts.necrosis in (0, counts.head):
        only = 100.0 * (counts.necrosis > 0)
        return PercentInterval(only, only, IntervalMethod.MARGIN)
    lost, gained = (_moved(labels, loser) for loser in (Label.NECROSIS, Label.VIABLE_HEAD))
    low = 100 * (counts.necrosis - lost) / counts.head
    high = 100 * (counts.necrosis + gained) / counts.head
    return PercentInterval(max(low, 0.0), min(high, 100.0), IntervalMethod.MARGIN)


def possible_grades(interval: PercentInterval) -> tuple[Grade, ...]:
    """Every grade that an interval meets, in order of severity: none is 0 exactly, and both ties belong to B."""
    met = {
        Grade.NONE: interval.low == 0,
        Grade.A: interval.low < MODERATE_FROM_PERCENT and interval.high > 0,
        Grade.B: interval.low <= SEVERE_ABOVE_PERCENT and interval.high >= MODERATE_FROM_PERCENT,
        Grade.C: interval.high > SEVERE_ABOVE_PERCENT,
    }
    return tuple(grade for grade, meets in met.items() if meets)


def _moved(labels: Volume, loser: Label) -> float:
    """Voxels that a label loses to the rest of the head when the margin moves into it, fractions included."""
    from scipy import ndimage

    winner = Label.VIABLE_HEAD if loser is Label.NECROSIS else Label.NECROSIS
    spacing = np.array(labels.grid.spacing_mm)
    nearest = ndimage.distance_transform_edt(
        labels.array != winner, sampling=spacing, return_distances=False, return_indices=True
    )
    losers = labels.array == loser
    way = (np.moveaxis(nearest, 0, -1)[losers] - np.argwhere(losers)) * spacing
    distance = np.linalg.norm(way, axis=1)
    thickness = np.linalg.norm(way * spacing, axis=1) / distance  # of a voxel in this direction
    depth = distance - thickness / 2  # the margin lies midway between two centres
    return float(np.clip((MARGIN_VOXELS * spacing.mean() - depth) / thickness + 0.5, 0, 1).sum())
