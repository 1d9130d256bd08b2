"""Which of the patient's sides a head shows.

Its place shows it surely in a scan of both hips, and probably in any other one; so does its neck, which is lateral.
"""

from __future__ import annotations

from dataclasses import dataclass

from onfh_nnunet.core.anatomy import BOTH_HIPS_WIDTH_MM, LOCATED_HEADS_APART_MM, NECK_TO_SIDE, OFF_MIDDLE_MM
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS, HipCrop

FARTHEST_MM = LOCATED_HEADS_APART_MM[1] / 2 + OFF_MIDDLE_MM
"""A head farther from the scanner's middle than this lies in no scanner's coordinates. Ours: of two heads that are as
far apart as can be, in a patient who lies as far off the middle."""


@dataclass(frozen=True)
class SideDoubt:
    """A contradiction of a stated side and the place or the shape of the head.

    Args:
        certain: Whether the place is certain: then the statement is wrong, or the header.
        place: Where the head lies, such as "lies 85 mm to the patient's right of the scanner's middle"; or where its
            neck points.
    """

    certain: bool
    place: str


def width_mm(scan: Grid) -> float:
    """The field of view along the axis that runs from the patient's right to the left, or nearest to it."""
    upright = HipCrop.whole(scan).grid
    return upright.size[LEFT_RIGHT_AXIS] * upright.spacing_mm[LEFT_RIGHT_AXIS]


def shows_both_hips(scan: Grid) -> bool:
    """Whether a scan is so wide that it shows both hips, and its middle is near the patient's."""
    return width_mm(scan) >= BOTH_HIPS_WIDTH_MM


def side_of_place(scan: Grid, x_mm: float) -> Side | None:
    """The patient's side on which a head's centre lies.

    Args:
        scan: The grid of the whole scan.
        x_mm: The first of the centre's LPS coordinates, which grows to the patient's left.

    Returns:
        The side; None near the middle, or where the scan does not show both hips.
    """
    return _side(_to_left_of_middle(scan, x_mm)) if shows_both_hips(scan) else None


def likely_side(scan: Grid, x_mm: float) -> Side | None:
    """The side on which a head in a scan of one hip probably lies: a patient lies in the scanner's middle, x = 0.

    Args:
        scan: The grid of the scan, or of a part of it.
        x_mm: As for `side_of_place`.

    Returns:
        The side; None near the middle or too far from it, and for a grid that begins at 0, as a file does whose place
        in the scanner nobody stated.
    """
    edges = scan.corners_mm()[:, 0]
    return None if 0 in (edges.min(), edges.max()) or abs(x_mm) > FARTHEST_MM else _side(x_mm)


def side_doubt(scan: Grid, x_mm: float, stated: Side) -> SideDoubt | None:
    """How the place of a head contradicts the side that a name, a table or a user states; None where it does not.

    Args:
        scan: The grid of the scan, or of a part of it.
        x_mm: As for `side_of_place`.
        stated: The side.
    """
    if shows_both_hips(scan):
        to_left = _to_left_of_middle(scan, x_mm)
        place = f"lies in the other half of the scan, {_off(to_left)} of its middle"
        return SideDoubt(True, place) if _side(to_left) is stated.other else None
    place = f"lies {_off(x_mm)} of the scanner's middle"
    return SideDoubt(False, place) if likely_side(scan, x_mm) is stated.other else None


def neck_doubt(to_left: float, stated: Side) -> SideDoubt | None:
    """How the neck of a head contradicts a stated side; None where it does not, or points to neither side.

    Args:
        to_left: The first component (LPS) of the neck's direction, a unit vector away from the head.
        stated: The side.
    """
    if abs(to_left) < NECK_TO_SIDE or (to_left > 0) is (stated is Side.LEFT):
        return None
    return SideDoubt(False, f"has its neck on the patient's {'left' if to_left > 0 else 'right'}")


def _to_left_of_middle(scan: Grid, x_mm: float) -> float:
    return x_mm - float(scan.corners_mm()[:, 0].mean())


def _side(to_left_mm: float) -> Side | None:
    return None if abs(to_left_mm) <= OFF_MIDDLE_MM else Side.LEFT if to_left_mm > 0 else Side.RIGHT


def _off(to_left_mm: float) -> str:
    return f"{abs(to_left_mm):.0f} mm to the patient's {'left' if to_left_mm > 0 else 'right'}"
