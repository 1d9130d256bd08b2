from dataclasses import replace

import numpy as np
import pytest

from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.sphere import faces_mm, fit_sphere
from tests.helpers.paths import REAL
from tests.helpers.solid_hips import GRIDS, RADIUS_MM, UPRIGHT, cap, cone, everything, grid, hip, nothing, places, unit

NECK = (0.5, 0.2, -0.8)


def assert_true_sphere(mask, centre):
    """Half a voxel of misplaced surface, averaged over thousands of faces, leaves a tenth of a voxel."""
    sphere, voxel = fit_sphere(HipMask(mask).head), max(mask.grid.spacing_mm)
    assert sphere.radius_mm == pytest.approx(RADIUS_MM, abs=0.1 * voxel)
    assert np.linalg.norm(sphere.centre_mm - centre) < 0.2 * voxel
    assert sphere.residual_mm < voxel / 2
    return sphere


@pytest.mark.parametrize("cut", [0.35, 0.5, 0.7, 1.0])
@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
def test_cut_sphere_is_found_without_bias(spacing, turned, cut):
    assert_true_sphere(*hip(cap(12), spacing, turned, cut, NECK))


@pytest.mark.parametrize("sunk_mm", [0, 2, 4])
@pytest.mark.parametrize("half_deg", [30, 47.5, 60, 75])
def test_collapsed_lesion_does_not_draw_the_sphere_in(half_deg, sunk_mm):
    sphere = assert_true_sphere(*hip(cone(half_deg, (0.2, -0.3, 0.93)), neck=NECK, sunk_mm=sunk_mm))
    assert sphere.viable


def test_all_of_the_surface_makes_the_sphere_when_little_of_it_is_viable():
    assert not assert_true_sphere(*hip(everything, neck=NECK)).viable
    assert not assert_true_sphere(*hip(cone(105), neck=NECK)).viable


def test_stub_of_neck_does_not_move_the_sphere():
    mask, centre = hip(cap(12), neck=NECK)
    place = places(mask.grid, centre)
    along = place @ unit(NECK)
    stub = (along > 0) & (np.linalg.norm(place - along[..., None] * unit(NECK), axis=-1) < 14)
    sphere = fit_sphere(HipMask(Volume(np.maximum(mask.array, stub), mask.grid)).head)
    assert sphere.radius_mm == pytest.approx(RADIUS_MM, abs=0.25)


def test_residual_is_the_distance_from_the_sphere():
    on = grid((0.5, 0.5, 0.5))
    centre = on.to_mm(tuple((n - 1) / 2 for n in on.size))
    place = places(on, centre)
    dents = RADIUS_MM + 1.5 * np.sign(place.prod(axis=-1))  # by octants 1.5 mm above and below the sphere
    sphere = fit_sphere(HipMask(Volume((np.linalg.norm(place, axis=-1) <= dents).astype(np.uint8), on)).head)
    assert 0.3 < sphere.residual_mm < 1.5 + 0.25
    round_ = fit_sphere(HipMask(hip(nothing, (0.5, 0.5, 0.5))[0]).head)
    assert round_.residual_mm < 0.2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 2.0, 0.5)])
def test_faces_lie_midway(spacing):
    labels = np.zeros((3, 3, 4), np.uint8)
    labels[1, 1, 1:3] = [1, 2]
    on = Grid(labels.shape, spacing, (5.0, -7.0, 2.0), direction_of(UPRIGHT))
    assert len(faces_mm(labels > 0, labels == 0, on)) == 10
    (between,) = faces_mm(labels == 1, labels == 2, on)
    assert between == pytest.approx(on.to_mm((1, 1, 1.5)))


def test_one_long_voxel_has_no_sphere():
    labels = np.pad([[[1]]], 1).astype(np.uint8)
    assert fit_sphere(Volume(labels, Grid((3, 3, 3), (1.0, 2.0, 30.0), (0.0, 0.0, 0.0), direction_of(UPRIGHT)))) is None


@pytest.mark.real_data
def test_real_shaped_head_has_the_sphere_of_an_independent_fit():
    from scipy.optimize import least_squares

    path = REAL / "gfxmorph-hipmesh" / "hip_phantom_labels.nii.gz"
    if not path.is_file():
        pytest.skip(f"no {path}: set ONFH_TEST_DATA")
    hip_labels = Volume.read(path)
    head = HipMask(replace(hip_labels, array=(hip_labels.array == 1).astype(np.uint8))).head
    sphere = fit_sphere(head)
    points = faces_mm(head.array > 0, head.array == 0, head.grid)

    def off(guess):
        return np.linalg.norm(points - guess[:3], axis=1) - guess[3]

    robust = least_squares(off, [*points.mean(axis=0), 20.0], loss="cauchy", f_scale=0.3).x
    assert sphere.radius_mm == pytest.approx(21.4, abs=0.1)  # as documented beside the file
    assert sphere.radius_mm == pytest.approx(robust[3], abs=0.2)
    assert np.linalg.norm(sphere.centre_mm - robust[:3]) < 0.3
    assert sphere.residual_mm < 0.5
