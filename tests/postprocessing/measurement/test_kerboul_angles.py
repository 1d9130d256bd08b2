"""Closed forms: a cone or a planar cap whose half angle is a quarter of the combined Kerboul angle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.anatomy import ARTICULAR_MM, SUBCHONDRAL_MM
from onfh_nnunet.core.hip import Side
from postprocessing.measurement.head_surface import HeadSurface
from postprocessing.measurement.kerboul_angles import kerboul_grade, necrotic_arcs
from postprocessing.measurement.necrotic_arc import Arc, Bound, Stretch
from tests.helpers.solid_hips import DOWN, GRIDS, RADIUS_MM, ball, cap, cone, cropped_hip, everything, nothing, unit

COMBINED_DEG = [190, 200, 240, 250, 300]
PERCENT = {  # of the sphere: 100 (1 - cos) / 2 for a cone, 100 (1 - cos)^2 (2 + cos) / 4 for a planar cap
    190: (16.2, 7.0), 200: (17.9, 8.4), 240: (25.0, 15.6), 250: (26.9, 17.8), 300: (37.1, 31.0),
}  # fmt: skip
NECK = (0.7, 0.2, -0.7)
UNIT = (1.0, 1.0, 1.0)


def capped(half_deg):
    return cap(np.cos(np.deg2rad(half_deg)) * RADIUS_MM)


def arcs(lesion, *args, **kwargs):
    return necrotic_arcs(HeadSurface(*cropped_hip(lesion, *args, **kwargs)))


def wedge(opening_deg, tilt_deg, axis):
    """Between two half planes that meet in an axis through the centre, about a direction that is tilted from up."""
    along = unit(axis)
    side = unit(np.cross(along, (0, 0, 1)))
    up = np.cross(side, along)

    def lesion(place):
        turn = np.rad2deg(np.arctan2(place @ side, place @ up))
        return abs(turn - tilt_deg) <= opening_deg / 2

    return lesion


def exact_combined_deg(lesion):
    """The arcs of the lesion on the sphere itself up to the rim of the cut, counted in steps of 0.05 degrees."""
    turn = np.deg2rad(np.arange(0.025, 360, 0.05))
    none, across, up = np.zeros_like(turn), np.sin(turn), np.cos(turn)
    slices = (np.stack(axes, axis=1) for axes in ((across, none, up), (none, across, up)))
    rim = 0.5 * RADIUS_MM / (RADIUS_MM - ARTICULAR_MM)
    return 0.05 * sum(int((lesion(0.9999 * RADIUS_MM * one) & (one @ unit(NECK) <= rim)).sum()) for one in slices)


SHAPES = ["cone", "cap", "wedge"]
SUB_VOXEL = [((1.25, 1.25, 1.25), 8), ((1.0, 3.0, 1.0), 20), ((1.0, 1.0, 3.0), 20), ((3.0, 1.0, 1.0), 20)]
"""Spacing, and how far the sum of two arcs may be off in the worst case; ours."""

WORST_DEG = dict(SUB_VOXEL)


def drawn(shape, half_deg, tilt):
    axis = unit((tilt[0], tilt[1] - 0.2, 1))
    if shape == "wedge":
        return wedge(2 * half_deg, 60 * tilt[0], (1, tilt[1], 0))
    return cone(half_deg, axis) if shape == "cone" else cap(np.cos(np.deg2rad(half_deg)) * RADIUS_MM, axis)


@given(
    st.sampled_from(SHAPES),
    st.sampled_from(list(WORST_DEG)),
    st.floats(35, 60),
    st.tuples(*[st.floats(-0.35, 0.35)] * 2),
    st.tuples(*[st.floats(-25, 25)] * 3),
    st.tuples(*[st.floats(-1.5, 1.5)] * 3),
)
@settings(max_examples=40, deadline=None)
def test_combined_angle_is_exact_between_voxels(shape, spacing, half_deg, tilt, turned, offset):
    lesion = drawn(shape, half_deg, tilt)
    found = arcs(lesion, spacing, turned, neck=NECK, offset=offset)
    assert found.combined_deg == pytest.approx(exact_combined_deg(lesion), abs=WORST_DEG[spacing])


@pytest.mark.parametrize("spacing", WORST_DEG)
def test_combined_angle_has_no_bias_by_shape_or_spacing_and_lies_in_its_interval(spacing):
    rng = np.random.default_rng(5)
    errors, held = [], []
    for number in range(36):
        tilt, half = rng.uniform(-0.35, 0.35, 2) * (0.5, 1), rng.uniform(35, 44)
        lesion = drawn(SHAPES[number % 3], half, tilt)
        turned, offset = rng.uniform(-25, 25, 3), rng.uniform(-1.5, 1.5, 3)
        found = arcs(lesion, spacing, turned, neck=NECK, offset=offset)
        exact = exact_combined_deg(lesion)
        errors.append(found.combined_deg - exact)
        held.append(found.combined_low_deg <= exact <= found.combined_high_deg)
    assert abs(np.mean(errors)) <= 1
    assert np.mean(held) >= 0.9


def end_bound_deg(spacing, steepness=1.0):
    """An end of an arc lies within one voxel of the lesion's edge, seen from the centre."""
    return np.rad2deg(max(spacing) / RADIUS_MM) / steepness


@pytest.mark.parametrize("combined", COMBINED_DEG)
@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_cone_has_its_angle_and_its_share_of_the_sphere(spacing, turned, combined):
    mask, sphere = cropped_hip(cone(combined / 4), spacing, turned, cut=1.0)
    found = necrotic_arcs(HeadSurface(mask, sphere))
    assert found.combined_deg == pytest.approx(combined, abs=4 * end_bound_deg(spacing))
    assert found.coronal.degrees == pytest.approx(combined / 2, abs=2 * end_bound_deg(spacing))
    percent = 100 * (mask.array == 2).sum() * mask.grid.voxel_ml / sphere.volume_ml
    assert percent == pytest.approx(PERCENT[combined][0], abs=0.05 + 0.3 * max(spacing))


@pytest.mark.parametrize("combined", COMBINED_DEG)
@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_planar_cap_has_its_angle_and_its_share_of_the_sphere(spacing, turned, combined):
    mask, sphere = cropped_hip(capped(combined / 4), spacing, turned, cut=1.0)
    sine = np.sin(np.deg2rad(combined / 4))  # the plane meets the surface at this angle: a shift moves the end further
    combined_deg = necrotic_arcs(HeadSurface(mask, sphere)).combined_deg
    assert combined_deg == pytest.approx(combined, abs=4 * end_bound_deg(spacing, sine))
    percent = 100 * (mask.array == 2).sum() * mask.grid.voxel_ml / sphere.volume_ml
    margin = 75 * sine**2 * (max(spacing) / 2) / RADIUS_MM  # a flat margin moves by up to half a voxel as one
    assert percent == pytest.approx(PERCENT[combined][1], abs=0.05 + margin)


@pytest.mark.parametrize("shape", [cone, capped])
def test_angle_has_no_bias_over_many_placements(shape):
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(24):
        half, offset, turned = rng.uniform(45, 75), rng.uniform(-0.5, 0.5, 3), rng.uniform(-30, 30, 3)
        errors.append(arcs(shape(half), turned=turned, offset=offset).combined_deg - 4 * half)
    assert abs(np.mean(errors)) < 1
    assert np.std(errors) < 2


@pytest.mark.parametrize("tilt_deg", [-60, -20, 0, 35])
@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("side", Side)
def test_arcs_end_where_a_tilted_cone_does(side, spacing, turned, tilt_deg):
    tilt, left = np.deg2rad(tilt_deg), 1 if side is Side.LEFT else -1
    to_lateral = arcs(cone(30, (left * np.sin(tilt), 0, np.cos(tilt))), spacing, turned)
    assert to_lateral.lateral(side).degrees == pytest.approx(tilt_deg + 30, abs=end_bound_deg(spacing))
    assert to_lateral.lateral(side.other).degrees == pytest.approx(30 - tilt_deg, abs=end_bound_deg(spacing))
    to_front = arcs(cone(30, (0, -np.sin(tilt), np.cos(tilt))), spacing, turned)
    assert to_front.anterior.degrees == pytest.approx(tilt_deg + 30, abs=end_bound_deg(spacing))


def test_lateral_angle_of_a_lesion_below_the_head_is_medial():
    down_medial = (-np.sin(np.deg2rad(160)), 0, np.cos(np.deg2rad(160)))  # runs from 130 to 190 degrees to medial
    found = arcs(cone(30, down_medial), neck=(1, 0, -1), cut=0.6)
    assert found.lateral(Side.LEFT).degrees == pytest.approx(-130, abs=end_bound_deg(UNIT))


def test_lateral_angle_of_a_head_that_is_necrotic_throughout_is_the_rim_of_the_cut():
    found = arcs(everything, neck=(np.sin(np.deg2rad(130)), 0, np.cos(np.deg2rad(130))))
    rim = np.rad2deg(np.arccos(0.5 * RADIUS_MM / (RADIUS_MM - ARTICULAR_MM))), np.rad2deg(np.arccos(0.5))
    ends = 130 - np.array(rim[::-1])
    assert ends[0] - end_bound_deg(UNIT) <= found.lateral(Side.LEFT).degrees <= ends[1] + end_bound_deg(UNIT)


def test_without_necrosis_arcs_are_empty():
    found = arcs(nothing)
    assert (found.combined_deg, found.anterior, found.lateral(Side.LEFT)) == (0, None, None)


def arc(*stretches):
    return Arc(tuple(Stretch(Bound(start, 1), Bound(end, 2)) for start, end in stretches))


@pytest.mark.parametrize(
    ("stretches", "opened", "end", "turned_end", "degrees"),
    [
        (((359, 362),), 180, 2, 1, 3),  # around the apex
        (((355, 358),), 180, -2, 5, 3),  # ends before it
        (((10, 30), (340, 350)), 180, 30, 20, 30),
        (((100, 150),), 130, 130, -100, 50),  # across the opening
        (((140, 150),), 130, -210, -140, 10),
    ],
)
def test_arc_ends_at_its_last_bound_before_the_opening(stretches, opened, end, turned_end, degrees):
    found = arc(*stretches)
    assert found.degrees == pytest.approx(degrees)
    assert found.end(opened).degrees == pytest.approx(end)
    assert found.turned().end(opened).degrees == pytest.approx(turned_end)


def test_arc_moves_with_its_bounds_and_is_never_less_than_nothing_or_more_than_all():
    found = arc((10, 40), (100, 102))
    assert (found.low_deg, found.degrees, found.high_deg) == (27, 32, 38)
    assert arc((0, 359)).high_deg == 360
    assert arc().degrees == arc().high_deg == 0


def test_lesion_of_one_slice_counts_there_only():
    def lateral_wedge(place):  # along the whole coronal plane, thin across it
        return cone(45)(place * (1, 0, 1)) & (abs(place[..., 1]) < 3)

    found = arcs(lateral_wedge)
    assert found.coronal.degrees == pytest.approx(90, abs=2 * end_bound_deg(UNIT))
    assert found.sagittal.degrees == pytest.approx(np.rad2deg(6 / RADIUS_MM), abs=2 * end_bound_deg(UNIT))


def test_two_lesions_add_up():
    tilted = np.deg2rad(50)
    axes = [(np.sin(sign * tilted), 0, np.cos(tilted)) for sign in (-1, 1)]
    found = arcs(lambda place: cone(20, axes[0])(place) | cone(20, axes[1])(place))
    assert found.coronal.degrees == pytest.approx(80, abs=4 * end_bound_deg(UNIT))


def test_deep_lesion_does_not_involve_the_surface():
    a_voxel = 1.0
    depth = ARTICULAR_MM + SUBCHONDRAL_MM + a_voxel  # from the sphere, at the rim of the cut
    mask, sphere = cropped_hip(ball(RADIUS_MM - depth, (0, 0, 0)))
    assert necrotic_arcs(HeadSurface(mask, sphere)).combined_deg == 0
    assert HeadSurface(mask, sphere).percent == 0


def test_depth_below_the_surface_does_not_change_the_angle():
    assert arcs(cone(50, from_mm=RADIUS_MM - 3)).combined_deg == pytest.approx(200, abs=8)


def test_lesion_under_a_thin_layer_of_viable_head_has_its_angle():
    def covered(place):
        return cone(45)(place) & (np.linalg.norm(place, axis=-1) < RADIUS_MM - 1)

    assert arcs(covered).combined_deg == pytest.approx(180, abs=4)


def test_necrosis_at_the_neck_cut_is_not_articular():
    assert arcs(cone(45, DOWN)).combined_deg == 0


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("half", [30, 47.5, 75])
def test_share_of_the_surface_is_that_of_the_cone(half, spacing, turned):
    percent = HeadSurface(*cropped_hip(cone(half), spacing, turned)).percent
    rim = np.cos(np.pi / 3) * RADIUS_MM / (RADIUS_MM - ARTICULAR_MM)  # the cut is counted to here
    exact = 100 * (1 - np.cos(np.deg2rad(half))) / (1 + rim)
    a_voxel = 100 * np.sin(np.deg2rad(half)) * max(spacing) / RADIUS_MM / (1 + rim)  # of the lesion's whole edge
    assert percent == pytest.approx(exact, abs=a_voxel)


@pytest.mark.parametrize(
    ("degrees", "grade"), [(0.5, 1), (199.5, 1), (200, 2), (249.5, 2), (250, 3), (299.5, 3), (300, 4), (720, 4)]
)
def test_kerboul_grade_begins_at_its_bound(degrees, grade):
    assert kerboul_grade(degrees) == grade
