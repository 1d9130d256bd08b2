"""Uncertainty interval of the percentage when the contour moves by a margin, and the Steinberg grades within it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.bounding_box import Box, bounding_box, crop_with_border, expand
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import BoolArray, Label
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, Grade
from onfh_nnunet.core.volume import Volume

IntArray = NDArray[np.integer[Any]]

MARGIN_VOXELS = 0.5
"""How far the lesion's margin may lie from where it is drawn, in mean spacings: a voxel's label is its centre's."""


class IntervalMethod(StrEnum):
    """The source of an interval: the shifted margin of a mask, or the errors of a cross-validation."""

    MARGIN = "margin"
    CONFORMAL = "conformal"


@dataclass(frozen=True)
class PercentInterval:
    """An interval from `low` to `high` percent of the head, both included.

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
            raise ValueError(f"{self.low} to {self.high} is not an interval of percentages")


def margin_interval(hip: HipMask) -> PercentInterval:
    """The necrosis in percent of the head when its margin moves by `MARGIN_VOXELS` mean spacings in or out.

    The margin is the border of necrosis and viable head; the head and its surface stay. A voxel is lost or gained in
    part, by how far its centre lies from the moved margin: exact for a margin along the grid, up to a fifth too narrow
    for an oblique one. The interval holds the percentage itself. It is (0, 0) without necrosis and (100, 100) without
    viable head, where there is no margin.

    Args:
        hip: One hip, from `clean` or `require_hip_labels`.

    Raises:
        LabelError: There is no head.
    """
    labels, counts = hip.head, hip.extent
    lesion = bounding_box(labels.array == Label.NECROSIS)
    if lesion is None or counts.necrosis == counts.head:
        only = 0.0 if lesion is None else 100.0
        return PercentInterval(only, only, IntervalMethod.MARGIN)
    lost, gained = _moved(labels, lesion)
    low = percent_of(counts.necrosis - lost, counts.head)
    high = percent_of(counts.necrosis + gained, counts.head)
    return PercentInterval(max(low, 0.0), min(high, 100.0), IntervalMethod.MARGIN)


def possible_grades(interval: PercentInterval) -> tuple[Grade, ...]:
    """Every grade within an interval, in order of severity: none is exactly 0, and both limits belong to B."""
    met = {
        Grade.NONE: interval.low == 0,
        Grade.A: interval.low < MODERATE_FROM_PERCENT and interval.high > 0,
        Grade.B: interval.low <= SEVERE_ABOVE_PERCENT and interval.high >= MODERATE_FROM_PERCENT,
        Grade.C: interval.high > SEVERE_ABOVE_PERCENT,
    }
    return tuple(grade for grade, meets in met.items() if meets)


def _moved(labels: Volume, lesion: Box) -> tuple[float, float]:
    """The voxels that the necrosis loses when its margin moves inwards, and gains outwards, fractions included."""
    steps, shares = _shares(labels.grid)
    layers = steps.max(axis=0).tolist()
    near = crop_with_border(labels.array, expand(lesion, layers), layers)
    # Read flat, a step is a fixed way, and the layers of background keep it from running into the next row.
    ways = steps @ (near.shape[1] * near.shape[2], near.shape[2], 1)
    necrotic, viable = (near.ravel() == label for label in (Label.NECROSIS, Label.VIABLE_HEAD))
    return _lost(necrotic, viable, ways, shares), _lost(viable, necrotic, ways, shares)


def _lost(of: BoolArray, to: BoolArray, ways: IntArray, shares: FloatArray) -> float:
    """The voxels that one region loses to another; the nearest voxel there decides the share, short steps first."""
    pending, lost = np.flatnonzero(of), 0.0
    for way, share in zip(ways, shares, strict=True):
        reached = to[pending + way]
        lost += float(share) * np.count_nonzero(reached)
        pending = pending[~reached]
    return lost


def _shares(grid: Grid) -> tuple[IntArray, FloatArray]:
    """Steps (n, 3) to the nearest voxel across the margin, shortest first, and the share of a voxel that each costs.

    Of steps of one length the one along the larger spacing decides, so that a mirrored hip has the same interval.
    """
    spacing = np.array(grid.spacing_mm)
    shift = MARGIN_VOXELS * spacing.mean()
    most = np.minimum((shift + spacing.max()) / spacing, grid.size).astype(int)  # nothing is lost to what lies farther
    steps = np.argwhere(np.ones(2 * most + 1)) - most
    steps = steps[steps.any(axis=1)]
    distance = np.linalg.norm(steps * spacing, axis=1)
    thickness = np.linalg.norm(steps * spacing**2, axis=1) / distance  # of a voxel in this direction
    depth = distance - thickness / 2  # the margin lies midway between two centres
    shares = np.clip((shift - depth) / thickness + 0.5, 0, 1)
    order = np.lexsort([-thickness, distance.round(9)])
    order = order[: np.flatnonzero(shares[order])[-1] + 1]
    return steps[order], shares[order]
