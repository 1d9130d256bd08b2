"""Modified Kerboul angles: necrotic arcs of the mid-coronal and mid-sagittal slices, and where they end.

Both slices run through the centre of the fitted sphere in patient axes, and angles are seen from that centre. Zero
degrees is straight up, the apex of the head. Rays find the arcs to a voxel, as `HeadSurface` tells; each end is then
where the lesion's margin, carried on to the sphere, crosses it (see `lesion_margin`). A collapsed head is given as it
was before it sank (see `collapse`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.anatomy import NECK_DEG, SUBCHONDRAL_MM
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import BoolArray
from postprocessing.measurement.head_surface import HeadSurface
from postprocessing.measurement.lesion_margin import HeadVoxels, LocalMargin
from postprocessing.measurement.necrotic_arc import Arc, Bound, Stretch
from postprocessing.measurement.surface_rays import cast_rays
from postprocessing.uncertainty.margin_interval import MARGIN_VOXELS

ARC_STEP_DEG = 0.5

KERBOUL_FROM_DEG = (200, 250, 300)
"""Where grades 2, 3 and 4 begin. Ha YC et al. J Bone Joint Surg Am 2006;88 Suppl 3:35."""

FOOT_DEG = 180.0
"""Where the sagittal slice is opened: straight down, into the neck."""

LEAST_STEEPNESS = 0.25
"""A margin more oblique to the surface than this moves an end as if it were this oblique; ours, 14 degrees."""

_TO_LEFT, _TO_FRONT = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class NecroticArcs:
    """The necrotic arcs of a head.

    Args:
        coronal: Of the mid-coronal slice, towards the patient's left.
        sagittal: Of the mid-sagittal slice, towards the front.
    """

    coronal: Arc
    sagittal: Arc

    @property
    def combined_deg(self) -> float:
        """The modified Kerboul combined necrotic angle (Ha 2006)."""
        return self.coronal.degrees + self.sagittal.degrees

    @property
    def combined_low_deg(self) -> float:
        """The same with the lesion's margin half a mean voxel further in, and `combined_high_deg` further out."""
        return self.coronal.low_deg + self.sagittal.low_deg

    @property
    def combined_high_deg(self) -> float:
        """See `combined_low_deg`."""
        return self.coronal.high_deg + self.sagittal.high_deg

    @property
    def anterior(self) -> Bound | None:
        """The anterior necrotic angle: from the vertical to the anterior end of the sagittal arc, positive in front.

        Not the angle of Kubo (Int Orthop 2018;42:1449), which is measured from the midline of the neck on a
        mid-oblique slice: a mask does not show that line, and limits for the one do not hold for the other.
        """
        return self.sagittal.end(FOOT_DEG)

    def lateral(self, side: Side) -> Bound | None:
        """The lateral necrotic angle: from the vertical to the lateral end of the coronal arc, positive to lateral."""
        lateral = self.coronal if side is Side.LEFT else self.coronal.turned()
        return lateral.end(NECK_DEG)


def necrotic_arcs(surface: HeadSurface) -> NecroticArcs:
    """The necrotic arcs about the centre of the fitted sphere; empty without necrosis at the articular surface."""
    voxels = HeadVoxels.of(surface.mask, surface.sphere)
    return NecroticArcs(*(Arc(tuple(_stretches(surface, voxels, side))) for side in (_TO_LEFT, _TO_FRONT)))


def kerboul_grade(combined_deg: float) -> int:
    """Grade 1 below 200, 2 from 200, 3 from 250, 4 from 300 degrees."""
    return 1 + sum(combined_deg >= limit for limit in KERBOUL_FROM_DEG)


def _stretches(surface: HeadSurface, voxels: HeadVoxels, across: FloatArray) -> Iterator[Stretch]:
    turn = np.deg2rad(np.arange(ARC_STEP_DEG / 2, 360, ARC_STEP_DEG))[:, None]
    rays = cast_rays(surface.mask, surface.sphere, np.sin(turn) * across + np.cos(turn) * _UP)
    articular = surface.articular(rays)
    a_voxel = math.degrees(max(surface.mask.grid.spacing_mm) / surface.sphere.radius_mm)
    involved = _closed(articular & rays.involved, articular, round(a_voxel / ARC_STEP_DEG))
    if involved.all():
        yield Stretch(Bound(0), Bound(360))
    for first, last in _runs(involved):
        inside = np.arange(first, last + 1) % len(turn)
        covered = bool(rays.covered[inside].mean() > 0.5)
        bounds = [_Crossing(surface, voxels, across, covered, sign) for sign in (1, -1)]
        start, end = first * ARC_STEP_DEG, (last + 1) * ARC_STEP_DEG
        yield Stretch(
            bounds[0].near(start) if articular[first - 1] else Bound(start),
            bounds[1].near(end) if articular[(last + 1) % len(turn)] else Bound(end),
        )


@dataclass(frozen=True, eq=False)
class _Crossing:
    """Where the lesion's margin crosses the sphere in a slice.

    Args:
        surface: The head.
        voxels: Its voxels.
        across: The direction at 90 degrees of the slice.
        covered: Whether viable head covers the lesion, which then tells nothing of its margin.
        sign: 1 where the lesion lies towards greater angles, -1 where it lies towards smaller ones.
    """

    surface: HeadSurface
    voxels: HeadVoxels
    across: FloatArray
    covered: bool
    sign: int

    def near(self, degrees: float) -> Bound:
        """The crossing near an angle; that angle itself where no margin can be fitted."""
        radius, grid = self.surface.sphere.radius_mm, self.surface.mask.grid
        turn = math.radians(degrees)
        outward = math.sin(turn) * self.across + math.cos(turn) * _UP
        along = math.cos(turn) * self.across - math.sin(turn) * _UP
        voxels = self.voxels.near(radius * outward, radius - SUBCHONDRAL_MM if self.covered else np.inf)
        axes = np.stack([along, -outward, np.cross(outward, along)], axis=1)
        places = (voxels.place_mm - radius * outward) @ axes  # along the slice, inward, and across the slice
        margin = LocalMargin.fit(places, voxels.necrotic, voxels.reach_mm)
        shift = MARGIN_VOXELS * float(np.mean(grid.spacing_mm)) / radius
        if margin is None or margin.rises != (self.sign > 0):
            return Bound(degrees, math.degrees(shift / LEAST_STEEPNESS))
        most = min(voxels.reach_mm, radius / 2)
        moved = np.clip(margin.crossing_mm(), -most, most)
        inward = radius - np.sqrt(radius**2 - moved**2)  # where the sphere lies there
        moved = np.clip(margin.crossing_mm(inward), -most, most)
        shift /= max(margin.steepness, LEAST_STEEPNESS)
        return Bound(degrees + math.degrees(math.asin(float(moved) / radius)), math.degrees(shift))


def _closed(involved: BoolArray, articular: BoolArray, most: int) -> BoolArray:
    """Close gaps (n, all around) of at most so many directions between involved ones: the steps of voxels."""
    if not involved.any() or not most:
        return involved
    closed = involved.copy()
    for first, last in _runs(~involved):
        gap = np.arange(first, last + 1) % len(involved)
        if len(gap) <= most and articular[gap].all():
            closed[gap] = True
    return closed


def _runs(true: BoolArray) -> Iterator[tuple[int, int]]:
    """First and last index of each run of True, all around: the last one may be beyond the end."""
    starts = np.flatnonzero(true & ~np.roll(true, 1))
    ends = np.flatnonzero(true & ~np.roll(true, -1))
    for start in starts:
        after = ends[ends >= start]
        yield int(start), int(after[0] if after.size else ends[0] + len(true))
