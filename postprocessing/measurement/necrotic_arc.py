"""An arc of a slice: stretches between two bounds, in degrees from the apex, and how far the bounds may move."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """An end of a stretch.

    Args:
        degrees: From the apex.
        shift_deg: How far it moves with a margin that moves by half a mean voxel; 0 at the rim of the articular
            surface, which is not the lesion's margin.
    """

    degrees: float
    shift_deg: float = 0.0

    @property
    def low_deg(self) -> float:
        """The bound of a lesion whose margin lies further in."""
        return self.degrees - self.shift_deg

    @property
    def high_deg(self) -> float:
        """The bound of a lesion whose margin lies further out."""
        return self.degrees + self.shift_deg


@dataclass(frozen=True)
class Stretch:
    """From its start to its end, both in degrees towards one side; the end may be beyond 360."""

    start: Bound
    end: Bound

    def degrees(self, moved: float = 0.0) -> float:
        """Its length with both ends moved outward by so many shifts."""
        shift = moved * (self.start.shift_deg + self.end.shift_deg)
        return max(self.end.degrees - self.start.degrees + shift, 0.0)


@dataclass(frozen=True)
class Arc:
    """The necrotic stretches of a slice, counted all around from the apex towards one side."""

    stretches: tuple[Stretch, ...] = ()

    @property
    def degrees(self) -> float:
        """The sum of all stretches; two separate lesions add up."""
        return self._sum(0)

    @property
    def low_deg(self) -> float:
        """The same with the lesion's margin half a mean voxel further in."""
        return self._sum(-1)

    @property
    def high_deg(self) -> float:
        """The same with the lesion's margin half a mean voxel further out."""
        return self._sum(1)

    def turned(self) -> Arc:
        """The same arc, counted from the apex towards the other side."""
        return Arc(
            tuple(
                Stretch(Bound(-one.end.degrees, one.end.shift_deg), Bound(-one.start.degrees, one.start.shift_deg))
                for one in self.stretches
            )
        )

    def end(self, opened_deg: float) -> Bound | None:
        """How far the arc reaches from the apex; negative when it ends before the apex.

        Args:
            opened_deg: Where the circle is opened; angles run from 360 degrees below to here.

        Returns:
            The last end; None without a stretch.
        """
        return max((_opened(one, opened_deg) for one in self.stretches), key=lambda end: end.degrees, default=None)

    def _sum(self, moved: float) -> float:
        return min(sum(one.degrees(moved) for one in self.stretches), 360.0)


def _opened(stretch: Stretch, opened_deg: float) -> Bound:
    """The end of a stretch in an opened circle; one that runs across the opening ends there."""
    end = opened_deg - (opened_deg - stretch.end.degrees) % 360
    before = stretch.start.degrees + end - stretch.end.degrees
    return Bound(opened_deg) if before < opened_deg - 360 < end else Bound(end, stretch.end.shift_deg)
