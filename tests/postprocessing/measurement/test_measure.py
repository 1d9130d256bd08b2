import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.measure import measure
from tests.helpers.solid_hips import GRIDS, RADIUS_MM, UPRIGHT, cap, cap_ml, cone, everything, hip, mirrored, nothing

NECK = (-0.5, 0.2, -0.8)  # of a right hip
ANTEROLATERAL = (-0.4, -0.5, 0.75)


def lesion(place):
    """Off every plane of symmetry."""
    return cone(42, ANTEROLATERAL)(place)


def numbers(found):
    """All that is measured, by name."""
    flat = {**vars(found), **vars(found.location), **vars(found.location.octants)}
    return {name: value for name, value in flat.items() if name not in ("location", "octants", "warnings")}


def assert_same(found, other, but=()):
    assert found.warnings == other.warnings
    expected = numbers(other)
    for name, value in numbers(found).items():
        if name not in but:
            # A ray along the edge of a voxel may read either voxel.
            tolerance = 1.0 if name.endswith("deg") else 0.05 if "surface" in name or "collapse" in name else 1e-6
            assert value == pytest.approx(expected[name], abs=tolerance), name


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_volumes_are_those_of_the_solids(spacing, turned):
    found = measure(HipMask(hip(cap(12), spacing, turned, neck=NECK)[0], Side.RIGHT))
    # A random grid misplaces each surface voxel by chance, so the error falls with the surface; 1 % covers 3 mm slices.
    assert found.head_ml == pytest.approx(cap_ml(-RADIUS_MM / 2), rel=0.01)
    assert found.head_diameter_mm == pytest.approx(2 * RADIUS_MM, abs=0.2 * max(spacing))
    top_area_ml = math.pi * (RADIUS_MM**2 - 12**2) / 1000
    margin = top_area_ml * max(spacing) / 2  # a flat top moves by up to half a voxel as one
    assert found.necrosis_ml == pytest.approx(cap_ml(12), abs=margin + 0.02)
    assert found.necrosis_percent == pytest.approx(100 * found.necrosis_ml / found.head_ml)
    whole_ml = cap_ml(-RADIUS_MM)
    assert found.necrosis_percent_of_sphere == pytest.approx(100 * found.necrosis_ml / whole_ml, rel=0.02)


@pytest.mark.parametrize("cut", [0.5, 0.7])
def test_percent_of_the_sphere_does_not_change_with_the_neck_cut(cut):
    found = measure(HipMask(hip(cap(12), cut=cut)[0]))
    assert found.necrosis_percent == pytest.approx(100 * cap_ml(12) / cap_ml(-cut * RADIUS_MM), rel=0.05)
    assert found.necrosis_percent_of_sphere == pytest.approx(100 * cap_ml(12) / cap_ml(-RADIUS_MM), rel=0.05)


def test_centre_and_residual_are_told():
    mask, centre = hip(lesion, neck=NECK)
    found = measure(HipMask(mask, Side.RIGHT))
    assert (found.head_centre_x_mm, found.head_centre_y_mm, found.head_centre_z_mm) == pytest.approx(centre, abs=0.2)
    assert 0 < found.sphere_residual_mm < 0.5
    assert found.warnings == ()


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_mirrored_hip_has_the_same_numbers_on_the_other_side(spacing, turned):
    mask = hip(lesion, spacing, turned, neck=NECK)[0]
    right, left = measure(HipMask(mask, Side.RIGHT)), measure(HipMask(mirrored(mask), Side.LEFT))
    assert_same(right, left, but=("head_centre_x_mm",))
    assert right.head_centre_x_mm == pytest.approx(-left.head_centre_x_mm)
    assert right.location.lateral_necrotic_angle_deg > 45
    assert right.location.lesion_longitude_deg == pytest.approx(math.degrees(math.atan2(0.4, 0.5)), abs=3)


@given(st.floats(0.8, 1.25))
@settings(max_examples=10)
def test_scaled_spacing_scales_volumes_and_lengths(scale):
    mask = hip(cap(12), (2.0, 1.5, 1.0))[0]
    z, y, x = (scale * step for step in mask.grid.spacing_mm)
    larger = Volume(mask.array, replace(mask.grid, spacing_mm=(z, y, x)))
    found, scaled = measure(HipMask(mask)), measure(HipMask(larger))
    assert scaled.head_ml == pytest.approx(scale**3 * found.head_ml)
    assert scaled.necrosis_ml == pytest.approx(scale**3 * found.necrosis_ml)
    assert scaled.head_diameter_mm == pytest.approx(scale * found.head_diameter_mm)
    assert scaled.location.necrosis_depth_mm == pytest.approx(scale * found.location.necrosis_depth_mm, abs=0.25)
    assert scaled.necrosis_percent == found.necrosis_percent
    assert scaled.necrosis_percent_of_sphere == pytest.approx(found.necrosis_percent_of_sphere)
    assert scaled.location.lesion_latitude_deg == pytest.approx(found.location.lesion_latitude_deg)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (2, 0, 1)])
def test_order_of_the_array_axes_does_not_matter(order):
    mask = hip(lesion, (1.25, 1.0, 0.9), (20, 0, 10), neck=NECK)[0]
    z, y, x = (mask.grid.spacing_mm[axis] for axis in order)
    direction = direction_of(np.asarray(mask.grid.direction)[:, order])
    turned = mask.array.transpose(order)
    other = Volume(turned, Grid(turned.shape, (z, y, x), mask.grid.origin_mm, direction))
    assert_same(measure(HipMask(mask, Side.RIGHT)), measure(HipMask(other, Side.RIGHT)))


def test_healthy_hip_has_no_kerboul_grade_and_no_warning():
    found = measure(HipMask(hip(nothing)[0], Side.LEFT))
    assert (found.necrosis_ml, found.necrosis_percent, found.kerboul_deg) == (0, 0, 0)
    assert found.kerboul_grade is found.location.necrosis_depth_mm is None
    assert found.warnings == ()  # it has none, which is no defect


def test_head_that_is_necrotic_throughout():
    found = measure(HipMask(hip(everything)[0], Side.LEFT))
    assert found.necrosis_percent == 100
    assert found.necrotic_surface_percent == 100
    assert found.kerboul_grade == 4
    assert any("no viable head" in warning for warning in found.warnings)
    assert any("less than half of the head's surface is viable" in warning for warning in found.warnings)


def test_unknown_side_is_told():
    assert measure(HipMask(hip(lesion, neck=NECK)[0])).warnings == (
        "the side is unknown: no longitude, lateral angle, ARCO type or octants",
    )


def test_head_at_the_border_is_told():
    mask = hip(lesion)[0]
    cut = Volume(mask.array[20:], mask.grid.part((20, 0, 0), (36, 56, 56)))
    assert any("touches the border" in warning for warning in measure(HipMask(cut)).warnings)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("layers", "spacing", "warned"), [(1, 1.0, True), (2, 1.0, True), (3, 1.0, False), (1, 2.5, False)]
)
def test_head_within_2_mm_of_the_border_is_told(axis, layers, spacing, warned):
    """The field of view may cut a head whose mask ends a voxel before it."""
    labels = np.ones((20, 20, 20), np.uint8)
    room = [(9, 9)] * 3
    room[axis] = (9, layers)
    labels = np.pad(labels, room)
    grid = Grid(labels.shape, (spacing,) * 3, (0.0, 0.0, 0.0), direction_of(UPRIGHT))
    mask = HipMask(Volume(labels, grid))
    assert mask.border_gap_mm == layers * spacing
    found = [warning for warning in measure(mask).warnings if "border of the image" in warning]
    assert found == [f"the head ends {layers:.1f} mm from the border of the image and may be cut off"] * warned


@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_implausible_volume_is_told(scale):
    mask = hip(lesion, neck=NECK)[0]
    scaled = Volume(mask.array, replace(mask.grid, spacing_mm=(scale,) * 3))
    (warning,) = measure(HipMask(scaled, Side.RIGHT)).warnings
    assert "plausible are 22 to 65 ml" in warning


@pytest.mark.parametrize(("sunk_mm", "told"), [(0, False), (1.5, True), (4, True), (6, True)])
def test_collapse_is_told(sunk_mm, told):
    found = measure(HipMask(hip(cone(50), neck=NECK, sunk_mm=sunk_mm)[0]))
    assert any("collapse" in warning for warning in found.warnings) == told
    assert found.head_diameter_mm == pytest.approx(2 * RADIUS_MM, abs=0.2)


def test_box_is_told_not_to_be_round():
    labels = np.zeros((20, 50, 60), np.uint8)
    labels[2:18, 2:48, 2:58] = 1
    grid = Grid((20, 50, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction_of(UPRIGHT))
    found = measure(HipMask(Volume(labels, grid)))
    assert any("is not round" in warning or "no sphere" in warning for warning in found.warnings)


def test_head_of_ten_voxels_is_told_to_be_none():
    labels = np.zeros((3, 4, 12), np.uint8)
    labels[1, 1, 1:10], labels[1, 2, 5] = 1, 2
    grid = Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction_of(UPRIGHT))
    found = measure(HipMask(Volume(labels, grid)))
    assert found.necrosis_percent == 10
    assert found.warnings[0] == "head of 0.0 ml, plausible are 22 to 65 ml"


def test_what_has_no_sphere_is_empty_and_says_why():
    labels = np.zeros((3, 3, 3), np.uint8)
    labels[1, 1, 1] = 2
    found = measure(HipMask(Volume(labels, Grid((3, 3, 3), (1.0, 2.0, 30.0), (0.0, 0.0, 0.0), direction_of(UPRIGHT)))))
    assert found.necrosis_ml == pytest.approx(0.06)
    assert found.head_diameter_mm is None
    assert found.kerboul_deg is None
    assert any("no sphere fits" in warning for warning in found.warnings)


def test_empty_mask_is_refused():
    grid = Grid((3,) * 3, (1.0,) * 3, (0.0,) * 3, direction_of(UPRIGHT))
    with pytest.raises(LabelError, match="no femoral head"):
        measure(HipMask(Volume(np.zeros((3, 3, 3), np.uint8), grid)))
