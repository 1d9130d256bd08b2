"""Steinberg's grade of extent: the necrotic share of the femoral head.

Steinberg ME, Hayken GD, Steinberg DR. J Bone Joint Surg Br 1995;77:34-41: A mild, below 15 %; B moderate, 15 to
30 %; C severe, above 30 % of the head. Both ties belong to B. The letter is the extent; the stage (0 to VI) needs
radiographs and never follows from a mask. A head without necrosis has no grade.
"""

from __future__ import annotations

from enum import StrEnum

MODERATE_FROM_PERCENT = 15
SEVERE_ABOVE_PERCENT = 30


class Grade(StrEnum):
    """Steinberg's letter, or none for a head without necrosis; in order of severity."""

    NONE = "none"
    A = "A"
    B = "B"
    C = "C"


def steinberg_grade(necrosis: float, head: float) -> Grade:
    """The grade of a lesion, from unrounded amounts in any one unit (ml, mm3, voxels).

    Args:
        necrosis: Amount of necrosis inside the head.
        head: Amount of head, necrosis included.

    Returns:
        The grade; ``Grade.NONE`` when there is no necrosis.

    Raises:
        ValueError: The head is empty, or the necrosis is not a part of it.
    """
    if not 0 <= necrosis <= head or head <= 0:
        raise ValueError(f"necrosis {necrosis} is not part of a head of {head}")
    if necrosis == 0:
        return Grade.NONE
    # Multiplied out, so that whole voxel counts are compared exactly and a tie stays a tie.
    if 100 * necrosis < MODERATE_FROM_PERCENT * head:
        return Grade.A
    return Grade.B if 100 * necrosis <= SEVERE_ABOVE_PERCENT * head else Grade.C
