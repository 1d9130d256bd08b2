"""Closed forms: a cone or a planar cap whose half angle is a quarter of the combined Kerboul angle."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from onfh_nnunet.grid import Grid, direction_of
from onfh_nnunet.volume import Volume
from postprocessing.angles import ARTICULAR_MM, SUBCHONDRAL_MM, kerboul_angles, kerboul_grade, surface_involvement
from postprocessing.box import cropped
from postprocessing.sphere import Sphere

UPRIGHT = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
RADIUS_MM = 23.0
COMBINED_DEG = [190, 200, 240, 250, 300]
GRIDS = [
    ((1.0, 1.0, 1.0), (0, 0, 0)),
    ((1.0, 1.0, 1.0), (20, 0, 10)),
    ((1.25, 1.0, 1.25), (0, 35, 0)),
    ((2.0, 0.8, 0.8), (20, 0, 10)),
    ((1.0, 3.0, 1.0), (0, 0, 0)),
    ((1.0, 1.0, 3.0), (15, -25, 0)),
]


def hip(lesion, spacing=(1.0, 1.0, 1.0), turned=(0, 0, 0), offset=(0.3, 0.1, -0.2)):
    """A sphere cut at half its radius; `lesion` says where positions (..., 3) about its centre are necrotic."""
    size = tuple(round(52 / step) for step in spacing)
    direction = Rotation.from_euler("xyz", turned, degrees=True).as_matrix() @ UPRIGHT
    grid = Grid(size, spacing, (-31.0, 12.0, 7.5), direction_of(direction))
    centre = grid.to_mm(tuple((n - 1) / 2 for n in size)) + offset
    place = grid.to_mm(np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), -1)) - centre
    head = (np.linalg.norm(place, axis=-1) <= RADIUS_MM) & (place[..., 2] >= -RADIUS_MM / 2)
    return cropped(Volume((head * (1 + lesion(place))).astype(np.uint8), grid)), Sphere(centre, RADIUS_MM, 0.0)


def cone(half_deg, axis=(0.0, 0.0, 1.0), from_mm=0.0):
    def lesion(place):
        distance = np.linalg.norm(place, axis=-1)
        return (place @ np.array(axis) >= np.cos(np.deg2rad(half_deg)) * distance) & (distance >= from_mm)

    return lesion


def cap(half_deg):
    return lambda place: place[..., 2] >= np.cos(np.deg2rad(half_deg)) * RADIUS_MM


def bound_deg(spacing, steepness=1.0):
    """Each of four ends of an arc lies within one voxel of the lesion's edge, seen from the centre."""
    return 4 * np.rad2deg(max(spacing) / RADIUS_MM) / steepness


@pytest.mark.parametrize("combined", COMBINED_DEG)
@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_cone_has_its_angle(spacing, turned, combined):
    angles = kerboul_angles(*hip(cone(combined / 4), spacing, turned))
    assert angles.combined_deg == pytest.approx(combined, abs=bound_deg(spacing))
    assert angles.coronal_deg == pytest.approx(combined / 2, abs=bound_deg(spacing) / 2)


@pytest.mark.parametrize("combined", COMBINED_DEG)
@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_planar_cap_has_its_angle(spacing, turned, combined):
    angles = kerboul_angles(*hip(cap(combined / 4), spacing, turned))
    # The plane meets the surface at this angle: the same shift of the plane moves the end of the arc further.
    assert angles.combined_deg == pytest.approx(combined, abs=bound_deg(spacing, np.sin(np.deg2rad(combined / 4))))


@pytest.mark.parametrize("shape", [cone, cap])
def test_angle_has_no_bias_over_many_placements(shape):
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(24):
        half, offset, turned = rng.uniform(45, 75), rng.uniform(-0.5, 0.5, 3), rng.uniform(-30, 30, 3)
        errors.append(kerboul_angles(*hip(shape(half), turned=turned, offset=offset)).combined_deg - 4 * half)
    assert abs(np.mean(errors)) < 5  # half a voxel at each of the four ends would be 5 degrees
    assert np.std(errors) < 5


def test_lesion_of_one_slice_counts_there_only():
    def lateral_wedge(place):  # along the whole coronal plane, thin across it
        return cone(45)(place * (1, 0, 1)) & (abs(place[..., 1]) < 3)

    angles = kerboul_angles(*hip(lateral_wedge))
    assert angles.coronal_deg == pytest.approx(90, abs=bound_deg((1, 1, 1)) / 2)
    assert angles.sagittal_deg == pytest.approx(np.rad2deg(6 / RADIUS_MM), abs=bound_deg((1, 1, 1)) / 2)


def test_two_lesions_add_up():
    tilted = np.deg2rad(50)
    axes = [(np.sin(sign * tilted), 0, np.cos(tilted)) for sign in (-1, 1)]
    angles = kerboul_angles(*hip(lambda place: cone(20, axes[0])(place) | cone(20, axes[1])(place)))
    assert angles.coronal_deg == pytest.approx(80, abs=bound_deg((1, 1, 1)))


def test_deep_lesion_does_not_involve_the_surface():
    a_voxel = 1.0
    depth = ARTICULAR_MM + SUBCHONDRAL_MM + a_voxel  # from the sphere, at the rim of the cut
    mask, sphere = hip(lambda place: np.linalg.norm(place, axis=-1) < RADIUS_MM - depth)
    assert kerboul_angles(mask, sphere).combined_deg == 0
    assert surface_involvement(mask, sphere).percent == 0


def test_depth_below_the_surface_does_not_change_the_angle():
    shell = kerboul_angles(*hip(cone(50, from_mm=RADIUS_MM - 3))).combined_deg
    assert shell == kerboul_angles(*hip(cone(50))).combined_deg


def test_necrosis_at_the_neck_cut_is_not_articular():
    assert kerboul_angles(*hip(cone(45, (0.0, 0.0, -1.0)))).combined_deg == 0


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("half", [30, 47.5, 75])
def test_share_of_the_surface_is_that_of_the_cone(half, spacing, turned):
    percent = surface_involvement(*hip(cone(half), spacing, turned)).percent
    rim = np.cos(np.pi / 3) * RADIUS_MM / (RADIUS_MM - ARTICULAR_MM)  # the cut is counted to here
    exact = 100 * (1 - np.cos(np.deg2rad(half))) / (1 + rim)
    a_voxel = 100 * np.sin(np.deg2rad(half)) * max(spacing) / RADIUS_MM / (1 + rim)  # of the lesion's whole edge
    assert percent == pytest.approx(exact, abs=a_voxel)


@pytest.mark.parametrize(
    ("degrees", "grade"), [(0.5, 1), (199.5, 1), (200, 2), (249.5, 2), (250, 3), (299.5, 3), (300, 4), (720, 4)]
)
def test_kerboul_grade_begins_at_its_bound(degrees, grade):
    assert kerboul_grade(degrees) == grade
