"""Extent of necrosis in whole voxels: the only source of percentages and Steinberg grades."""

from __future__ import annotations

from dataclasses import dataclass

from onfh_nnunet.core.steinberg import Grade, steinberg_grade


def percent_of(necrosis: float, head: float) -> float:
    """Necrosis in percent of a head, or of a part or a model of it, from unrounded amounts in any one unit."""
    return 100 * necrosis / head


@dataclass(frozen=True)
class Extent:
    """Voxels of a head, necrosis included, and of its necrosis; and the volume of one voxel."""

    head: int
    necrosis: int
    voxel_ml: float

    @property
    def head_ml(self) -> float:
        """The volume of the head, necrosis included."""
        return self.head * self.voxel_ml

    @property
    def necrosis_ml(self) -> float:
        """The volume of the necrosis."""
        return self.necrosis * self.voxel_ml

    @property
    def percent(self) -> float | None:
        """Necrosis in percent of the head, not rounded; None without a head."""
        return percent_of(self.necrosis, self.head) if self.head else None

    @property
    def grade(self) -> Grade:
        """Steinberg's grade of the whole voxel counts; ``Grade.NONE`` without necrosis or without a head."""
        return steinberg_grade(self.necrosis, self.head) if self.head else Grade.NONE
