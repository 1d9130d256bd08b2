"""Laterality of heads: decided from shape, position or the user's choice; contradictions are errors."""

from __future__ import annotations

from collections.abc import Sequence

from onfh_nnunet.core.errors import HipNotFound, SideError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.scan_half import side_doubt, side_of_place
from onfh_nnunet.inference.locator import LocatedHead

CLEAR_RIGHTNESS = 0.75
"""From here on a head is surely a right one, and up to 1 minus it surely a left one; between them it is unknown."""


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
        HipNotFound: It surely lies on the other side than was given, and does not look like one of the given side.
        SideError: It looks like neither, or like one of the side where it does not lie.
    """
    looks = _looks(head)
    if side is not None:
        doubt = side_doubt(grid, float(head.centre_mm[0]), side)
        if doubt and doubt.certain and looks is not side:
            raise HipNotFound(case, f"shows no hip on side {side}: its only head {doubt.place}", "Leave out `side`")
        return side
    lies = side_of_place(grid, float(head.centre_mm[0]))
    if looks is None:
        problem = "does not show clearly whether this is a left or a right hip"
        raise SideError(case, problem, "Give `side` L or R")
    if lies not in (None, looks):
        problem = f"shows a hip that looks like {looks} where the patient's {lies} is"
        raise SideError(case, problem, "Check the orientation in the file's header, or give `side`")
    return looks


def contradictions(head: LocatedHead, grid: Grid, side: Side) -> list[str]:
    """Warnings where the shape or the place of a head says another side than the one that was given for it."""
    doubt = side_doubt(grid, float(head.centre_mm[0]), side)
    said = [f"looks like a head of side {side.other}"] if _looks(head) is side.other else []
    said += [doubt.place] if doubt else []
    return [f"read as side {side}, as asked; but it {' and '.join(said)}"] if said else []


def _looks(head: LocatedHead) -> Side | None:
    """The side that the shape of a head shows; None where that is unclear."""
    return None if 1 - CLEAR_RIGHTNESS < head.rightness < CLEAR_RIGHTNESS else head.side
