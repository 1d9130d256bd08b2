"""How the phantom is read out: chemical shift, slab wrap and slice profiles against closed forms."""

import numpy as np
import pytest

from dataset_conversion.phantom.anatomy.anatomy import Part
from dataset_conversion.phantom.anatomy.shapes import Ellipsoid, LocalFrame
from dataset_conversion.phantom.anatomy.tissue import Tissue
from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.mri.render import displaced, render, wrapped
from dataset_conversion.phantom.mri.slice_profile import OVERLAPPING, PARTITIONS, THICK
from dataset_conversion.phantom.mri.spgr_sequence import Sequence
from onfh_nnunet.core.choices import Plane

PROFILES = (PARTITIONS, OVERLAPPING, THICK)


@pytest.mark.parametrize("samples", [0.0, 0.25, 1.0, 2.75])
def test_displaced_ramp_is_the_ramp_less_the_displacement(samples):
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None], (2, 20, 3))
    moved = displaced(ramp, samples)
    assert np.allclose(moved[:, 4:], ramp[:, 4:] - samples, atol=1e-5)
    assert moved.shape == ramp.shape
    assert (moved[:, 0] == 0).all()  # what comes in from beyond the field is what lies at its border


@pytest.mark.parametrize("slices", [1, 2, 5, 12])
def test_uniform_slab_does_not_show_its_wrap(slices):
    slab = wrapped(np.full((slices + 6, 2, 3), 7, np.float32))
    assert slab.shape == (slices, 2, 3)
    assert np.allclose(slab, 7)


@pytest.mark.parametrize(("beyond", "seen"), [(2, 9), (1, 8), (0, 7), (13, 0), (14, 1), (15, 2)])
def test_what_lies_beyond_one_end_of_a_slab_is_seen_faintly_at_the_other(beyond, seen):
    signal = np.zeros((16, 1, 1), np.float32)  # ten slices and three beyond each end
    signal[beyond] = 100
    slab = wrapped(signal)[:, 0, 0]
    assert len(slab) == 10
    assert np.flatnonzero(slab).tolist() == [seen]
    assert 0 < slab[seen] < 16


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_has_its_middle_in_the_slice_and_its_thickness(profile):
    assert sum(profile.weights) == pytest.approx(1)
    assert profile.weights == profile.weights[::-1]
    # a profile is as wide as a box of its height and area
    width = 1 / max(profile.weights) / profile.per_step
    assert width == pytest.approx(profile.thickness_steps, rel=0.01)


@pytest.mark.parametrize("profile", PROFILES)
def test_samples_lie_around_their_voxels(profile):
    grid = ScanProtocol(Plane.OBLIQUE, (3.0, 1.5, 1.0)).grid((5.0, 6.0, 7.0), (8.0, 12.0, 9.0))
    fine = profile.sampled(grid)
    slices = profile.planes(np.empty(fine.size, np.uint8))
    assert {plane.shape[0] for _, plane in slices} == {grid.size[0]}
    assert fine.size[1:] == tuple(profile.per_pixel * n for n in grid.size[1:])
    number = np.zeros(fine.size, np.uint8) + np.arange(fine.size[0], dtype=np.uint8)[:, None, None]
    for k in range(grid.size[0]):
        middle = sum(weight * float(plane[k, 0, 0]) for weight, plane in profile.planes(number))
        pixel = (profile.per_pixel - 1) / 2
        assert np.allclose(fine.to_mm((middle, pixel, pixel)), grid.to_mm((k, 0, 0)), atol=1e-4)


@pytest.mark.parametrize("profile", [PARTITIONS, THICK])
@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_fat_is_seen_in_its_place_and_water_beside_it(profile, field_t):
    grid = ScanProtocol(spacing_mm=(1.0, 1.0, 1.0)).grid((0.0, 0.0, 0.0), (80.0, 30.0, 40.0))
    placed = [
        (LocalFrame((x, 0.0, 0.0)), Part(Ellipsoid((0, 0, 0), (8, 8, 8)), ((0.0, tissue),)))
        for x, tissue in ((-20.0, Tissue.FAT), (20.0, Tissue.FLUID))
    ]
    sequence = Sequence(15.0, 4.6, 20.0, field_t, 200.0 * field_t / 1.5)
    image = render(placed, grid, sequence, profile, np.random.default_rng(0))
    image = image[4:26, 9:31] - image[:, :4].mean()  # less the noise of the air
    z, row, _ = np.indices(image.shape)
    fat, water = (
        [np.average(axis[..., half], weights=image[..., half]) for axis in (z, row)]
        for half in (slice(9, 31), slice(49, 71))
    )
    assert fat == pytest.approx([10.5, 10.5], abs=0.1)
    assert water == pytest.approx([10.5, 10.5 + sequence.fat_shift_pixels], abs=0.1)
    assert sequence.fat_shift_pixels == pytest.approx(1.09, abs=0.01)
