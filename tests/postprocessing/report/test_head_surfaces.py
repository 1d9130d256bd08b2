"""Surfaces of a page: few, closed, outwards, and where and as large as the masks."""

from dataclasses import replace

import numpy as np
import pytest
from trimesh import Trimesh

from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from postprocessing.report.head_surfaces import STEP_MM, TRIANGLES, head_surfaces
from tests.helpers.solid_hips import RADIUS_MM, hip


def decoded(one):
    places = np.frombuffer(one.content, "<i2", 3 * one.vertices).reshape(-1, 3) * STEP_MM
    return Trimesh(places, np.frombuffer(one.content, "<u2", offset=6 * one.vertices).reshape(-1, 3), process=False)


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (1.25, 1.0, 1.25), (3.0, 0.7, 0.7)])
def test_surfaces_are_closed_and_as_large_as_the_masks(spacing):
    labels, _ = hip(lambda place: place[..., 2] > 0.4 * RADIUS_MM, spacing, (10, 0, 20))
    made = head_surfaces(HipMask(labels), "hip")
    for region, one in made.items():
        mesh, mask = decoded(one), region.mask(labels.array)
        assert len(mesh.faces) <= TRIANGLES
        assert mesh.is_watertight
        assert mesh.volume / 1000 == pytest.approx(np.count_nonzero(mask) * labels.grid.voxel_ml, rel=0.03)
    apart = [labels.grid.to_mm(np.argwhere(region.mask(labels.array)).mean(axis=0)) for region in Region]
    seen = [decoded(made[region]).center_mass for region in Region]
    np.testing.assert_allclose(seen[1] - seen[0], apart[1] - apart[0], atol=0.5)


def test_a_head_without_necrosis_has_one_surface_and_specks_have_none():
    labels, _ = hip(lambda place: np.zeros(place.shape[:-1], bool), (2.0, 2.0, 2.0))
    assert list(head_surfaces(HipMask(labels), "hip")) == [Region.HEAD]
    array = labels.array.copy()
    array[tuple(np.argwhere(array == 1)[100])] = 2
    array[np.linalg.norm(np.moveaxis(np.indices(array.shape), 0, -1) - (16, 14, 14), axis=-1) < 4] = 2
    speckled = head_surfaces(HipMask(replace(labels, array=array)), "hip")
    assert decoded(speckled[Region.NECROSIS]).body_count == 1


def test_a_surface_too_wide_for_its_bytes_is_left_out():
    labels, _ = hip(lambda place: place[..., 2] > 9, (2.0, 2.0, 2.0))
    wide = Volume(labels.array, replace(labels.grid, spacing_mm=(40.0, 40.0, 40.0)))
    assert head_surfaces(HipMask(wide), "hip") == {}
