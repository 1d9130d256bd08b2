import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from onfh_nnunet.core.bounding_box import bounding_box, crop_with_border, expand, nonzero_indices


def random_mask(seed, dtype=bool):
    rng = np.random.default_rng(seed)
    mask = np.zeros(rng.integers(1, 9, 3), dtype)
    mask[tuple(rng.integers(0, mask.shape, (rng.integers(0, 5), 3)).T)] = 1
    return mask


@pytest.mark.parametrize("dtype", [bool, np.uint8])
@given(seed=st.integers(0, 2**32 - 1))
def test_bounding_box_holds_all_and_no_more(seed, dtype):
    mask = random_mask(seed, dtype)
    expected = ndimage.find_objects(mask.astype(int))
    assert bounding_box(mask) == (expected[0] if expected else None)


@given(st.integers(0, 2**32 - 1))
def test_voxels_are_those_of_argwhere(seed):
    mask = random_mask(seed)
    assert np.array_equal(nonzero_indices(mask), np.argwhere(mask))


def test_layers_are_real_as_far_as_the_array_goes_and_then_zero():
    array = np.arange(1, 6)[:, None, None]
    box = expand((slice(1, 2), slice(0, 1), slice(0, 1)), (2, 0, 3))
    assert array[box].ravel().tolist() == [1, 2, 3, 4]
    assert crop_with_border(array, box, (1, 0, 2)).shape == (6, 1, 5)
    assert crop_with_border(array, box).shape == (6, 3, 3)
