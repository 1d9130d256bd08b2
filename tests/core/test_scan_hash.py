"""A scan is recognised whatever its file is like and whatever lies inside of it; another scan is not."""

import numpy as np
import pytest

from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.scan_hash import scan_sha256
from onfh_nnunet.core.volume import Volume

AXES = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # array axes along head, back, left
SPACING = (2.0, 1.0, 1.5)


def scan(array, axes=AXES, spacing=SPACING):
    return Volume(array, Grid(array.shape, spacing, (4.0, -3.0, 60.0), direction_of(axes)))


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(1, 900, (9, 12, 10)).astype(np.int16)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32, np.float64, ">f4"])
def test_number_type_does_not_matter(grey, kind):
    assert scan_sha256(scan(grey.astype(kind))) == scan_sha256(scan(grey))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
def test_axes_of_the_array_do_not_matter(grey, order, signs):
    turned = grey[tuple(slice(None, None, sign) for sign in signs)].transpose(order)
    axes = (AXES * signs)[:, order]
    assert scan_sha256(scan(turned, axes, tuple(SPACING[axis] for axis in order))) == scan_sha256(scan(grey))


def test_zeros_around_do_not_matter(grey):
    assert scan_sha256(scan(np.pad(grey, ((0, 3), (2, 0), (1, 1))))) == scan_sha256(scan(grey))


def test_what_lies_inside_does_not_matter_and_each_voxel_of_the_border_does(grey):
    inside = grey.copy()
    inside[1:-1, 1:-1, 1:-1] = 7
    assert scan_sha256(scan(inside)) == scan_sha256(scan(grey))
    rng = np.random.default_rng(1)
    for axis in range(3):
        for end in (0, -1):
            place = [int(rng.integers(n)) for n in grey.shape]
            place[axis] = end
            other = grey.copy()
            other[tuple(place)] += 1
            assert scan_sha256(scan(other)) != scan_sha256(scan(grey))


def test_mirror_image_is_another_scan(grey):
    assert scan_sha256(scan(grey[:, :, ::-1])) != scan_sha256(scan(grey))


def test_negative_zero_is_zero(grey):
    zero = grey.astype(np.float32)
    zero[0, 3, 3] = 0.0
    negative = zero.copy()
    negative[0, 3, 3] = -0.0
    assert scan_sha256(scan(negative)) == scan_sha256(scan(zero))


def test_scan_of_zeros_has_a_hash(grey):
    assert len(scan_sha256(scan(0 * grey))) == 64
