import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocessing.metrics.lesion_detection import LesionDetection, match_lesions
from tests.helpers.mask_pairs import cuboid, random_pair

SIZE = (20, 20, 40)
SPACING = (1.0, 1.0, 1.0)
NOTHING = np.zeros(SIZE, bool)
LEFT = cuboid((2, 2, 2), (12, 12, 12), SIZE)
RIGHT = cuboid((2, 2, 22), (12, 12, 32), SIZE)


def shifted(mask, voxels):
    return np.roll(mask, voxels, axis=2)


@pytest.mark.parametrize(
    ("reference", "prediction", "counts"),
    [
        (NOTHING, NOTHING, (0, 0, 0)),
        (NOTHING, LEFT, (0, 0, 1)),
        (LEFT, NOTHING, (0, 1, 0)),
        (LEFT, LEFT, (1, 0, 0)),
        (LEFT | RIGHT, LEFT, (1, 1, 0)),
        (LEFT, LEFT | RIGHT, (1, 0, 1)),
        (LEFT, RIGHT, (0, 1, 1)),
        (LEFT | RIGHT, LEFT | RIGHT, (2, 0, 0)),
    ],
    ids=["none", "invented", "missed", "found", "one of two", "one too many", "elsewhere", "both"],
)
def test_table(reference, prediction, counts):
    assert match_lesions(reference, prediction, SPACING) == LesionDetection(*counts)


@pytest.mark.parametrize(("voxels", "hit"), [(8, True), (9, False)])  # IoU 2/18 and 1/19
def test_hit_needs_a_tenth_of_the_union(voxels, hit):
    assert match_lesions(LEFT, shifted(LEFT, voxels), SPACING).true_positives == hit


def test_exactly_a_tenth_is_a_hit():
    size = (10, 10, 30)
    whole, tenth = cuboid((0, 0, 0), (10, 10, 20), size), cuboid((0, 0, 0), (10, 10, 2), size)
    assert match_lesions(whole, tenth, SPACING) == LesionDetection(1, 0, 0)


def test_each_lesion_is_matched_once():
    halves = cuboid((2, 2, 2), (12, 12, 6), SIZE) | cuboid((2, 2, 7), (12, 12, 12), SIZE)
    assert match_lesions(LEFT, halves, SPACING) == LesionDetection(1, 0, 1)
    assert match_lesions(halves, LEFT, SPACING) == LesionDetection(1, 1, 0)


def test_as_many_pairs_as_possible_are_matched():
    first, second = cuboid((2, 2, 2), (12, 12, 8), SIZE), cuboid((2, 2, 10), (12, 12, 22), SIZE)
    across = cuboid((2, 2, 2), (12, 12, 14), SIZE)  # hits both, and the best of its hits is the first
    rest = cuboid((2, 2, 15), (12, 12, 22), SIZE)
    assert match_lesions(first | second, across | rest, SPACING) == LesionDetection(2, 0, 0)
    only_first = cuboid((2, 2, 2), (12, 12, 8), SIZE) | cuboid((2, 2, 15), (12, 12, 16), SIZE)
    assert match_lesions(first | second, only_first, SPACING) == LesionDetection(1, 1, 1)


def test_edges_and_corners_do_not_connect():
    corner = cuboid((2, 2, 2), (8, 8, 8), SIZE) | cuboid((8, 8, 8), (14, 14, 14), SIZE)
    assert match_lesions(corner, corner, SPACING) == LesionDetection(2, 0, 0)


@pytest.mark.parametrize(("voxels", "lesions"), [(100, 1), (99, 0)])  # of 0.001 ml
def test_less_than_a_tenth_of_a_millilitre_is_no_lesion(voxels, lesions):
    mask = np.zeros((1, 1, 120), bool)
    mask[..., :voxels] = True
    nothing = np.zeros_like(mask)
    assert match_lesions(mask, nothing, SPACING) == LesionDetection(0, lesions, 0)
    assert match_lesions(nothing, mask, SPACING) == LesionDetection(0, 0, lesions)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_exchanged_masks_exchange_misses_and_inventions(seed):
    reference, prediction, spacing = random_pair(seed)
    one, other = match_lesions(reference, prediction, spacing), match_lesions(prediction, reference, spacing)
    assert other == LesionDetection(one.true_positives, one.false_positives, one.false_negatives)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_a_mask_finds_all_of_itself(seed):
    mask, _, spacing = random_pair(seed)
    found = match_lesions(mask, mask, spacing)
    assert (found.false_negatives, found.false_positives) == (0, 0)
