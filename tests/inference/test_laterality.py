"""The side of a scan's only head: what its shape, its place and the user say, in every combination."""

import numpy as np
import pytest

from onfh_nnunet.core.errors import HipNotFound, SideError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.inference.laterality import contradictions, side_of_head
from onfh_nnunet.inference.locator import LocatedHead
from tests.helpers.dicom_files import PELVIS

WIDE, NARROW = PELVIS, PELVIS.part((0, 0, 2), (24, 28, 40))
RIGHT_PLACE = np.array([-85.0, 0.0, 0.0])
R, L, UNCLEAR = 0.9, 0.1, 0.5


def decided(rightness, grid, asked):
    """The side of a head on the right, and the warnings."""
    head = LocatedHead(RIGHT_PLACE, rightness, 0.9)
    side = side_of_head(head, grid, asked, "scan")
    return side, contradictions(head, grid, side) if asked else []


@pytest.mark.parametrize("grid", [WIDE, NARROW])
@pytest.mark.parametrize(("rightness", "asked"), [(R, None), (R, Side.RIGHT), (UNCLEAR, Side.RIGHT)])
def test_what_agrees_is_taken_without_a_word(grid, rightness, asked):
    assert decided(rightness, grid, asked) == (Side.RIGHT, [])


@pytest.mark.parametrize(
    ("rightness", "grid", "asked", "said"),
    [
        (L, WIDE, Side.RIGHT, "looks like a head of side L"),
        (L, WIDE, Side.LEFT, "lies in the other half of the scan, 85 mm to the patient's right of its middle"),
        (L, NARROW, Side.LEFT, "lies 85 mm to the patient's right of the scanner's middle"),
        (UNCLEAR, NARROW, Side.LEFT, "lies 85 mm to the patient's right of the scanner's middle"),
        (
            R,
            NARROW,
            Side.LEFT,
            "looks like a head of side R and lies 85 mm to the patient's right of the scanner's middle",
        ),
    ],
)
def test_what_is_likely_wrong_is_taken_with_a_warning(rightness, grid, asked, said):
    assert decided(rightness, grid, asked) == (asked, [f"read as side {asked}, as asked; but it {said}"])


@pytest.mark.parametrize("rightness", [R, UNCLEAR])
def test_what_a_certain_place_contradicts_is_refused_unless_the_shape_shows_it(rightness):
    with pytest.raises(HipNotFound, match="no hip on side L: its only head lies in the other half of the scan"):
        decided(rightness, WIDE, Side.LEFT)


def test_without_a_side_shape_and_certain_place_must_agree():
    with pytest.raises(SideError, match="looks like L where the patient's R is"):
        decided(L, WIDE, None)
    with pytest.raises(SideError, match="does not show clearly"):
        decided(UNCLEAR, NARROW, None)
