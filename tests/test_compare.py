import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from onfh_nnunet.errors import GridMismatch
from onfh_nnunet.grid import Grid
from onfh_nnunet.labels import Region
from onfh_nnunet.volume import Volume
from postprocessing.compare import compare, compare_region, surface_distances

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
SEEDS = range(30)
TOLERANCE_MM = 1e-5
SINGLE_PRECISION_MM = 1e-4  # MONAI interpolates percentiles in float32


def blob(rng, size):
    """A smooth random shape, of one or several parts, off the border: MONAI treats it differently."""
    noise = ndimage.gaussian_filter(rng.normal(size=size), 2)
    inside = np.zeros(size, bool)
    inside[2:-2, 2:-2, 2:-2] = (noise > np.quantile(noise, rng.uniform(0.3, 0.8)))[2:-2, 2:-2, 2:-2]
    return inside


def random_pair(seed):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(12, 26, 3))
    spacing = tuple(float(step) for step in rng.uniform(0.4, 3, 3))
    return blob(rng, size), blob(rng, size), spacing


def cuboid(start, stop, size=(12, 12, 14)):
    mask = np.zeros(size, bool)
    mask[tuple(slice(*ends) for ends in zip(start, stop, strict=True))] = True
    return mask


@pytest.mark.parametrize("seed", SEEDS)
def test_medpy_agrees(seed):
    from medpy.metric import binary

    reference, prediction, spacing = random_pair(seed)
    ours = compare_region(reference, prediction, spacing)
    assert ours.dice == pytest.approx(binary.dc(prediction, reference))
    assd = binary.assd(prediction, reference, spacing, connectivity=1)
    assert ours.assd_mm == pytest.approx(assd, abs=TOLERANCE_MM)
    apart = surface_distances(reference, prediction, spacing)
    directed = [binary.asd(a, b, spacing) for a, b in ((reference, prediction), (prediction, reference))]
    assert apart.from_reference.mean() == pytest.approx(directed[0], abs=TOLERANCE_MM)
    assert apart.from_prediction.mean() == pytest.approx(directed[1], abs=TOLERANCE_MM)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_monai_agrees(seed):
    import torch
    from monai import metrics

    reference, prediction, spacing = random_pair(seed)
    ours = compare_region(reference, prediction, spacing)
    pred, true = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (prediction, reference))
    settings = {"include_background": True, "spacing": list(spacing)}
    assd = metrics.compute_average_surface_distance(pred, true, symmetric=True, **settings)
    hd95 = metrics.compute_hausdorff_distance(pred, true, percentile=95, **settings)
    nsd = metrics.compute_surface_dice(pred, true, [1.0], **settings)
    assert ours.assd_mm == pytest.approx(assd.item(), abs=TOLERANCE_MM)
    assert ours.hd95_mm == pytest.approx(hd95.item(), abs=SINGLE_PRECISION_MM)
    assert ours.nsd_1mm == pytest.approx(nsd.item(), abs=1e-6)


def test_medpy_pools_the_directions_of_hd95_and_differs():
    from medpy.metric import binary

    reference = cuboid((2, 2, 2), (10, 10, 10))
    prediction = reference | cuboid((5, 5, 10), (6, 6, 13))  # a thin spike: far from the reference, near the prediction
    prediction[5:7, 5:7, 12] = True
    apart = surface_distances(reference, prediction, (1.0, 1.0, 4.0))
    pooled = np.percentile(np.concatenate([apart.from_reference, apart.from_prediction]), 95)
    ours = compare_region(reference, prediction, (1.0, 1.0, 4.0)).hd95_mm
    theirs = binary.hd95(prediction, reference, (1.0, 1.0, 4.0))
    assert theirs == pytest.approx(pooled)
    assert ours == pytest.approx(np.percentile(apart.from_prediction, 95))
    assert ours >= theirs


def test_hd95_is_the_larger_direction():
    small = cuboid((5, 5, 2), (7, 7, 4))
    large = small | cuboid((5, 5, 8), (7, 7, 10))
    metrics = compare_region(small, large, (1.0, 1.0, 1.5))
    assert metrics.hd95_mm == pytest.approx(6 * 1.5)
    assert compare_region(large, small, (1.0, 1.0, 1.5)).hd95_mm == metrics.hd95_mm


@pytest.mark.parametrize(("axis", "spacing"), [(0, (0.7, 1.0, 2.5)), (1, (0.7, 1.0, 2.5)), (2, (0.7, 1.0, 2.5))])
def test_shifted_voxel_lies_one_spacing_apart(axis, spacing):
    first, second = cuboid((4, 4, 4), (5, 5, 5)), np.roll(cuboid((4, 4, 4), (5, 5, 5)), 1, axis)
    metrics = compare_region(first, second, spacing)
    assert metrics.dice == 0
    assert metrics.assd_mm == pytest.approx(spacing[axis])
    assert metrics.hd95_mm == pytest.approx(spacing[axis])
    assert metrics.nsd_1mm == (1 if spacing[axis] <= 1 else 0)
    assert metrics.ml_true == metrics.ml_pred == pytest.approx(0.7 * 2.5 / 1000)


def test_slab_that_grows_by_one_slice():
    thin, thick = cuboid((3, 0, 0), (5, 12, 14)), cuboid((3, 0, 0), (6, 12, 14))
    metrics = compare_region(thin, thick, (2.0, 1.0, 1.0))
    inner = 10 * 12  # of the middle slice, which is surface only at the border of the image
    n_thin, n_thick = 2 * 168, 3 * 168 - inner
    assert metrics.dice == pytest.approx(4 / 5)
    # Of the thick slab only its last slice is off, by 2 mm; of the thin one the inside of its last slice is, which is
    # no surface of the thick: to the rim, or to the next slice.
    to_rim = [min(2.0, y + 1.0, x + 1.0, 10.0 - y, 12.0 - x) for y in range(10) for x in range(12)]
    assert metrics.assd_mm == pytest.approx((168 * 2.0 + sum(to_rim)) / (n_thin + n_thick))
    assert metrics.volume_error_ml == pytest.approx(168 * 2 / 1000)


EMPTY, FULL = np.zeros((12, 12, 14), bool), cuboid((4, 4, 4), (8, 8, 8))


@pytest.mark.parametrize(
    ("reference", "prediction", "dice", "distance", "nsd", "n_true", "n_pred"),
    [
        (EMPTY, EMPTY, None, None, None, 0, 0),
        (EMPTY, FULL, 0, None, 0, 0, 64),
        (FULL, EMPTY, 0, None, 0, 64, 0),
        (FULL, FULL, 1, 0, 1, 64, 64),
    ],
)
def test_empty_case_table(reference, prediction, dice, distance, nsd, n_true, n_pred):
    metrics = compare_region(reference, prediction, (1.0, 1.0, 1.0))
    assert (metrics.dice, metrics.nsd_1mm) == (dice, nsd)
    assert (metrics.assd_mm, metrics.hd95_mm) == (distance, distance)
    assert (metrics.ml_true, metrics.ml_pred) == (n_true / 1000, n_pred / 1000)


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(itertools.permutations(range(3)))))
def test_permuted_or_mirrored_masks_have_the_same_metrics(seed, order):
    reference, prediction, spacing = random_pair(seed)
    plain = vars(compare_region(reference, prediction, spacing))
    turned = [mask.transpose(order)[:, ::-1] for mask in (reference, prediction)]
    assert vars(compare_region(*turned, tuple(spacing[axis] for axis in order))) == pytest.approx(plain)


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5))
def test_scaled_spacing_scales_distances_and_volumes(seed, scale):
    reference, prediction, spacing = random_pair(seed)
    plain = compare_region(reference, prediction, spacing)
    scaled = compare_region(reference, prediction, tuple(scale * step for step in spacing))
    assert scaled.dice == plain.dice
    assert scaled.assd_mm == pytest.approx(scale * plain.assd_mm)
    assert scaled.hd95_mm == pytest.approx(scale * plain.hd95_mm)
    assert scaled.ml_true == pytest.approx(scale**3 * plain.ml_true)


@given(st.integers(0, 2**32 - 1))
def test_exchanged_masks_have_the_same_distances(seed):
    reference, prediction, spacing = random_pair(seed)
    one, other = compare_region(reference, prediction, spacing), compare_region(prediction, reference, spacing)
    assert (one.dice, one.hd95_mm, one.nsd_1mm) == (other.dice, other.hd95_mm, other.nsd_1mm)
    assert one.assd_mm == pytest.approx(other.assd_mm)
    assert one.volume_error_ml == -other.volume_error_ml


def test_label_maps_are_compared_by_nested_regions():
    labels = np.zeros((12, 12, 14), np.uint8)
    labels[2:10, 2:10, 2:10] = 1
    labels[2:6, 2:10, 2:10] = 2
    grid = Grid(labels.shape, (1.0, 0.5, 2.0), (0.0, 0.0, 0.0), IDENTITY)
    metrics = compare(Volume(labels, grid), Volume(np.where(labels == 2, 1, labels), grid), "P001_R")
    assert metrics[Region.HEAD].dice == 1
    assert metrics[Region.HEAD].ml_true == pytest.approx(0.512)
    assert (metrics[Region.NECROSIS].dice, metrics[Region.NECROSIS].ml_pred) == (0, 0)
    assert metrics[Region.NECROSIS].assd_mm is None


def test_two_empty_label_maps_are_undefined():
    empty = Volume(np.zeros((2, 3, 4), np.uint8), Grid((2, 3, 4), (1.0,) * 3, (0.0,) * 3, IDENTITY))
    assert all(metrics.dice is None for metrics in compare(empty, empty, "P001_R").values())


def test_other_grid_is_refused_by_name():
    labels = np.ones((2, 3, 4), np.uint8)
    one, other = (Volume(labels, Grid((2, 3, 4), (step, 1.0, 1.0), (0.0,) * 3, IDENTITY)) for step in (1.0, 1.2))
    with pytest.raises(GridMismatch, match="P001_R: spacing"):
        compare(one, other, "P001_R")


def test_distances_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no surface"):
        surface_distances(EMPTY, EMPTY, (1.0, 1.0, 1.0))
