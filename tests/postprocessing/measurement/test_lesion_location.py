"""Centroid, octants, depth and ARCO type of lesions in closed form, on straight and oblique grids."""

import numpy as np
import pytest

from onfh_nnunet.core.hip import Side
from postprocessing.measurement.head_surface import HeadSurface
from postprocessing.measurement.kerboul_angles import necrotic_arcs
from postprocessing.measurement.lesion_centroid import centroid, depth_mm
from postprocessing.measurement.lesion_location import LesionLocation, lesion_location, location_warnings
from postprocessing.measurement.octants import Octants, octants
from tests.helpers.solid_hips import DOWN, GRIDS, RADIUS_MM, ball, cap, cap_ml, cone, cropped_hip, everything, unit

SIDE_DIRECTION = {Side.LEFT: 1, Side.RIGHT: -1}


def axis(latitude, longitude, side):
    """The direction (LPS) of a latitude and a longitude in degrees."""
    up, turn = np.deg2rad(latitude), np.deg2rad(longitude)
    return np.array([SIDE_DIRECTION[side] * np.sin(turn) * np.cos(up), -np.cos(turn) * np.cos(up), np.sin(up)])


def located(lesion, side, *args, **kwargs):
    mask, sphere = cropped_hip(lesion, *args, **kwargs)
    return lesion_location(mask, sphere, necrotic_arcs(HeadSurface(mask, sphere)), side)


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("latitude", "longitude"), [(60, 40), (35, -30), (10, 150), (45, -120)])
def test_centroid_of_a_cone_lies_on_its_axis(latitude, longitude, side, spacing, turned):
    half = 35
    mask, sphere = cropped_hip(cone(half, axis(latitude, longitude, side)), spacing, turned, cut=1.0)
    middle = centroid(mask, sphere)
    away = 3 / 8 * RADIUS_MM * (1 + np.cos(np.deg2rad(half)))  # of a spherical sector
    bound = max(spacing) / 4  # far more than the mean of thousands of voxels is off
    assert np.linalg.norm([middle.up_mm, middle.front_mm, middle.left_mm]) == pytest.approx(away, abs=bound)
    assert middle.latitude_deg == pytest.approx(latitude, abs=np.rad2deg(bound / away))
    across = away * np.cos(np.deg2rad(latitude))
    assert middle.longitude_deg(side) == pytest.approx(longitude, abs=np.rad2deg(bound / across))


def test_centroid_without_a_direction():
    straight_up = located(cone(40), Side.LEFT)
    assert straight_up.lesion_latitude_deg == pytest.approx(90, abs=2)
    assert straight_up.lesion_longitude_deg is None
    assert "no longitude" in " ".join(location_warnings(straight_up, Side.LEFT))
    middle = located(ball(8, (0, 0, 0)), Side.LEFT)
    assert middle.lesion_latitude_deg is middle.lesion_longitude_deg is None
    assert any("centroid is the head's centre" in warning for warning in location_warnings(middle, Side.LEFT))


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("height_mm", [5.0, 12.0])
def test_cap_has_its_share_of_each_upper_octant(height_mm, spacing, turned):
    found = vars(octants(*cropped_hip(cap(height_mm), spacing, turned, cut=1.0), Side.LEFT))
    exact = 100 * cap_ml(height_mm) / cap_ml(0)
    across = np.pi * (RADIUS_MM**2 - height_mm**2) / 1000 * max(spacing) / 2  # the flat margin, half a voxel further
    for name, percent in found.items():
        assert percent == pytest.approx(exact if "superior" in name else 0, abs=100 * across / cap_ml(0))


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("name", list(vars(Octants())))
def test_necrosis_of_one_octant_is_found_in_it(name, side, spacing, turned):
    up = 1 if "superior" in name else -1
    front = 1 if "anterior" in name else -1
    left = SIDE_DIRECTION[side] * (1 if "lateral" in name else -1)

    def one_octant(place):
        return (place * (left, -front, up) > 0).all(axis=-1)

    found = vars(octants(*cropped_hip(one_octant, spacing, turned, cut=1.0), side))
    # Of an octant a layer of half a voxel at three flat sides: 3 (pi r^2 / 4) (h / 2) / (pi r^3 / 6)
    bound = 100 * 2.25 * np.sqrt(3) * max(spacing) / RADIUS_MM
    assert found.pop(name) == pytest.approx(100, abs=bound)
    assert list(found.values()) == pytest.approx([0] * 7, abs=bound)


def test_octants_hold_all_of_the_necrosis_and_none_is_told_where_there_is_no_head():
    mask, sphere = cropped_hip(everything, cut=-0.2)  # a head without its lower half
    found = vars(octants(mask, sphere, Side.RIGHT))
    assert [percent for name, percent in found.items() if "superior" in name] == pytest.approx([100] * 4)
    assert [percent for name, percent in found.items() if "inferior" in name] == [None] * 4


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_depth_is_that_of_the_deepest_point(spacing, turned):
    bound = np.linalg.norm(spacing) / 2
    tilted = unit((0.3, -0.4, 0.85))
    assert depth_mm(*cropped_hip(cap(9, tilted), spacing, turned)) == pytest.approx(RADIUS_MM - 9, abs=bound)
    inside = depth_mm(*cropped_hip(ball(5, 14 * tilted), spacing, turned))
    assert inside == pytest.approx(RADIUS_MM - (14 - 5), abs=bound)


@pytest.mark.parametrize("spacing", [(1.25, 1.25, 1.25), (1.0, 3.0, 1.0), (3.0, 1.0, 1.0)])
def test_depth_has_no_bias(spacing):
    """The deepest voxel alone is an extreme: 0.3 to 0.9 mm too deep in the mean."""
    rng, errors = np.random.default_rng(2), {"cap": [], "ball": []}
    for _ in range(12):
        tilted, turned, offset = unit((*rng.normal(0, 0.4, 2), 1)), rng.uniform(-25, 25, 3), rng.uniform(-1.5, 1.5, 3)
        height, radius = rng.uniform(6, 17), rng.uniform(6, 10)
        found = depth_mm(*cropped_hip(cap(height, tilted), spacing, turned, offset=offset))
        errors["cap"].append(found - (RADIUS_MM - height))
        found = depth_mm(*cropped_hip(ball(radius, 17 * tilted), spacing, turned, offset=offset))
        errors["ball"].append(found - (RADIUS_MM - 17 + radius))
    assert [abs(np.mean(one)) <= 0.2 for one in errors.values()] == [True, True]


def test_lesion_that_holds_the_centre_is_a_radius_deep():
    for lesion in (everything, cap(-8), ball(10, (0, 0, 4))):
        assert depth_mm(*cropped_hip(lesion)) == RADIUS_MM


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("tilt_deg", "expected"), [(-35, "1"), (-25, ">=2"), (20, ">=2")])
def test_arco_type_by_the_side_of_the_apex(tilt_deg, expected, side):
    tilt = np.deg2rad(tilt_deg)
    lesion = cone(30, (SIDE_DIRECTION[side] * np.sin(tilt), 0, np.cos(tilt)))
    found = located(lesion, side)
    assert found.arco_2021_type == expected
    assert found.lateral_necrotic_angle_deg == pytest.approx(tilt_deg + 30, abs=np.rad2deg(1 / RADIUS_MM))


def test_unknown_side_leaves_empty_what_needs_it():
    found = located(cone(30, (0.3, -0.5, 0.7)), None)
    missing = {name for name, value in vars(found).items() if value in (None, Octants())}
    lateral = {f"lateral_necrotic_angle_{end}deg" for end in ("", "low_", "high_")}
    assert missing == {"lesion_longitude_deg", *lateral, "arco_2021_type", "octants"}
    assert list(location_warnings(found, None)) == [
        "the side is unknown: no longitude, lateral angle, ARCO type or octants"
    ]


def test_lesion_at_no_surface_has_no_angles_and_says_why():
    found = located(ball(6, (3, -4, 2)), Side.LEFT)
    assert found.lateral_necrotic_angle_deg is found.anterior_necrotic_angle_deg is found.arco_2021_type is None
    told = list(location_warnings(found, Side.LEFT))
    assert [warning.rpartition(": ")[2] for warning in told] == ["no anterior angle", "no lateral angle or ARCO type"]


def test_every_missing_value_of_a_location_is_explained():
    told = " ".join(location_warnings(LesionLocation(), Side.LEFT))
    for word in ("anterior angle", "latitude or longitude", "lateral angle or ARCO type", "octant"):
        assert word in told


def test_necrosis_at_the_neck_is_located_all_the_same():
    found = located(cone(40, DOWN), Side.LEFT)
    assert found.lesion_latitude_deg == pytest.approx(-90, abs=3)
    assert found.necrosis_depth_mm > RADIUS_MM - 2
