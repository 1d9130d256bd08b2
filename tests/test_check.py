import numpy as np
import pytest
from dicom_files import LEFT, PELVIS, RIGHT, ball, both_heads, head, noise

from dataset_conversion.check import check_hip
from dataset_conversion.hips import cut_hips
from onfh_nnunet.volume import Volume


def warnings(array, side, grid=PELVIS):
    (hip,) = cut_hips(noise(grid), Volume(array, grid), side, "case")
    return check_hip(hip, "P001_R")


def test_plausible_hips_are_silent():
    assert [check_hip(hip, "P001_R") for hip in cut_hips(noise(), both_heads(), "B", "case")] == [[], []]


def test_head_without_necrosis_is_silent():
    assert warnings(head(PELVIS, RIGHT), "R") == []


@pytest.mark.parametrize("radius", [10, 27])
def test_implausible_volume(radius):
    (warning,) = warnings(ball(PELVIS, RIGHT, radius).astype(np.uint8), "R")
    assert warning.startswith("P001_R: the head has")
    assert "expected 22 to 65 ml" in warning


def test_head_at_the_border_of_the_scan():
    grid = PELVIS.part((0, 0, 9), (24, 28, 40))
    (warning,) = warnings(head(grid, RIGHT), "R", grid)
    assert "touches the border" in warning


def test_second_part_and_far_voxels():
    array = head(PELVIS, RIGHT)
    array[ball(PELVIS, (RIGHT[0], -38, 0), 4.0)] = 1
    array[ball(PELVIS, (20, 0, 0), 4.0)] = 1
    parts, far = warnings(array, "R")
    assert "2 separate parts" in parts
    assert "left out" in far


@pytest.mark.parametrize(("side", "centre"), [("L", RIGHT), ("R", LEFT)])
def test_side_against_the_field_of_view(side, centre):
    (warning,) = warnings(head(PELVIS, centre), side)
    assert f"labelled {side} and lies in the other half" in warning


def test_narrow_field_of_view_says_nothing_about_the_side():
    grid = PELVIS.part((0, 0, 2), (24, 28, 40))
    assert warnings(head(grid, RIGHT), "L", grid) == []
