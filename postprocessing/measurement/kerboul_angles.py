"""Modified Kerboul angles: necrotic arcs of the mid-coronal and mid-sagittal slices, and where they end.

Both slices run through the centre of the fitted sphere in patient axes, and angles are seen from that centre. What
counts as a necrotic direction says `surface_rays`. Zero degrees is straight up, the apex of the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.anatomy import NECK_DEG
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import BoolArray
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import Sphere
from postprocessing.measurement.surface_rays import cast_rays

ARC_STEP_DEG = 0.5

KERBOUL_FROM_DEG = (200, 250, 300)
"""Where grades 2, 3 and 4 begin. Ha YC et al. J Bone Joint Surg Am 2006;88 Suppl 3:35."""

FOOT_DEG = 180.0
"""Where the sagittal slice is opened: straight down, into the neck."""

_TURN_DEG = np.arange(ARC_STEP_DEG / 2, 360, ARC_STEP_DEG)


@dataclass(frozen=True, eq=False)
class Arc:
    """The necrotic directions of a slice, `ARC_STEP_DEG` apart, all around from the apex towards one side."""

    involved: BoolArray

    @property
    def degrees(self) -> float:
        """The sum of all necrotic directions; two separate lesions add up."""
        return ARC_STEP_DEG * int(self.involved.sum())

    def turned(self) -> Arc:
        """The same arc, counted from the apex towards the other side."""
        return Arc(self.involved[::-1])

    def end_deg(self, opened_deg: float) -> float | None:
        """How far the arc reaches from the apex; negative when it ends before the apex.

        Args:
            opened_deg: Where the circle is opened; angles run from 360 degrees below to here.

        Returns:
            The angle; None when no direction is necrotic.
        """
        if not self.involved.any():
            return None
        angle = np.where(opened_deg < _TURN_DEG, _TURN_DEG - 360, _TURN_DEG)
        return float(angle[self.involved].max() + ARC_STEP_DEG / 2)


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
    def anterior_deg(self) -> float | None:
        """The anterior necrotic angle: from the vertical to the anterior end of the sagittal arc, positive in front.

        Not the angle of Kubo (Int Orthop 2018;42:1449), which is measured from the midline of the neck on a
        mid-oblique slice: a mask does not show that line, and limits for the one do not hold for the other.
        """
        return self.sagittal.end_deg(FOOT_DEG)

    def lateral_deg(self, side: Side) -> float | None:
        """The lateral necrotic angle: from the vertical to the lateral end of the coronal arc, positive to lateral."""
        lateral = self.coronal if side is Side.LEFT else self.coronal.turned()
        return lateral.end_deg(NECK_DEG)


def necrotic_arcs(mask: Volume, sphere: Sphere) -> NecroticArcs:
    """The necrotic arcs about the centre of the fitted sphere; empty without necrosis at the articular surface.

    Args:
        mask: Labels (z, y, x) of a head within one layer of background.
        sphere: The sphere of its articular surface.
    """
    turn = np.deg2rad(_TURN_DEG)
    none, across, up = np.zeros_like(turn), np.sin(turn), np.cos(turn)
    left, front = np.stack([across, none, up], axis=1), np.stack([none, -across, up], axis=1)
    return NecroticArcs(*(Arc(cast_rays(mask, sphere, directions).involved) for directions in (left, front)))


def kerboul_grade(combined_deg: float) -> int:
    """Grade 1 below 200, 2 from 200, 3 from 250, 4 from 300 degrees."""
    return 1 + sum(combined_deg >= limit for limit in KERBOUL_FROM_DEG)
