"""The parts of a mask."""

import numpy as np

from onfh_nnunet.core.components import components_of


def test_parts_are_told_by_faces_and_ordered_by_size():
    mask = np.zeros((3, 4, 6), np.uint8)
    mask[0, 0, :2] = 1
    mask[1, 1, 2] = 2  # meets the first at an edge only
    mask[:, 3, 3:] = 1
    mask[2, 0, 0] = 1
    parts = components_of(mask)
    assert len(parts) == 4
    assert parts.voxels.tolist() == [0, 2, 9, 1, 1]
    assert parts.by_size == [2, 1, 3, 4]  # of equal ones the first in the array comes first
    assert parts.mask(2)[:, 3, 3:].all()
    assert parts.mask(2).sum() == 9
    assert parts.boxes()[0] == (slice(0, 1), slice(0, 1), slice(0, 2))
    assert parts.centroids([2, 1]).tolist() == [[1, 3, 4], [0, 0, 0.5]]


def test_empty_mask_has_no_parts():
    parts = components_of(np.zeros((2, 2, 2), bool))
    assert (len(parts), parts.by_size, parts.boxes(), parts.voxels.tolist()) == (0, [], [], [0])


def test_components_that_hold_a_voxel_of_a_mask_are_whole():
    array = np.zeros((1, 3, 7), np.uint8)
    array[0, :, :3], array[0, 0, 4:], array[0, 2, 4:] = 1, 1, 1
    where = np.zeros(array.shape, bool)
    where[0, 1, 1] = where[0, 0, 6] = where[0, 1, 5] = True  # one in the first, one in the second, one in none
    expected = array > 0
    expected[0, 2, 4:] = False
    assert np.array_equal(components_of(array).holding(where), expected)
    assert not components_of(array).holding(np.zeros(array.shape, bool)).any()
