"""In which half of a scan a point lies: the patient's right or left one, where the scan is wide enough to tell."""

from __future__ import annotations

from onfh_nnunet.core.anatomy import BOTH_HIPS_WIDTH_MM, OFF_MIDDLE_MM
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS, HipCrop


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
    to_left = x_mm - float(scan.corners_mm()[:, 0].mean())
    if not shows_both_hips(scan) or abs(to_left) <= OFF_MIDDLE_MM:
        return None
    return Side.LEFT if to_left > 0 else Side.RIGHT
