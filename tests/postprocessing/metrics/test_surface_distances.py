import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from onfh_nnunet.core.volume import Volume
from postprocessing.metrics.surface_distances import surface_distances
from tests.helpers.mask_pairs import ball, cuboid, random_pair
from tests.helpers.paths import REAL

SEEDS = range(300)
TOLERANCE_MM = 1e-5
SINGLE_PRECISION_MM = 1e-4  # MONAI finds the rank of a percentile in float32
NSD_MM = 1.3  # no multiple of a spacing: a tie would depend on how a tool rounds

MONAI_WARNS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
OLD_SCIPY_NAMES = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # surface-distance uses them

EMPTY, FULL = np.zeros((12, 12, 14), bool), cuboid((4, 4, 4), (8, 8, 8))


def surface_mm(mask, spacing):
    """By definition: voxels of the mask that an erosion through faces takes away."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing


def monai_of(reference, prediction, spacing):
    import torch

    settings = {"include_background": True, "spacing": list(spacing)}
    pair = (torch.from_numpy(np.ascontiguousarray(mask[None, None], np.float32)) for mask in (prediction, reference))
    return (*pair, settings)


@pytest.mark.parametrize("seed", range(40))
def test_distances_are_those_of_all_pairs_of_surface_voxels(seed):
    reference, prediction, spacing = random_pair(seed)
    found = surface_distances(reference, prediction, spacing)
    between = cdist(surface_mm(reference, spacing), surface_mm(prediction, spacing))
    assert np.sort(found.from_reference) == pytest.approx(np.sort(between.min(axis=1)))
    assert np.sort(found.from_prediction) == pytest.approx(np.sort(between.min(axis=0)))


@pytest.mark.parametrize("gap", range(1, 9))
def test_near_and_far_surfaces_are_measured_alike(gap):
    size, spacing = (4, 4, 20), (3.0, 0.7, 1.1)
    first, second = cuboid((1, 1, 2), (3, 3, 4), size), cuboid((1, 1, 3 + gap), (3, 3, 5 + gap), size)
    found = surface_distances(first, second, spacing)
    assert found.hd_mm == pytest.approx((gap + 1) * 1.1)
    assert found.from_reference.min() == pytest.approx(gap * 1.1)


@MONAI_WARNS
@pytest.mark.parametrize("seed", SEEDS)
def test_monai_agrees(seed):
    from monai import metrics
    from monai.metrics.utils import get_edge_surface_distance

    reference, prediction, spacing = random_pair(seed)
    found = surface_distances(reference, prediction, spacing)
    pred, true, settings = monai_of(reference, prediction, spacing)
    assd = metrics.compute_average_surface_distance(pred, true, symmetric=True, **settings).item()
    _, directed, _ = get_edge_surface_distance(pred[0, 0] > 0, true[0, 0] > 0, spacing=spacing, symmetric=True)
    hd95 = max(np.percentile(one.double(), 95) for one in directed)
    hd = metrics.compute_hausdorff_distance(pred, true, **settings).item()
    nsd = metrics.compute_surface_dice(pred, true, [NSD_MM], **settings).item()
    assert (found.assd_mm, found.hd95_mm, found.hd_mm) == pytest.approx((assd, hd95, hd), abs=TOLERANCE_MM, rel=0)
    assert found.nsd(NSD_MM) == pytest.approx(nsd, abs=1e-6)
    single = metrics.compute_hausdorff_distance(pred, true, percentile=95, **settings).item()
    assert found.hd95_mm == pytest.approx(single, abs=SINGLE_PRECISION_MM)


@MONAI_WARNS
@pytest.mark.real_data
@pytest.mark.parametrize("label", [41, 49, 60, 100])
def test_monai_agrees_on_real_masks(label):
    from monai import metrics

    folder = REAL / "panoptica-spine" / "semantic"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set ONFH_TEST_DATA")
    true, pred = (Volume.read(folder / f"{name}.nii.gz") for name in ("ref", "pred"))
    found = surface_distances(true.array == label, pred.array == label, true.grid.spacing_mm)
    inner = [np.pad(mask.array == label, 2) for mask in (true, pred)]  # off the border, which MONAI treats differently
    y_pred, y, settings = monai_of(*inner, true.grid.spacing_mm)
    assd = metrics.compute_average_surface_distance(y_pred, y, symmetric=True, **settings).item()
    hd = metrics.compute_hausdorff_distance(y_pred, y, **settings).item()
    assert (found.assd_mm, found.hd_mm) == pytest.approx((assd, hd), abs=TOLERANCE_MM, rel=0)
    nsd = metrics.compute_surface_dice(y_pred, y, [NSD_MM], **settings).item()
    assert found.nsd(NSD_MM) == pytest.approx(nsd, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS[:120])
def test_medpy_agrees(seed):
    from medpy.metric import binary

    reference, prediction, spacing = random_pair(seed)
    found = surface_distances(reference, prediction, spacing)
    to_pred, to_true = (binary.asd(a, b, spacing) for a, b in ((reference, prediction), (prediction, reference)))
    assert found.from_reference.mean() == pytest.approx(to_pred, abs=TOLERANCE_MM, rel=0)
    assert found.from_prediction.mean() == pytest.approx(to_true, abs=TOLERANCE_MM, rel=0)
    assd = binary.assd(prediction, reference, spacing, connectivity=1)
    assert found.assd_mm == pytest.approx(assd, abs=TOLERANCE_MM, rel=0)


def test_medpy_pools_the_directions_of_hd95_and_differs():
    from medpy.metric import binary

    reference = cuboid((2, 2, 2), (10, 10, 10))
    prediction = reference | cuboid((5, 5, 10), (8, 8, 13))  # a spike: far from the reference, near the prediction
    found = surface_distances(reference, prediction, (1.0, 1.0, 4.0))
    theirs = binary.hd95(prediction, reference, (1.0, 1.0, 4.0))
    assert theirs == pytest.approx(np.percentile(np.concatenate([found.from_reference, found.from_prediction]), 95))
    assert found.hd95_mm == pytest.approx(np.percentile(found.from_prediction, 95))
    assert found.hd95_mm > theirs + 1


@OLD_SCIPY_NAMES
@pytest.mark.parametrize("voxels", range(5))
@pytest.mark.parametrize("axis", range(3))
def test_surface_distance_agrees_where_no_weight_matters(axis, voxels):
    import surface_distance

    spacing = (0.7, 1.0, 2.5)
    reference = cuboid((3, 3, 3), (7, 7, 7))
    found = surface_distances(reference, np.roll(reference, voxels, axis), spacing)
    theirs = surface_distance.compute_surface_distances(reference, np.roll(reference, voxels, axis), spacing)
    hd = surface_distance.compute_robust_hausdorff(theirs, 100)
    assert found.hd_mm == pytest.approx(hd, abs=TOLERANCE_MM) == pytest.approx(voxels * spacing[axis])
    within = surface_distance.compute_surface_dice_at_tolerance(theirs, hd + TOLERANCE_MM)
    assert found.nsd(hd + TOLERANCE_MM) == pytest.approx(within) == 1


@OLD_SCIPY_NAMES
def test_surface_distance_agrees_that_far_surfaces_are_not_within():
    import surface_distance

    near, far = cuboid((2, 2, 2), (5, 5, 5)), cuboid((8, 8, 9), (11, 11, 13))
    theirs = surface_distance.compute_surface_distances(near, far, (1.0, 1.0, 1.0))
    assert surface_distance.compute_surface_dice_at_tolerance(theirs, 2.0) == 0
    assert surface_distances(near, far, (1.0, 1.0, 1.0)).nsd(2.0) == 0


@OLD_SCIPY_NAMES
@pytest.mark.parametrize("step", [1.0, 0.5, 0.25])
def test_surface_distance_is_met_in_the_limit_of_small_voxels(step):
    import surface_distance

    spacing = (step,) * 3
    reference, prediction = ball(spacing, 6, 7.5), ball(spacing, 6, 7.5, (0.8, 0.9, -0.6))
    found = surface_distances(reference, prediction, spacing)
    theirs = surface_distance.compute_surface_distances(reference, prediction, spacing)
    assert found.assd_mm == pytest.approx(
        np.mean(surface_distance.compute_average_surface_distance(theirs)), abs=step / 2
    )
    assert found.nsd(1) == pytest.approx(surface_distance.compute_surface_dice_at_tolerance(theirs, 1), abs=step / 4)


@OLD_SCIPY_NAMES
@MONAI_WARNS
def test_surface_distance_weights_by_area_and_differs_as_monai_does_with_subvoxels():
    import surface_distance
    from monai import metrics

    reference, prediction, spacing = cuboid((2, 2, 2), (8, 8, 8)), cuboid((2, 2, 2), (8, 8, 9)), (3.0, 0.5, 0.5)
    found = surface_distances(reference, prediction, spacing)
    theirs = surface_distance.compute_surface_distances(reference, prediction, spacing)
    nsd = surface_distance.compute_surface_dice_at_tolerance(theirs, 0.3)
    pred, true, settings = monai_of(reference, prediction, spacing)
    subvoxel = metrics.compute_surface_dice(pred, true, [0.3], use_subvoxels=True, **settings).item()
    voxel = metrics.compute_surface_dice(pred, true, [0.3], **settings).item()
    assert subvoxel == pytest.approx(nsd, abs=1e-6)
    assert found.nsd(0.3) == pytest.approx(voxel, abs=1e-6)
    assert abs(nsd - voxel) > 0.02


def test_hd95_is_the_larger_direction():
    small = cuboid((5, 5, 2), (7, 7, 4))
    large = small | cuboid((5, 5, 8), (7, 7, 10))
    assert surface_distances(small, large, (1.0, 1.0, 1.5)).hd95_mm == pytest.approx(6 * 1.5)
    assert surface_distances(large, small, (1.0, 1.0, 1.5)).hd95_mm == pytest.approx(6 * 1.5)


def test_few_far_voxels_put_assd_above_hd95():
    size = (5, 5, 200)
    plate = cuboid((2, 1, 1), (3, 4, 101), size)
    found = surface_distances(plate, plate | cuboid((2, 2, 190), (3, 3, 191), size), (1.0, 1.0, 20.0))
    assert found.hd95_mm == 0 < found.assd_mm < found.hd_mm


def test_slab_that_grows_by_one_slice():
    thin, thick = cuboid((3, 0, 0), (5, 12, 14)), cuboid((3, 0, 0), (6, 12, 14))
    found = surface_distances(thin, thick, (2.0, 1.0, 1.0))
    inner = 10 * 12  # of the middle slice, which is surface only at the border of the image
    n_thin, n_thick = 2 * 168, 3 * 168 - inner
    # Of the thick slab only its last slice is off, by 2 mm; of the thin one the inside of its last slice is, which is
    # no surface of the thick: to the rim, or to the next slice.
    to_rim = [min(2.0, y + 1.0, x + 1.0, 10.0 - y, 12.0 - x) for y in range(10) for x in range(12)]
    assert found.assd_mm == pytest.approx((168 * 2.0 + sum(to_rim)) / (n_thin + n_thick))


@pytest.mark.parametrize("voxels", range(1, 9))
def test_tolerance_includes_its_bound_wherever_the_masks_lie(voxels):
    size = (3, 3, 300)
    for start in (1, 77, 280):
        first, second = cuboid((1, 1, start), (2, 2, start + 1), size), np.zeros(size, bool)
        second[1, 1, start + voxels] = True
        assert surface_distances(first, second, (1.0, 1.0, 0.1)).nsd(voxels * 0.1) == 1


@pytest.mark.parametrize(("reference", "prediction"), [(EMPTY, EMPTY), (EMPTY, FULL), (FULL, EMPTY)])
def test_empty_mask_has_no_surface(reference, prediction):
    with pytest.raises(ValueError, match="no surface"):
        surface_distances(reference, prediction, (1.0, 1.0, 1.0))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_order_of_the_distances(seed):
    found = surface_distances(*random_pair(seed))
    assert 0 <= found.hd95_mm <= found.hd_mm
    assert 0 <= found.assd_mm <= found.hd_mm
    assert found.nsd(found.hd_mm) == 1


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.floats(0, 20), min_size=2, max_size=6))
def test_nsd_rises_with_its_tolerance(seed, tolerances):
    found = surface_distances(*random_pair(seed))
    shares = [found.nsd(tolerance) for tolerance in sorted(tolerances)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
