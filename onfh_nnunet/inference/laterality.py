"""Laterality of heads: decided from shape, position or the user's choice; contradictions are errors."""

from __future__ import annotations

from collections.abc import Sequence

from onfh_nnunet.core.errors import HipNotFound, SideError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.scan_half import side_of_place
from onfh_nnunet.inference.locator import LocatedHead

CLEAR_RIGHTNESS = 0.75
"""From here on a head is surely a right one, and up to 1 minus it surely a left one; between them, nobody knows."""


def sides_of_pair(seen: Sequence[LocatedHead], case: object) -> tuple[Side, Side]:
    """The sides of two heads by the patient's axes, right before left.

    Raises:
        SideError: Both look like a head of the other side.
    """
    right, left = seen
    if right.rightness < 1 - CLEAR_RIGHTNESS and left.rightness > CLEAR_RIGHTNESS:
        problem = "shows hips that look mirrored: a left hip lies on the patient's right"
        raise SideError(case, problem, "Check the orientation in the file's header")
    return Side.RIGHT, Side.LEFT


def side_of_head(head: LocatedHead, grid: Grid, side: Side | None, case: object) -> Side:
    """The side of a scan's only head: as given, or by its shape.

    Raises:
        HipNotFound: It looks like one of the other side than was given, and lies there.
        SideError: It looks like neither, or like one of the side where it does not lie.
    """
    unclear = 1 - CLEAR_RIGHTNESS < head.rightness < CLEAR_RIGHTNESS
    lies = side_of_place(grid, float(head.centre_mm[0]))
    if side is not None:
        if not unclear and head.side is lies is side.other:
            raise HipNotFound(case, f"shows no hip on side {side}", "Leave out `side`")
        return side
    if unclear:
        problem = "does not show clearly whether this is a left or a right hip"
        raise SideError(case, problem, "Give `side` L or R")
    if lies not in (None, head.side):
        problem = f"shows a hip that looks like {head.side} where the patient's {lies} is"
        raise SideError(case, problem, "Check the orientation in the file's header, or give `side`")
    return head.side
