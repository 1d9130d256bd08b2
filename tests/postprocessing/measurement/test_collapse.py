"""Heads whose lesion has sunk by a known depth."""

import numpy as np
import pytest

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from postprocessing.measurement.measure import measure
from tests.helpers.solid_hips import RADIUS_MM, cap, cone, everything, hip, nothing

NECK, AXIS = (-0.7, 0.2, -0.7), (0.1, -0.3, 1)  # of a right hip
GRIDS = [((1.25, 1.25, 1.25), (10, -15, 5)), ((1.0, 3.0, 1.0), (0, 12, 0))]
LESIONS = [cone(45, AXIS), cap(15, AXIS)]


def sunk(lesion, sunk_mm, spacing, turned):
    return measure(HipMask(hip(lesion, spacing, turned, neck=NECK, sunk_mm=sunk_mm)[0], Side.RIGHT))


def told(found):
    return [warning for warning in found.warnings if "collapse" in warning]


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("lesion", LESIONS)
@pytest.mark.parametrize("sunk_mm", [0, 2, 4])
def test_depth_of_collapse_is_that_of_the_sunken_surface(lesion, sunk_mm, spacing, turned):
    found = sunk(lesion, sunk_mm, spacing, turned)
    assert found.collapse_depth_mm == pytest.approx(sunk_mm, abs=0.5)
    assert bool(told(found)) == (sunk_mm > 0)
    assert all(f"up to {found.collapse_depth_mm:.1f} mm below" in warning for warning in told(found))


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize(("lesion", "sunk_mm"), [(LESIONS[0], 2), (LESIONS[0], 6), (LESIONS[1], 2), (LESIONS[1], 4)])
def test_angles_and_share_of_the_surface_are_those_before_it_sank(lesion, sunk_mm, spacing, turned):
    before, after = sunk(lesion, 0, spacing, turned), sunk(lesion, sunk_mm, spacing, turned)
    assert after.kerboul_deg == pytest.approx(before.kerboul_deg, abs=12)
    lateral = before.location.lateral_necrotic_angle_deg
    assert after.location.lateral_necrotic_angle_deg == pytest.approx(lateral, abs=5)
    assert after.necrotic_surface_percent == pytest.approx(before.necrotic_surface_percent, abs=3)
    assert after.head_diameter_mm == pytest.approx(2 * RADIUS_MM, abs=0.3)


def test_surface_that_is_deeper_than_any_collapse_leaves_the_angles_empty():
    found = sunk(cone(50, AXIS), 11, *GRIDS[0])
    assert found.kerboul_deg is found.kerboul_grade is found.possible_kerboul_grades is found.kerboul_low_deg is None
    assert found.location.lateral_necrotic_angle_deg is found.location.arco_2021_type is None
    assert any("no angles or types (compare the percentage of the sphere)" in warning for warning in found.warnings)


def test_where_collapse_and_cut_cannot_be_told_apart_there_are_no_angles():
    found = sunk(LESIONS[1], 6, *GRIDS[0])  # hardly any of it is left
    assert found.kerboul_deg is found.location.lateral_necrotic_angle_deg is None
    assert "a collapse and a cut head cannot be told apart here: no angles or types" in found.warnings


def test_without_a_viable_surface_or_a_lesion_no_depth_is_measured():
    for lesion in (everything, nothing):
        assert measure(HipMask(hip(lesion, neck=NECK)[0], Side.RIGHT)).collapse_depth_mm is None


def test_necrosis_at_the_neck_cut_is_no_collapse():
    found = measure(HipMask(hip(cone(60, (-1, 0.2, 0.3)), neck=NECK)[0], Side.RIGHT))
    assert not told(found)
    assert found.collapse_depth_mm < 1
    assert np.isfinite(found.kerboul_deg)
