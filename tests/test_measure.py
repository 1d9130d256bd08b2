import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from onfh_nnunet.errors import LabelError
from onfh_nnunet.grid import Grid, direction_of
from onfh_nnunet.volume import Volume
from postprocessing.box import cropped
from postprocessing.measure import measure
from postprocessing.sphere import fit_sphere

UPRIGHT = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # array axes along head, back, left
RADIUS_MM = 23.0
SPACINGS = [(1.0, 1.0, 1.0), (1.25, 1.0, 1.25), (2.0, 0.8, 0.8), (1.0, 3.0, 1.0)]
ANGLES = [(0, 0, 0), (20, 0, 10), (0, 35, 0)]


def hip(spacing=(1.0, 1.0, 1.0), turned=(0, 0, 0), cut=0.5, cap_mm=12.0, offset=(0.3, 0.1, -0.2)):
    """A sphere cut below the neck with a planar cap of necrosis on top, and its true centre in LPS mm."""
    size = tuple(round(56 / step) for step in spacing)
    direction = Rotation.from_euler("xyz", turned, degrees=True).as_matrix() @ UPRIGHT
    grid = Grid(size, spacing, (-31.0, 12.0, 7.5), direction_of(direction))
    centre = grid.to_mm(tuple((n - 1) / 2 for n in size)) + offset
    place = grid.to_mm(np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), -1)) - centre
    neck = np.array([0.5, 0.2, -0.8]) / np.linalg.norm([0.5, 0.2, -0.8])
    head = (np.linalg.norm(place, axis=-1) <= RADIUS_MM) & (place @ neck <= cut * RADIUS_MM)
    return Volume((head * (1 + (place[..., 2] > cap_mm))).astype(np.uint8), grid), centre


def cap_ml(height):
    """Volume of the part of the sphere above a plane at a signed height over the centre."""
    return math.pi * (RADIUS_MM - height) ** 2 * (2 * RADIUS_MM + height) / 3 / 1000


@pytest.mark.parametrize("cut", [0.35, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("turned", ANGLES)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_cut_sphere_is_found_without_bias(spacing, turned, cut):
    mask, centre = hip(spacing, turned, cut)
    labels = cropped(mask)
    sphere = fit_sphere(labels.array > 0, labels.grid)
    assert sphere.radius_mm == pytest.approx(RADIUS_MM, abs=0.1 * max(spacing))
    assert np.linalg.norm(sphere.centre_mm - centre) < 0.2 * max(spacing)
    assert sphere.residual_mm < max(spacing) / 2


def test_stub_of_neck_does_not_move_the_sphere():
    mask, centre = hip()
    place = mask.grid.to_mm(np.stack(np.meshgrid(*map(np.arange, mask.grid.size), indexing="ij"), -1)) - centre
    neck = np.array([0.5, 0.2, -0.8]) / np.linalg.norm([0.5, 0.2, -0.8])
    along = place @ neck
    stub = (along > 0) & (np.linalg.norm(place - along[..., None] * neck, axis=-1) < 14)
    labels = cropped(Volume(np.maximum(mask.array, stub), mask.grid))
    sphere = fit_sphere(labels.array > 0, labels.grid)
    assert sphere.radius_mm == pytest.approx(RADIUS_MM, abs=0.25)


@pytest.mark.parametrize("turned", ANGLES)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_volumes_are_those_of_the_solids(spacing, turned):
    found = measure(hip(spacing, turned)[0])
    # A random grid misplaces each surface voxel by chance, so the error falls with the surface; 1 % covers 3 mm slices.
    assert found.head_ml == pytest.approx(cap_ml(-RADIUS_MM / 2), rel=0.01)
    assert found.head_diameter_mm == pytest.approx(2 * RADIUS_MM, abs=0.2 * max(spacing))
    top_area_ml = math.pi * (RADIUS_MM**2 - 12**2) / 1000
    margin = top_area_ml * max(spacing) / 2  # a flat top moves by up to half a voxel as one
    assert found.necrosis_ml == pytest.approx(cap_ml(12), abs=margin + 0.02)
    assert found.necrosis_percent == pytest.approx(100 * found.necrosis_ml / found.head_ml)
    whole_ml = cap_ml(-RADIUS_MM)
    assert found.necrosis_percent_of_sphere == pytest.approx(100 * found.necrosis_ml / whole_ml, rel=0.02)
    assert found.warnings == ()


def test_mirrored_hip_has_the_same_numbers():
    mask = hip((1.25, 1.0, 0.9), offset=(0.31, 0.17, -0.23))[0]
    mirrored = Volume(np.ascontiguousarray(mask.array[:, :, ::-1]), mask.grid)
    found, other = measure(mask), measure(mirrored)
    for name, value in vars(found).items():
        tolerance = 1.0 if name.endswith("deg") else 1e-6  # a ray along a voxel's edge may read either voxel
        assert getattr(other, name) == (value if name == "warnings" else pytest.approx(value, abs=tolerance))


@given(st.floats(0.8, 1.25))
@settings(deadline=None, max_examples=10)
def test_scaled_spacing_scales_volumes_and_lengths(scale):
    mask = hip((2.0, 1.5, 1.0))[0]
    z, y, x = (scale * step for step in mask.grid.spacing_mm)
    found, scaled = measure(mask), measure(Volume(mask.array, replace(mask.grid, spacing_mm=(z, y, x))))
    assert scaled.head_ml == pytest.approx(scale**3 * found.head_ml)
    assert scaled.necrosis_ml == pytest.approx(scale**3 * found.necrosis_ml)
    assert scaled.head_diameter_mm == pytest.approx(scale * found.head_diameter_mm)
    assert scaled.necrosis_percent == found.necrosis_percent
    assert scaled.necrosis_percent_of_sphere == pytest.approx(found.necrosis_percent_of_sphere)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (2, 0, 1)])
def test_order_of_the_array_axes_does_not_matter(order):
    mask = hip((1.25, 1.0, 0.9), (20, 0, 10))[0]
    z, y, x = (mask.grid.spacing_mm[axis] for axis in order)
    direction = direction_of(np.asarray(mask.grid.direction)[:, order])
    turned = mask.array.transpose(order)
    found, other = measure(mask), measure(Volume(turned, Grid(turned.shape, (z, y, x), mask.grid.origin_mm, direction)))
    for name, value in vars(found).items():
        tolerance = 1.0 if name.endswith("deg") else 0.05 if "surface" in name else 1e-6
        assert getattr(other, name) == (value if name == "warnings" else pytest.approx(value, abs=tolerance))


def test_healthy_hip_has_no_kerboul_grade_and_says_why():
    found = measure(hip(cap_mm=100)[0])
    assert (found.necrosis_ml, found.necrosis_percent, found.kerboul_deg) == (0, 0, 0)
    assert found.kerboul_grade is None
    assert found.warnings == ("no necrosis: no Kerboul grade",)


def test_head_that_is_necrotic_throughout():
    found = measure(hip(cap_mm=-100)[0])
    assert found.necrosis_percent == 100
    assert found.necrotic_surface_percent == 100
    assert found.kerboul_grade == 4


def test_head_at_the_border_is_told():
    mask = hip()[0]
    cut = Volume(mask.array[10:], mask.grid.part((10, 0, 0), (46, 56, 56)))
    assert any("touches the border" in warning for warning in measure(cut).warnings)


@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_implausible_volume_is_told(scale):
    mask = hip()[0]
    scaled = Volume(mask.array, replace(mask.grid, spacing_mm=(scale,) * 3))
    (warning,) = measure(scaled).warnings
    assert "plausible are 22 to 65 ml" in warning


@pytest.mark.parametrize(("flattened_mm", "told"), [(0, False), (2, False), (4, True), (6, True)])
def test_collapse_beyond_the_sphere_is_told(flattened_mm, told):
    mask, centre = hip()
    height = mask.grid.to_mm(np.stack(np.meshgrid(*map(np.arange, mask.grid.size), indexing="ij"), -1))[..., 2]
    dome = height - centre[2] <= RADIUS_MM - flattened_mm
    warnings = measure(Volume(mask.array * dome.astype(np.uint8), mask.grid)).warnings
    assert any("collapse" in warning for warning in warnings) == told


def test_box_is_told_not_to_be_round():
    labels = np.zeros((20, 50, 60), np.uint8)
    labels[2:18, 2:48, 2:58] = 1
    found = measure(Volume(labels, Grid((20, 50, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction_of(UPRIGHT))))
    assert any("is not round" in warning or "no sphere" in warning for warning in found.warnings)


def test_what_has_no_sphere_is_empty_and_says_why():
    labels = np.zeros((3, 3, 3), np.uint8)
    labels[1, 1, 1] = 2
    found = measure(Volume(labels, Grid((3, 3, 3), (1.0, 2.0, 30.0), (0.0, 0.0, 0.0), direction_of(UPRIGHT))))
    assert found.necrosis_ml == pytest.approx(0.06)
    assert found.head_diameter_mm is None
    assert found.kerboul_deg is None
    assert any("no sphere fits" in warning for warning in found.warnings)


def test_empty_mask_is_refused():
    with pytest.raises(LabelError, match="no femoral head"):
        measure(Volume(np.zeros((3, 3, 3), np.uint8), Grid((3,) * 3, (1.0,) * 3, (0.0,) * 3, direction_of(UPRIGHT))))
