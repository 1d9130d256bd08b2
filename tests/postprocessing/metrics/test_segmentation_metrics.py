from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.errors import GridMismatch
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from postprocessing.metrics.segmentation_metrics import compare, compare_region, surface_distances
from tests.helpers.mask_pairs import TURNS, ball, cuboid, random_pair

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
MM = ("assd_mm", "hd95_mm", "hd_mm", "centroid_distance_mm")
MM2 = ("area_true_mm2", "area_pred_mm2")
ML = ("ml_true", "ml_pred")
EMPTY, FULL = np.zeros((12, 12, 14), bool), cuboid((4, 4, 4), (8, 8, 8))


@pytest.mark.parametrize("seed", range(40))
def test_overlap_and_centres_are_those_of_other_tools(seed):
    from medpy.metric import binary
    from scipy import ndimage

    reference, prediction, spacing = random_pair(seed)
    found = compare_region(reference, prediction, spacing)
    assert found.dice == pytest.approx(binary.dc(prediction, reference))
    assert found.iou == pytest.approx(binary.jc(prediction, reference))
    centres = (np.array(ndimage.center_of_mass(mask)) * spacing for mask in (reference, prediction))
    assert found.centroid_distance_mm == pytest.approx(np.linalg.norm(np.subtract(*centres)))


def test_metrics_of_a_region_are_those_of_its_distances():
    reference, prediction, spacing = random_pair(1)
    found, apart = compare_region(reference, prediction, spacing), surface_distances(reference, prediction, spacing)
    assert (found.assd_mm, found.hd95_mm, found.hd_mm) == (apart.assd_mm, apart.hd95_mm, apart.hd_mm)
    assert found.nsd_1mm == apart.nsd(1)


@pytest.mark.parametrize(("axis", "spacing"), [(0, (0.7, 1.0, 2.5)), (1, (0.7, 1.0, 2.5)), (2, (0.7, 1.0, 2.5))])
def test_shifted_voxel_lies_one_spacing_apart(axis, spacing):
    first, second = cuboid((4, 4, 4), (5, 5, 5)), np.roll(cuboid((4, 4, 4), (5, 5, 5)), 1, axis)
    metrics = compare_region(first, second, spacing)
    assert (metrics.dice, metrics.iou) == (0, 0)
    assert [getattr(metrics, name) for name in MM] == pytest.approx([spacing[axis]] * 4)
    assert metrics.nsd_1mm == (1 if spacing[axis] <= 1 else 0)
    assert metrics.ml_true == metrics.ml_pred == pytest.approx(0.7 * 2.5 / 1000)


def test_balls_that_grow_and_move():
    spacing, radius = (1.0, 0.78, 0.78), 12
    small, large = ball(spacing, radius, 20), ball(spacing, radius + 3, 20, (0.0, 2.0, 0.0))
    metrics = compare_region(small, large, spacing)
    ml = [4 / 3 * np.pi * r**3 / 1000 for r in (radius, radius + 3)]
    assert (metrics.ml_true, metrics.ml_pred) == pytest.approx(tuple(ml), rel=0.01)
    assert metrics.dice == pytest.approx(2 * ml[0] / sum(ml), rel=0.01)  # the small one lies inside the large one
    assert metrics.centroid_distance_mm == pytest.approx(2, abs=0.05)
    assert metrics.hd_mm == pytest.approx(3 + 2, abs=1.5)  # each surface is known to half a voxel's diagonal
    assert (metrics.area_true_mm2, metrics.area_pred_mm2) == pytest.approx((1809.6, 2827.4), rel=0.02)
    assert metrics.volume_error_ml == pytest.approx(ml[1] - ml[0], rel=0.01)
    assert metrics.volume_error_percent == pytest.approx(100 * (1.25**3 - 1), rel=0.02)


def test_volume_errors_keep_their_sign():
    half = compare_region(FULL, FULL & (np.arange(14) < 6), (1.0, 1.0, 1.0))
    assert (half.volume_error_ml, half.absolute_volume_error_ml) == pytest.approx((-0.032, 0.032))
    assert (half.volume_error_percent, half.absolute_volume_error_percent) == pytest.approx((-50, 50))


@pytest.mark.parametrize(
    ("reference", "prediction", "overlap", "mm", "nsd", "percent", "n_true", "n_pred"),
    [
        (EMPTY, EMPTY, None, None, None, None, 0, 0),
        (EMPTY, FULL, None, None, None, None, 0, 64),
        (FULL, EMPTY, 0, None, 0, -100, 64, 0),
        (FULL, FULL, 1, 0, 1, 0, 64, 64),
    ],
)
def test_empty_case_table(reference, prediction, overlap, mm, nsd, percent, n_true, n_pred):
    metrics = compare_region(reference, prediction, (1.0, 1.5, 2.0))
    assert (metrics.dice, metrics.iou, metrics.nsd_1mm) == (overlap, overlap, nsd)
    assert [getattr(metrics, name) for name in MM] == [mm] * 4
    assert (metrics.ml_true, metrics.ml_pred) == pytest.approx((n_true * 3 / 1000, n_pred * 3 / 1000))
    assert (metrics.area_true_mm2 > 0, metrics.area_pred_mm2 > 0) == (n_true > 0, n_pred > 0)
    found, missed, false = n_true and n_pred, n_true and not n_pred, n_pred and not n_true  # 0.192 ml: one lesion
    counts = (metrics.true_positives, metrics.false_negatives, metrics.false_positives)
    assert counts == (bool(found), bool(missed), bool(false))
    assert metrics.volume_error_percent == percent
    assert metrics.absolute_volume_error_percent == (None if percent is None else abs(percent))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from(TURNS))
def test_turned_masks_have_the_same_metrics(seed, turn):
    reference, prediction, spacing = random_pair(seed)
    order, signs = turn
    flips = tuple(slice(None, None, sign) for sign in signs)
    turned = [mask.transpose(order)[flips] for mask in (reference, prediction)]
    plain = asdict(compare_region(reference, prediction, spacing))
    assert asdict(compare_region(*turned, tuple(spacing[axis] for axis in order))) == pytest.approx(plain)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.tuples(st.integers(0, 7), st.integers(0, 7))] * 3))
def test_place_in_the_image_changes_nothing(seed, margins):
    reference, prediction, spacing = random_pair(seed)
    moved = [np.pad(mask, margins) for mask in (reference, prediction)]
    assert compare_region(*moved, spacing) == compare_region(reference, prediction, spacing)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_scaled_spacing_scales_distances_areas_and_volumes(seed, scale):
    reference, prediction, spacing = random_pair(seed)
    plain = compare_region(reference, prediction, spacing)
    scaled = compare_region(reference, prediction, tuple(scale * step for step in spacing))
    assert (scaled.dice, scaled.iou) == (plain.dice, plain.iou)
    for names, power in ((MM, 1), (MM2, 2), (ML, 3)):
        expected = [scale**power * getattr(plain, name) for name in names]
        assert [getattr(scaled, name) for name in names] == pytest.approx(expected)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_exchanged_masks_exchange_what_has_a_side(seed):
    reference, prediction, spacing = random_pair(seed)
    one, other = compare_region(reference, prediction, spacing), compare_region(prediction, reference, spacing)
    for name in ("dice", "iou", "hd95_mm", "hd_mm", "nsd_1mm", "assd_mm", "centroid_distance_mm", "true_positives"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))
    assert (one.ml_true, one.area_true_mm2, one.false_negatives) == (
        other.ml_pred,
        other.area_pred_mm2,
        other.false_positives,
    )
    assert one.volume_error_ml == -other.volume_error_ml


def volume(labels, spacing=(1.0, 0.5, 2.0)):
    return Volume(labels, Grid(labels.shape, spacing, (0.0, 0.0, 0.0), IDENTITY))


def test_label_maps_are_compared_by_nested_regions():
    labels = np.zeros((12, 12, 14), np.uint8)
    labels[2:10, 2:10, 2:10] = 1
    labels[2:6, 2:10, 2:10] = 2
    metrics = compare(volume(labels), volume(np.where(labels == 2, 1, labels)), "P001_R")
    assert metrics[Region.HEAD].dice == 1
    assert metrics[Region.HEAD].ml_true == pytest.approx(0.512)
    assert (metrics[Region.NECROSIS].dice, metrics[Region.NECROSIS].ml_pred) == (0, 0)
    assert metrics[Region.NECROSIS].assd_mm is None
    assert metrics[Region.NECROSIS].false_negatives == 1


def test_head_of_ten_voxels_is_compared():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[4, 4, 2:7], labels[4, 5, 2:7] = 1, 2
    metrics = compare(volume(labels), volume(np.roll(labels, 1, axis=0)), "P001_R")
    assert (metrics[Region.HEAD].dice, metrics[Region.HEAD].assd_mm) == (0, 1)
    assert (metrics[Region.NECROSIS].ml_true, metrics[Region.NECROSIS].hd_mm) == pytest.approx((0.005, 1))


def test_two_empty_label_maps_are_undefined():
    empty = volume(np.zeros((2, 3, 4), np.uint8))
    assert all(metrics.dice is None for metrics in compare(empty, empty, "P001_R").values())


@pytest.mark.parametrize(
    ("size", "spacing", "message"),
    [((2, 3, 4), (1.2, 1.0, 1.0), "P001_R: spacing"), ((2, 3, 5), (1.0, 1.0, 1.0), "P001_R: size")],
)
def test_other_grid_is_refused_by_name(size, spacing, message):
    one = volume(np.ones((2, 3, 4), np.uint8), (1.0, 1.0, 1.0))
    with pytest.raises(GridMismatch, match=message):
        compare(one, volume(np.ones(size, np.uint8), spacing), "P001_R")
