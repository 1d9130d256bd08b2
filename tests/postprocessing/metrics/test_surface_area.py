import itertools
from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk

from postprocessing.metrics.surface_area import surface_area_mm2
from tests.helpers.mask_pairs import axes_mm, ball, random_pair

SPACINGS = [(1.0, 1.0, 1.0), (1.0, 0.78, 0.78), (1.0, 1.25, 1.25), (1.6, 0.8, 0.8), (3.0, 0.6, 0.6)]


@cache
def seen_of_facets(spacing):
    """Crofton's share of a flat facet of many normals, with weights found by throwing points at the sphere."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(60_000, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    steps = np.array([step for step in itertools.product((-1, 0, 1), repeat=3) if any(step)]) * spacing
    directions = steps / np.linalg.norm(steps, axis=1)[:, None]
    along = normals @ directions.T
    weights = np.bincount(along.argmax(axis=1), minlength=26) / len(normals)
    return 2 * np.abs(along) @ weights


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize(("radius", "bound"), [(8, 0.03), (16, 0.015), (24, 0.01)])
def test_ball(spacing, radius, bound):
    rng = np.random.default_rng(radius)
    for _ in range(3):
        mask = ball(spacing, radius, radius + 1, tuple(rng.uniform(-0.5, 0.5, 3)))
        assert surface_area_mm2(mask, spacing) == pytest.approx(4 * np.pi * radius**2, rel=bound)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("axis", [*np.eye(3), (0.6, 0.48, 0.64), (-0.36, 0.8, 0.48)], ids=lambda axis: f"{axis}")
def test_cylinder_is_off_by_no_more_than_its_worst_facet(spacing, axis):
    radius, length = 15, 40
    position = axes_mm(spacing, 27, (0.2, -0.1, 0.3))
    along = sum(mm * cosine for mm, cosine in zip(position, axis, strict=True))
    mask = (sum(mm**2 for mm in position) - along**2 < radius**2) & (np.abs(along) < length / 2)
    area = 2 * np.pi * radius * (radius + length)
    ragged = max(spacing) / length  # the cylinder's end lies up to half a voxel off at both ends
    facets = seen_of_facets(spacing)
    assert area * (facets.min() - ragged) <= surface_area_mm2(mask, spacing) <= area * (facets.max() + ragged)


@pytest.mark.parametrize(
    ("spacing", "low", "high"), [(SPACINGS[0], -7, 2), (SPACINGS[1], -9, 6), (SPACINGS[-1], -23, 10)]
)
def test_facet_errors_are_those_of_the_docstring(spacing, low, high):
    percent = 100 * (seen_of_facets(spacing) - 1)
    assert (percent.min(), percent.max()) == pytest.approx((low, high), abs=0.6)


@pytest.mark.parametrize("seed", range(40))
def test_itk_agrees_at_equal_spacing(seed):
    mask, _, spacing = random_pair(seed)
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing((spacing[0],) * 3)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    assert surface_area_mm2(mask, (spacing[0],) * 3) == pytest.approx(shape.GetPerimeter(1), rel=1e-6)


def test_inner_surface_counts():
    spacing = (1.0, 0.78, 0.78)
    shell = ball(spacing, 20, 22) & ~ball(spacing, 12, 22)
    assert surface_area_mm2(shell, spacing) == pytest.approx(4 * np.pi * (20**2 + 12**2), rel=0.01)


def test_border_of_the_image_is_surface():
    mask = np.ones((4, 5, 6), bool)
    assert surface_area_mm2(mask, (1.0, 2.0, 0.5)) == surface_area_mm2(np.pad(mask, 3), (1.0, 2.0, 0.5)) > 0


def test_nothing_has_no_surface():
    assert surface_area_mm2(np.zeros((4, 5, 6), bool), (1.0, 1.0, 1.0)) == 0


@pytest.mark.parametrize("seed", range(10))
def test_turned_and_scaled(seed):
    mask, _, (z, y, x) = random_pair(seed)
    area = surface_area_mm2(mask, (z, y, x))
    assert surface_area_mm2(mask.transpose(2, 0, 1)[::-1], (x, z, y)) == pytest.approx(area)
    assert surface_area_mm2(mask, (3 * z, 3 * y, 3 * x)) == pytest.approx(9 * area)
