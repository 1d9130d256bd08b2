"""Uncertainty interval of the percentage when the contour moves by a margin, and the Steinberg grades within it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, Grade
from postprocessing.metrics.border_area import border_area_mm2

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

    The margin is the border of necrosis and viable head; the head and its surface stay. What the necrosis loses or
    gains is a layer on the margin's area A: moved by s, it is A s -+ (A s)^2 / 4 V, with the volume V of the smaller of
    necrosis and viable head. The second term is that of a flat cap at the surface, of which nothing is left when the
    margin has moved by its height; it is small for all that is thick.

    Against caps of spheres whose margin is moved both ways in closed form, the width is within -10 to +5 % for caps of
    10 mm and more. For thinner ones it is within -20 to +25 % at spacings of 1.0 to 1.25 mm, and within -55 to +40 %,
    or 0.7 points, in slices of 3 mm. The interval holds the percentage itself. It is (0, 0) without necrosis and
    (100, 100) without viable head, where there is no margin.

    Args:
        hip: One hip, from `clean` or `require_hip_labels`.

    Raises:
        LabelError: There is no head.
    """
    labels, counts = hip.head, hip.extent
    head, necrosis = (count * labels.grid.voxel_ml * 1000 for count in (counts.head, counts.necrosis))
    smaller = min(necrosis, head - necrosis)
    if smaller == 0:
        only = 100.0 if necrosis else 0.0
        return PercentInterval(only, only, IntervalMethod.MARGIN)
    spacing = float(np.mean(labels.grid.spacing_mm))
    measured = border_area_mm2(labels.array, Label.NECROSIS, Label.VIABLE_HEAD, labels.grid.spacing_mm)
    layer = MARGIN_VOXELS * spacing * _area_of_cap(measured, smaller, spacing)
    bend = layer**2 / (4 * smaller)
    shrunk, grown = (layer - bend if layer < 2 * smaller else smaller), layer + bend
    lost, gained = (shrunk, grown) if necrosis == smaller else (grown, shrunk)
    return PercentInterval(
        max(percent_of(necrosis - lost, head), 0.0),
        min(percent_of(necrosis + gained, head), 100.0),
        IntervalMethod.MARGIN,
    )


def possible_grades(interval: PercentInterval, least_percent: float = 0.0) -> tuple[Grade, ...]:
    """Every grade within an interval, in order of severity; both limits belong to B.

    Args:
        interval: The interval.
        least_percent: The least lesion that is graded, see `Extent`: none is 0, or anything less.
    """
    if interval.high < least_percent:
        return (Grade.NONE,)
    met = {
        Grade.NONE: interval.low == 0 or interval.low < least_percent,
        Grade.A: interval.low < MODERATE_FROM_PERCENT and interval.high > 0,
        Grade.B: interval.low <= SEVERE_ABOVE_PERCENT and interval.high >= MODERATE_FROM_PERCENT,
        Grade.C: interval.high > SEVERE_ABOVE_PERCENT,
    }
    return tuple(grade for grade, meets in met.items() if meets)


def _area_of_cap(measured: float, volume: float, spacing: float) -> float:
    """The area of a margin, in mm2, from the measured one, which lacks the rim where necrosis is thinner than a voxel.

    Of a flat cap of area A and volume V, whose thickness is spread evenly from 0 to its height, voxels of a spacing d
    show A - A^2 d / 4 V, which is solved for A; it is no more than that of a cap of the height of a voxel, 2 V / d.
    """
    return 2 * volume / spacing * (1 - math.sqrt(max(1 - measured * spacing / volume, 0.0)))
