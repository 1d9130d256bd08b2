"""Which half of a scan a head lies in."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from dataset_conversion.readers import read_volume
from onfh_nnunet.core.anatomy import BOTH_HIPS_WIDTH_MM, LOCATED_HEADS_APART_MM, OFF_MIDDLE_MM
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.scan_half import shows_both_hips, side_of_place, width_mm
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
