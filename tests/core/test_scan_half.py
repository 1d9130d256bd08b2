"""Which half of a scan a head lies in."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from dataset_conversion.readers import read_volume
from onfh_nnunet.core.anatomy import BOTH_HIPS_WIDTH_MM, LOCATED_HEADS_APART_MM, OFF_MIDDLE_MM
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.scan_half import (
    FARTHEST_MM,
    likely_side,
    neck_doubt,
    shows_both_hips,
    side_doubt,
    side_of_place,
    width_mm,
)
from tests.helpers.paths import REAL

AXIAL = Grid((40, 100, 130), (4.0, 2.0, 2.0), (-129.0, -99.0, -78.0), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
CORONAL = Grid((40, 100, 130), (4.0, 2.0, 2.0), (-129.0, -78.0, 99.0), ((0, 0, 1), (1, 0, 0), (0, -1, 0)))


@pytest.mark.parametrize("grid", [AXIAL, CORONAL])
def test_width_is_the_field_of_view_whatever_the_plane(grid):
    assert width_mm(grid) == 260.0
    assert shows_both_hips(grid)


def test_narrow_scan_has_no_halves():
    (depth, height, _), narrow = AXIAL.size, int(BOTH_HIPS_WIDTH_MM / 2) - 1
    one_hip = replace(AXIAL, size=(depth, height, narrow))
    assert not shows_both_hips(one_hip)
    assert {side_of_place(one_hip, x) for x in (-100.0, 0.0, 100.0)} == {None}


def test_side_is_the_patients_and_unsaid_near_the_middle():
    far = OFF_MIDDLE_MM + 1
    assert [side_of_place(AXIAL, x) for x in (-far, -OFF_MIDDLE_MM, 0.0, OFF_MIDDLE_MM, far)] == [
        *(Side.RIGHT, None, None, None, Side.LEFT)
    ]
    moved = replace(AXIAL, origin_mm=(71.0, -99.0, -78.0))
    assert side_of_place(moved, 200 - far) is Side.RIGHT


@pytest.mark.real_data
def test_real_scans_of_both_hips_are_wide_and_tell_the_sides():
    folder = REAL / "cptac-ucec-coronal-t1"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set ONFH_TEST_DATA")
    with (folder / "weak_heads.csv").open(encoding="utf-8", newline="") as table:
        heads = list(csv.DictReader(table))
    assert len(heads) == 24
    for head in heads:
        grid = read_volume(folder / f"{head['patient']}.nii.gz").grid
        assert side_of_place(grid, float(head["x_lps"])) == head["side"]
    x = np.array([float(head["x_lps"]) for head in heads]).reshape(-1, 2)
    apart = np.abs(np.diff(x))
    assert ((apart > LOCATED_HEADS_APART_MM[0]) & (apart < LOCATED_HEADS_APART_MM[1])).all()
    narrowest = read_volume(REAL / "prostatex-pelvis-mr" / "derived-weak" / "vibe_fa20.nii.gz").grid
    assert round(width_mm(narrowest)) == 260
    assert shows_both_hips(narrowest)


def test_in_a_scan_of_one_hip_the_side_is_likely_by_the_middle_of_the_scanner():
    (depth, height, _) = AXIAL.size
    right = replace(AXIAL, size=(depth, height, 60), origin_mm=(-150.0, -99.0, -78.0))
    assert [likely_side(right, x) for x in (-85.0, -31.0, -29.0, 29.0, 31.0, 85.0)] == [
        *(Side.RIGHT, Side.RIGHT, None, None, Side.LEFT, Side.LEFT)
    ]
    assert likely_side(right, -FARTHEST_MM - 1) is None
    nowhere = replace(right, origin_mm=(0.0, -99.0, -78.0))
    assert likely_side(nowhere, 60.0) is None
    backwards = replace(right, origin_mm=(0.0, 0.0, 0.0), direction=((0, 0, -1), (0, -1, 0), (1, 0, 0)))
    assert likely_side(backwards, -60.0) is None


def test_contradiction_is_certain_in_a_wide_scan_and_likely_in_a_narrow_one():
    wide = side_doubt(AXIAL, -85.0, Side.LEFT)
    assert (wide.certain, wide.place) == (
        *(True, "lies in the other half of the scan, 85 mm to the patient's right of its middle"),
    )
    narrow = replace(AXIAL, size=(40, 100, 60))
    likely = side_doubt(narrow, -85.0, Side.LEFT)
    assert (likely.certain, likely.place) == (False, "lies 85 mm to the patient's right of the scanner's middle")
    for grid in (AXIAL, narrow):
        assert side_doubt(grid, -85.0, Side.RIGHT) is None
        assert side_doubt(grid, 5.0, Side.RIGHT) is None


def test_neck_is_lateral_and_tells_nothing_when_it_points_to_neither_side():
    assert neck_doubt(-0.7, Side.LEFT).place == "has its neck on the patient's right"
    assert neck_doubt(0.7, Side.RIGHT).place == "has its neck on the patient's left"
    assert {neck_doubt(-0.7, Side.RIGHT), neck_doubt(0.7, Side.LEFT)} == {None}
    assert {neck_doubt(toward, side) for toward in (-0.3, 0.3) for side in Side} == {None}
