"""What tells whether a predicted hip is like others: its voxels, its contrast, and how sure the network is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True)
class HipTraits:
    """Traits of one predicted hip.

    Args:
        thickest_mm: The largest spacing of the scan's voxels.
        head_grey_sd: Median grey value of the head, in standard deviations of its box from the box's mean: above 0
            where marrow is bright (T1), below where its fat is suppressed.
        head_score: Roundness times certainty of the head, from 0 to 1.
        unsure_percent: Voxels of the head that the network calls necrotic with a probability of 0.1 to 0.9, in percent
            of the head.
    """

    thickest_mm: float
    head_grey_sd: float
    head_score: float
    unsure_percent: float

    @classmethod
    def of(cls, row: object) -> Self | None:
        """The traits in a row of a table with their columns; None where one is empty, as for a mask."""
        values = {field.name: getattr(row, field.name) for field in fields(cls)}
        return None if None in values.values() else cls(**values)
