"""The lesion on the sphere of its head, as paths of an SVG.

Lambert's azimuthal equal-area projection, seen from above like an axial slice: the apex in the middle, the front up,
the patient's right on the viewer's left, the lowest point at the rim. Equal areas of the sphere are equal areas of the
map, so the orange share of the map without the neck is the necrotic share of the surface.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.hip import Side
from postprocessing.measurement.surface_map import SurfaceState

RADIUS = 100.0
"""Of the map, in units of its SVG."""


@dataclass(frozen=True)
class LesionMap:
    """What of the map is drawn.

    Args:
        necrotic: Path of the necrotic surface; empty without any.
        viable: Path of the viable articular surface; the rest is the neck.
    """

    necrotic: str
    viable: str

    @classmethod
    def of(cls, cells: NDArray[np.uint8]) -> LesionMap:
        """The map of the cells (rings, sectors) of `surface_map`."""
        necrotic, viable = (_path(cells == state) for state in (SurfaceState.NECROTIC, SurfaceState.VIABLE))
        return cls(necrotic, viable)


def map_position(latitude_deg: float, longitude_deg: float, side: Side) -> tuple[float, float]:
    """Where a direction lies on the map (right, down).

    Args:
        latitude_deg: 90 straight up.
        longitude_deg: 0 to the front, 90 to lateral.
        side: The patient's side.
    """
    away = RADIUS * math.sin(math.radians(90 - latitude_deg) / 2)
    turn = math.radians(longitude_deg)
    right = away * math.sin(turn)
    return (right if side is Side.LEFT else -right), -away * math.cos(turn)


def _path(inside: NDArray[np.bool_]) -> str:
    """The cells that are inside, as parts of rings."""
    rings = len(inside)
    edges = RADIUS * np.sqrt(np.arange(rings + 1) / rings)  # sin(c / 2) at equal steps of height
    return "".join(
        _ring_part(edges[ring], edges[ring + 1], first, last)
        for ring, row in enumerate(inside)
        for first, last in _runs(row)
    )


def _runs(row: NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
    """The ends, as parts of a turn, of each run of sectors in a ring; a whole ring is two halves."""
    n = len(row)
    if row.all():
        yield from ((0.0, 0.5), (0.5, 1.0))
        return
    starts = np.flatnonzero(row & ~np.roll(row, 1))
    ends = np.flatnonzero(row & ~np.roll(row, -1)) + 1
    if len(ends) and ends[0] <= starts[0]:
        ends = np.roll(ends, -1)
    for start, end in zip(starts, ends, strict=True):
        yield start / n, (end if end > start else end + n) / n


def _ring_part(inner: float, outer: float, first: float, last: float) -> str:
    large = int(last - first > 0.5)
    return (
        f"M{_place(outer, first)}A{outer:.2f} {outer:.2f} 0 {large} 1 {_place(outer, last)}"
        f"L{_place(inner, last)}A{inner:.2f} {inner:.2f} 0 {large} 0 {_place(inner, first)}Z"
    )


def _place(away: float, turn: float) -> str:
    return f"{away * math.cos(2 * math.pi * turn):.2f} {away * math.sin(2 * math.pi * turn):.2f}"
