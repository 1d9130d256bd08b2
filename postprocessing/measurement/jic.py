"""JIC type (Japanese Investigation Committee): how far the lesion reaches into the weight-bearing surface.

Sugano N et al. J Orthop Sci 2002;7:601; see also Kuroda Y et al. Bone Joint Res 2019;8:451. On the mid-coronal slice
the weight-bearing surface is the part of the acetabulum lateral to where the perpendicular bisector of the line from
its lateral edge to the lower end of the teardrop crosses it. Type A stays within its medial third, B within its medial
two thirds, C reaches further: C1 not beyond the acetabular edge, C2 beyond it.

Our reading of it: the acetabulum is the circle through its edge about the centre of the head; landmarks are laid onto
the mid-coronal slice along front-back; all is measured as angles about the centre of the head, 0 at the apex and
positive to lateral; and how far a lesion reaches is where it ends laterally.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onfh_nnunet.core.anatomy import EDGE_FROM_CENTRE_MM, HEAD_RADIUS_MM
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import FloatArray, Triple
from onfh_nnunet.core.hip import Side
from postprocessing.measurement.landmarks import Landmarks
from postprocessing.measurement.possible_types import possible_types


class JicType(StrEnum):
    """The types in order of severity."""

    A = "A"
    B = "B"
    C1 = "C1"
    C2 = "C2"


FIVE_YEAR_COLLAPSE_PERCENT = {JicType.A: 0.0, JicType.B: 7.9, JicType.C1: 36.6, JicType.C2: 84.8}
"""Hips that collapsed within five years: Kuroda Y et al. Bone Joint Res 2019;8:451, 505 hips. Shares of that cohort,
and no patient's risk."""


@dataclass(frozen=True)
class WeightBearing:
    """The ends of the weight-bearing surface, in degrees from the apex to lateral.

    Args:
        medial_deg: Where the bisector crosses the acetabulum.
        edge_deg: The lateral edge of the acetabulum.
    """

    medial_deg: float
    edge_deg: float


def weight_bearing(case: object, landmarks: Landmarks, centre_mm: Triple, side: Side) -> WeightBearing:
    """The weight-bearing surface of a hip.

    Args:
        case: What the message names.
        landmarks: Acetabular edge and teardrop.
        centre_mm: Centre of the head, LPS.
        side: The patient's side.

    Raises:
        GeometryError: The landmarks are not those of this hip: too far from the head, or the teardrop is not medial to
            and below the edge, or the bisector does not cross the acetabulum.
    """
    edge, teardrop = (_in_slice(case, point, centre_mm, side) for point in (landmarks.edge_mm, landmarks.teardrop_mm))
    radius, chord = np.linalg.norm(edge), teardrop - edge
    if not EDGE_FROM_CENTRE_MM[0] <= radius <= EDGE_FROM_CENTRE_MM[1] or not (chord < 0).all():
        raise _misplaced(case, f"edge and teardrop lie {_shown(edge)} and {_shown(teardrop)}")
    # A point of the circle at angle t is on the bisector where radius * |chord| * cos(t - direction) equals this.
    halfway = (teardrop @ teardrop - edge @ edge) / 2
    cosine = halfway / (radius * np.linalg.norm(chord))
    if abs(cosine) > 1:
        raise _misplaced(case, f"the teardrop lies {_shown(teardrop)}, and the bisector misses the acetabulum")
    edge_deg, direction = (math.degrees(math.atan2(lateral, up)) for lateral, up in (edge, chord))
    opening = math.degrees(math.acos(cosine))
    # Of the two crossings, the first that is met from the edge over the roof to medial.
    way = min((edge_deg - direction - sign * opening) % 360 for sign in (-1, 1))
    return WeightBearing(edge_deg - way, edge_deg)


def jic_type(lateral_deg: float, surface: WeightBearing, ties: JicTies = JicTies.MINISTRY) -> JicType:
    """The type of a lesion by its lateral necrotic angle; thirds are compared exactly, so a tie stays a tie."""
    if lateral_deg > surface.edge_deg:
        return JicType.C2
    reached, whole = 3 * (lateral_deg - surface.medial_deg), surface.edge_deg - surface.medial_deg
    ministry = ties is JicTies.MINISTRY
    if reached < whole or (reached == whole and not ministry):
        return JicType.A
    return JicType.B if reached < 2 * whole or (reached == 2 * whole and not ministry) else JicType.C1


def possible_jic_types(
    low_deg: float, high_deg: float, surface: WeightBearing, ties: JicTies = JicTies.MINISTRY
) -> str:
    """Every type of a lesion whose lateral angle lies between two, such as ``B/C1``."""
    third = (surface.edge_deg - surface.medial_deg) / 3
    limits = [surface.medial_deg + third, surface.medial_deg + 2 * third, surface.edge_deg]
    return possible_types(low_deg, high_deg, limits, lambda lateral_deg: jic_type(lateral_deg, surface, ties))


def _in_slice(case: object, point_mm: Triple, centre_mm: Triple, side: Side) -> FloatArray:
    """Lateral and superior coordinates in mm, from the centre of the head."""
    left, back, up = (float(p - c) for p, c in zip(point_mm, centre_mm, strict=True))
    if abs(back) > HEAD_RADIUS_MM:
        raise _misplaced(case, f"a point lies {abs(back):.0f} mm in front of or behind the head's centre")
    return np.array([left if side is Side.LEFT else -left, up])


def _shown(point: FloatArray) -> str:
    return f"{point[0]:.0f} mm to lateral and {point[1]:.0f} mm up of the head's centre"


def _misplaced(case: object, got: str) -> GeometryError:
    problem = f"has landmarks that do not fit this head: {got}"
    return GeometryError(case, problem, "Check the case id, the side, and that positions are LPS in mm")
