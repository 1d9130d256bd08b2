import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_conversion.hips.extraction import extract_hips
from onfh_nnunet.core.errors import GridMismatch, LabelError, SideError
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HIP_BOX_MM
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import LEFT, PELVIS, RADIUS_MM, RIGHT, ball, both_heads, head, noise
from tests.helpers.hip_cases import laid_back


def turned_pelvis(order, signs, angle):
    """A grid around the same pelvis whose axes are permuted, flipped and turned about the left-right axis."""
    columns = Rotation.from_euler("x", angle, degrees=True).as_matrix() @ np.array(PELVIS.direction)
    columns = columns[:, order] * np.array(signs)
    extent, spacing = np.array([130.0, 130.0, 290.0])[list(order)], np.array([5.0, 4.0, 3.0])
    size = np.ceil(extent / spacing).astype(int)
    origin = -columns @ ((size - 1) * spacing / 2)
    return Grid(tuple(size), tuple(spacing), tuple(origin), direction_of(columns))


GRIDS = [PELVIS] + [
    turned_pelvis(order, signs, angle)
    for order, signs, angle in zip(
        itertools.permutations(range(3)),
        [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, 1), (-1, -1, -1)],
        [0, 23, -30, 12, 40, -8],
        strict=True,
    )
]


@pytest.mark.parametrize("grid", GRIDS)
def test_both_hips_are_cut_and_go_back_voxel_for_voxel(grid, tmp_path):
    scan, label = noise(grid), both_heads(grid)
    hips = extract_hips(scan, label, "B", "case")
    assert [hip.side for hip in hips] == [Side.RIGHT, Side.LEFT]
    back = np.zeros(grid.size, np.uint8)
    for hip, centre in zip(hips, (RIGHT, LEFT), strict=True):
        hip.label.write(tmp_path / "label.nii.gz")
        hip.image.write(tmp_path / "image.nii.gz")
        mirrored = hip.side is Side.LEFT
        one = laid_back(Volume.read(tmp_path / "label.nii.gz"), mirrored, grid)
        image = laid_back(Volume.read(tmp_path / "image.nii.gz"), mirrored, grid)
        box = laid_back(Volume(np.ones(hip.image.grid.size, bool), hip.image.grid), mirrored, grid)
        assert np.array_equal(image[box], scan.array[box])
        assert np.linalg.norm(grid.to_mm(np.argwhere(one > 0)).mean(axis=0) - centre) < max(grid.spacing_mm)
        back += one
        assert hip.outside_ml == 0
    assert np.array_equal(back, label.array)


AXES = st.tuples(st.permutations(range(3)), st.tuples(*[st.sampled_from([-1, 1])] * 3))
TURNS = st.tuples(*[st.floats(-40, 40)] * 3)
SPACINGS = st.tuples(*[st.floats(3, 6)] * 3)


@settings(max_examples=40)
@given(AXES, TURNS, SPACINGS, st.integers(0, 2**32 - 1))
def test_any_grid_survives_the_way_to_the_hip_and_back(axes, turns, spacing, seed):
    order, signs = axes
    columns = Rotation.from_euler("xyz", turns, degrees=True).as_matrix()[:, order] * np.array(signs)
    size = np.ceil(290 / np.array(spacing)).astype(int)
    origin = -columns @ ((size - 1) * spacing / 2)
    grid = Grid(tuple(size), tuple(spacing), tuple(origin), direction_of(columns))
    scan, label = noise(grid, seed), both_heads(grid)
    right, left = extract_hips(scan, label, "B", "case")
    back = laid_back(right.label, False, grid) + laid_back(left.label, True, grid)
    assert np.array_equal(back, label.array)
    for hip, centre in ((right, RIGHT), (left, LEFT)):
        mirrored = hip.side is Side.LEFT
        box = laid_back(Volume(np.ones(hip.image.grid.size, bool), hip.image.grid), mirrored, grid)
        assert np.array_equal(laid_back(hip.image, mirrored, grid)[box], scan.array[box])
        middle = np.argwhere(laid_back(hip.label, mirrored, grid) > 0).mean(axis=0)
        assert np.linalg.norm(grid.to_mm(middle) - centre) < max(spacing)


def test_box_is_around_the_head():
    for hip in extract_hips(noise(), both_heads(), "B", "case"):
        edges = np.array(hip.label.grid.size) * hip.label.grid.spacing_mm
        assert ((edges > HIP_BOX_MM - 4.0) & (edges <= HIP_BOX_MM)).all()


def test_left_hip_looks_like_its_mirror_image():
    """A lesion at the lateral side of either hip lies at the same end of the array."""
    label = head(PELVIS, LEFT, array=head(PELVIS, RIGHT))
    for x, centre in ((-1, RIGHT), (1, LEFT)):
        lateral = (centre[0] + x * RADIUS_MM / 2, *centre[1:])
        label[ball(PELVIS, lateral, 8.0) & (label == 1)] = 2
    right, left = extract_hips(noise(), Volume(label, PELVIS), "B", "case")
    for hip in (right, left):
        necrosis = np.argwhere(hip.label.array == 2).mean(axis=0)
        assert necrosis[2] < np.argwhere(hip.label.array > 0).mean(axis=0)[2] - 1


@pytest.mark.parametrize(("side", "centre"), [("R", RIGHT), ("L", LEFT)])
def test_one_labelled_hip(side, centre):
    label = Volume(head(PELVIS, centre, 10.0), PELVIS)
    (hip,) = extract_hips(noise(), label, side, "case")
    assert hip.side == side
    assert np.array_equal(laid_back(hip.label, side == "L", PELVIS), label.array)


def test_speck_stays_with_its_hip():
    array = both_heads().array.copy()
    speck = ball(PELVIS, (LEFT[0] - 34, 0, 0), 4.0)
    assert speck.any()
    array[speck] = 1
    right, left = extract_hips(noise(), Volume(array, PELVIS), "B", "case")
    assert np.array_equal(
        laid_back(right.label, False, PELVIS) + laid_back(left.label, True, PELVIS),
        array,
    )
    assert right.outside_ml == left.outside_ml == 0


def test_label_outside_the_box_is_counted():
    array = head(PELVIS, RIGHT)
    array[ball(PELVIS, (18, 2, 2), 1.0)] = 1
    (hip,) = extract_hips(noise(), Volume(array, PELVIS), "R", "case")
    assert hip.outside_ml == pytest.approx(0.064)


def test_other_head_in_the_box_is_background():
    """Two heads as near as two can be, and a label of the left one that goes on towards the right one."""
    right_head, left_head = (ball(PELVIS, centre) for centre in ((-33.0, 0.0, 0.0), (33.0, 0.0, 0.0)))
    left_head |= np.any([ball(PELVIS, (x, 0, 0), 4.0) for x in range(0, 16, 2)], axis=0)
    label = Volume((right_head | left_head).astype(np.uint8), PELVIS)
    right, left = extract_hips(noise(), label, "B", "case")
    for hip, own in ((right, right_head), (left, left_head)):
        assert np.array_equal(laid_back(hip.label, hip.side is Side.LEFT, PELVIS) > 0, own)
        reach = np.count_nonzero(hip.crop.extract(label).array) - np.count_nonzero(hip.label.array)
        assert hip.other_ml == pytest.approx(reach * PELVIS.voxel_ml)
    assert right.other_ml > left.other_ml == 0


@pytest.mark.parametrize("side", ["L", "R"])
def test_an_unlabelled_other_hip_is_in_no_case(side):
    """So it can teach no background: the box ends 36 mm from a head whose other is 130 mm and more away."""
    centre, other = (LEFT, RIGHT) if side == "L" else (RIGHT, LEFT)
    (hip,) = extract_hips(noise(), Volume(head(PELVIS, centre), PELVIS), side, "case")
    assert not hip.crop.extract(Volume(head(PELVIS, other), PELVIS)).array.any()


def changed(where, value):
    array = both_heads().array.copy()
    array[where] = value
    return Volume(array, PELVIS)


@pytest.mark.parametrize(
    ("label", "side", "kind", "match"),
    [
        (changed(np.s_[:], 0), "B", LabelError, "empty head"),
        (changed(np.s_[:], 2), "R", LabelError, "empty head"),
        (changed((0, 0, 0), 2), "B", LabelError, r"lesion outside the head: 1 voxels, such as at \[-142.0, -54.0"),
        (both_heads(), "L", LabelError, "two heads, of .* ml, for side L. Use side B"),
        (Volume(head(PELVIS, LEFT), PELVIS), "B", LabelError, "no second above 5 ml"),
        (changed(ball(PELVIS, (0, 0, 0), 8.0), 1), "B", LabelError, "third component, of 2.* ml"),
    ],
)
def test_impossible_label_is_refused(label, side, kind, match):
    with pytest.raises(kind, match="case: .*" + match):
        extract_hips(noise(), label, side, "case")


def test_heads_above_each_other_are_refused():
    tall = Grid((40, 28, 40), (4.0, 4.0, 4.0), (-78.0, -54.0, -78.0), PELVIS.direction)
    label = head(tall, (0.0, 0.0, -45.0), array=head(tall, (0.0, 0.0, 45.0)))
    with pytest.raises(SideError, match="two heads 0 mm apart"):
        extract_hips(noise(tall), Volume(label, tall), "B", "case")


def test_image_and_label_on_different_grids_are_refused():
    other = Grid(PELVIS.size, PELVIS.spacing_mm, (-142.0, -54.0, -45.0), PELVIS.direction)
    with pytest.raises(GridMismatch, match="case: origin"):
        extract_hips(noise(), both_heads(other), "B", "case")
