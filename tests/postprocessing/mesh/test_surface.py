"""Surfaces: closed, as large as their masks, where their masks are, on every kind of grid."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.labels import Region
from postprocessing.mesh.surface import VOLUME_TOLERANCE, surface
from tests.helpers.dicom_files import AXIAL, ball
from tests.helpers.solid_hips import GRIDS, RADIUS_MM, hip

CUBE = Grid((24, 24, 24), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXIAL)
CAP = 0.4 * RADIUS_MM


@pytest.mark.parametrize(("spacing", "turned"), GRIDS)
@pytest.mark.parametrize("region", Region)
def test_a_surface_is_closed_and_as_large_as_its_mask(spacing, turned, region):
    labels, _ = hip(lambda place: place[..., 2] > CAP, spacing, turned)
    mask = region.mask(labels.array)
    made = surface(mask, labels.grid, "hip")
    assert made.is_watertight
    assert made.is_winding_consistent
    ml = np.count_nonzero(mask) * labels.grid.voxel_ml
    assert made.volume / 1000 == pytest.approx(ml, rel=VOLUME_TOLERANCE / 10)
    centre = labels.grid.to_mm(np.argwhere(mask).astype(float)).mean(axis=0)
    np.testing.assert_allclose(made.center_mass, centre, atol=0.1)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.25, 1.0), (4.0, 0.8, 0.8)])
def test_no_point_lies_farther_than_half_a_voxel_from_the_ball(spacing):
    grid = Grid(tuple(int(60 / step) for step in spacing), spacing, (-30.0, -30.0, -30.0), AXIAL)
    made = surface(ball(grid, (1.0, 0.5, -0.5), 22.0), grid, "ball")
    away = np.abs(np.linalg.norm(made.vertices - (1.0, 0.5, -0.5), axis=1) - 22.0)
    assert away.max() <= np.linalg.norm(spacing) / 2


def test_each_part_of_a_mask_has_its_surface():
    """A cube, a single voxel, and a cube with a hole inside."""
    mask = np.zeros(CUBE.size, bool)
    mask[2:9, 2:9, 2:9] = mask[20, 20, 20] = mask[11:18, 3:10, 3:10] = True
    mask[14, 6, 6] = False
    made = surface(mask, CUBE, "parts")
    assert made.is_watertight
    assert made.volume == pytest.approx(np.count_nonzero(mask), rel=VOLUME_TOLERANCE)
    near = cKDTree(made.vertices[:, ::-1]).query(np.argwhere(mask))[0]
    assert near[np.argwhere(mask).tolist().index([20, 20, 20])] < 1


def test_a_mask_at_the_border_of_its_image_is_closed_there():
    mask = np.zeros(CUBE.size, bool)
    mask[:5, :, 20:] = True
    made = surface(mask, CUBE, "border")
    assert made.is_watertight
    assert made.volume == pytest.approx(np.count_nonzero(mask), rel=VOLUME_TOLERANCE)


def test_a_mask_without_a_voxel_has_none():
    with pytest.raises(LabelError, match="hip: holds no voxel of this region"):
        surface(np.zeros(CUBE.size, bool), CUBE, "hip")
