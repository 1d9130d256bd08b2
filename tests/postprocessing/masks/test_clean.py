import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from postprocessing.masks.clean import clean, require_hip_labels

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def volume(array):
    return Volume(np.asarray(array), Grid(np.shape(array), (1.5, 0.75, 1.25), (-4.0, 3.0, 2.0), IDENTITY))


def two_blocks(first, second):
    labels = np.zeros((4, 5, 20), np.int16)
    labels[1:3, 1:4, 2 : 2 + first] = 1
    labels[1:3, 1:4, 12 : 12 + second] = 2
    return labels


def test_largest_component_stays_with_its_necrosis():
    labels = two_blocks(5, 4)
    labels[1, 1, 3] = 2
    kept = clean(volume(labels), "P001_R")
    assert kept.array.dtype == np.uint8
    assert np.array_equal(kept.array[..., :10], labels[..., :10])
    assert not kept.array[..., 10:].any()


def test_first_of_two_equal_components_stays():
    kept = clean(volume(two_blocks(4, 4)), "P001_R").array
    assert np.array_equal(np.unique(kept), [0, 1])


def test_components_that_touch_at_an_edge_are_two():
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[0, 0, :3] = 1
    labels[1, 1, :2] = 1
    assert np.count_nonzero(clean(volume(labels), "P001_R").array) == 3


def test_enclosed_hole_becomes_viable_head_and_open_one_stays():
    labels = np.full((7, 7, 7), 1, np.uint8)
    labels[3, 3, 3] = 0
    labels[0, 0, 3] = 0
    kept = clean(volume(labels), "P001_R").array
    assert kept[3, 3, 3] == 1
    assert kept[0, 0, 3] == 0


def test_necrosis_within_a_hole_stays_necrosis():
    labels = np.full((9, 9, 9), 1, np.uint8)
    labels[3:6, 3:6, 3:6] = 0
    labels[4, 4, 4] = 2
    kept = clean(volume(labels), "P001_R").array
    assert kept.all()
    assert np.argwhere(kept == 2).tolist() == [[4, 4, 4]]


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 0.9))
def test_cleaned_mask_is_one_component_without_holes_and_stays_when_cleaned_again(seed, filled):
    rng = np.random.default_rng(seed)
    labels = (rng.random((6, 7, 8)) < filled) * rng.integers(1, 3, (6, 7, 8))
    labels[0, 0, 0] = 1
    once = clean(volume(labels), "P001_R")
    assert ndimage.label(once.array > 0)[1] == 1
    assert np.array_equal(ndimage.binary_fill_holes(once.array > 0), once.array > 0)
    assert not ((once.array == 2) & (labels != 2)).any()
    assert np.array_equal(clean(once, "P001_R").array, once.array)


@pytest.mark.parametrize("check", [clean, require_hip_labels])
def test_empty_mask_is_refused_by_name(check):
    with pytest.raises(LabelError, match=r"P001_R: holds no femoral head"):
        check(volume(np.zeros((3, 3, 3), np.uint8)), "P001_R")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_accepted(kind):
    accepted = require_hip_labels(volume(two_blocks(5, 4).astype(kind)), "P001_R")
    assert accepted.array.dtype == np.uint8
    assert np.array_equal(accepted.array, two_blocks(5, 4))


def test_head_that_is_necrotic_throughout_is_legal():
    assert require_hip_labels(volume(np.full((3, 3, 3), 2)), "P001_R").array.min() == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3, "0, 1, 3"), (0.5, "0, 0.5, 1"), (-1, "-1, 0, 1"), (257, "0, 1, 257"), (1e9, r"0, 1, 1e\+09")],
)
def test_other_values_are_listed(value, shown):
    labels = np.zeros((3, 3, 3))
    labels[0, 0, :2] = 1, value
    with pytest.raises(LabelError, match=f"P001_R: holds the values {shown}, expected 0, 1 and 2"):
        require_hip_labels(volume(labels), "P001_R")


def test_many_other_values_are_cut_short():
    with pytest.raises(LabelError, match=r"0, 1, 2, 3, 4, 5, 6, 7, \.\.\., expected"):
        require_hip_labels(volume(np.arange(64).reshape(4, 4, 4)), "P001_R")


def test_mask_of_both_hips_is_refused_and_a_speck_is_not():
    labels = np.zeros((20, 20, 40), np.uint8)
    labels[5:15, 5:15, 3:13] = 1
    labels[2, 2, 35] = 2
    grid = Grid(labels.shape, (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    assert np.array_equal(require_hip_labels(Volume(labels.copy(), grid), "P1").array, labels)
    labels[5:15, 5:15, 25:35] = 1
    with pytest.raises(LabelError, match="P1: holds two separate heads"):
        require_hip_labels(Volume(labels, grid), "P1")
