"""The way from a raw scan to each hip and back, with a network that is perfect by construction.

The oracles read heads, sides and necrosis off the grey values, so that boxes, mirroring, sides and the way back are
tested exactly. What the trained locator sees is tested in test_locator.py.
"""

import itertools
import re

import numpy as np
import pytest
from scipy import ndimage

from onfh_nnunet.core.errors import HipNotFound, SideError
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HIP_BOX_MM, HipCrop
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.head_candidates import is_signal_void
from onfh_nnunet.inference.hip_prediction import predict_hips
from onfh_nnunet.inference.locator import LocatedHead

AIR, HEAD, NECROSIS, SHAFT = 0, 100, 200, 300
RIGHT, LEFT = np.array([-88.0, 4.0, 10.0]), np.array([90.0, -2.0, 4.0])


class Oracle:
    """A network that was trained on right hips: it outlines no other."""

    def __init__(self, canonical_only=True, hip_box_mm=HIP_BOX_MM):
        self.canonical_only, self.hip_box_mm = canonical_only, hip_box_mm

    def probabilities(self, hip):
        x = np.argwhere(hip.array == SHAFT)[:, 2]
        head = np.argwhere(hip.array >= HEAD)[:, 2]
        as_right = x.size == 0 or x.mean() < head.mean()  # lateral is the patient's right: low index
        if self.canonical_only and not as_right:
            return np.zeros((2, *hip.array.shape), np.float32)
        regions = [np.isin(hip.array, [HEAD, NECROSIS]), hip.array == NECROSIS]
        return np.where(regions, 0.98, 0.01).astype(np.float32) * (hip.array > AIR)


def locator(off_mm=(0.0, 0.0, 0.0)):
    """Sees the heads, a little off their centres, and their sides by their shafts."""

    def locate(volume):
        components, count = ndimage.label(np.isin(volume.array, [HEAD, NECROSIS]))
        shafts = volume.grid.to_mm(np.argwhere(volume.array == SHAFT))
        seen = []
        for number in range(1, count + 1):
            centre = volume.grid.to_mm(np.argwhere(components == number)).mean(axis=0)
            near = shafts[np.abs(shafts[:, 0] - centre[0]) < 60][:, 0]
            rightness = 0.5 if not near.size else float(near.mean() < centre[0])
            seen.append(LocatedHead(centre + np.array(off_mm), rightness, 0.9))
        return sorted(seen, key=lambda head: head.centre_mm[0])

    return locate


def predicted(volume, side=None, **kwargs):
    return predict_hips(volume, Oracle(**kwargs), side, "scan", locator())


def grid_of(extent_mm, spacing=(3.0, 2.5, 2.0), order=(0, 1, 2), signs=(1, 1, 1), centre=(0.0, 0.0, 0.0)):
    axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)[:, order] * np.array(signs)
    size = tuple(int(np.abs(axes[:, axis]) @ extent_mm / spacing[axis]) for axis in range(3))
    origin = np.array(centre) - axes @ ((np.array(size) - 1) / 2 * spacing)
    return Grid(size, spacing, tuple(origin), direction_of(axes))


def scan(grid, *hips):
    """Grey values of hips, each a head's centre and the patient's side."""
    positions = grid.to_mm(np.stack(np.meshgrid(*map(np.arange, grid.size), indexing="ij"), axis=-1))
    grey = np.full(grid.size, 1)
    for centre, side in hips:
        lateral = -1 if side is Side.RIGHT else 1
        off = positions - centre
        shaft = (np.abs(off[..., 0] - lateral * 30) < 6) & (np.abs(off[..., 1]) < 8) & (off[..., 2] < -20)
        distance = np.linalg.norm(off, axis=-1)
        grey[shaft] = SHAFT
        grey[distance < 24] = HEAD
        grey[np.linalg.norm(off - [0, -10, 12], axis=-1) < 9] = NECROSIS
    return Volume(grey, grid)


def expected(volume, centre):
    """The label map of the hip around a head's centre."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.grid.size), indexing="ij"), axis=-1)
    near = np.linalg.norm(volume.grid.to_mm(index) - centre, axis=-1) < 40
    return near * np.select([volume.array == HEAD, volume.array == NECROSIS], [1, 2])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, -1)])
def test_both_hips_of_a_scan_in_any_plane(order, signs):
    volume = scan(grid_of((330, 110, 200), order=order, signs=signs), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT))
    right, left = predicted(volume)
    assert (right.side, left.side) == (Side.RIGHT, Side.LEFT)
    for hip, centre in ((right, RIGHT), (left, LEFT)):
        assert hip.mask().grid == volume.grid
        assert np.array_equal(hip.mask().array, expected(volume, centre))
        assert hip.warnings == ()


@pytest.mark.parametrize(("centre", "side"), [(RIGHT, Side.RIGHT), (LEFT, Side.LEFT)])
def test_side_of_a_single_hip_is_recognised_by_its_anatomy(centre, side):
    volume = scan(grid_of((150, 90, 150), centre=centre), (centre, side))
    (hip,) = predicted(volume)
    assert hip.side is side
    assert np.array_equal(hip.mask().array, expected(volume, centre))


def test_only_the_wanted_side_is_given():
    volume = scan(grid_of((330, 110, 200)), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT))
    (hip,) = predicted(volume, Side.LEFT)
    assert hip.side is Side.LEFT
    assert np.array_equal(hip.mask().array, expected(volume, LEFT))


def test_hips_that_look_mirrored_are_refused():
    volume = scan(grid_of((330, 110, 200)), (RIGHT, Side.LEFT), (LEFT, Side.RIGHT))
    with pytest.raises(SideError, match="look mirrored"):
        predicted(volume)


def test_single_hip_that_contradicts_a_wide_scan_is_refused():
    volume = scan(grid_of((330, 110, 200)), (RIGHT, Side.LEFT))
    with pytest.raises(SideError, match="looks like L where the patient's R is"):
        predicted(volume)


def test_hip_without_a_telling_shape_needs_a_side():
    volume = scan(grid_of((150, 90, 150), centre=RIGHT), (RIGHT, Side.RIGHT))
    plain = Volume(np.where(volume.array == SHAFT, 1, volume.array), volume.grid)
    with pytest.raises(SideError, match="`side`"):
        predicted(plain)
    (hip,) = predicted(plain, Side.LEFT)
    assert hip.side is Side.LEFT
    (warning,) = hip.warnings
    assert re.fullmatch(r"read as side L, as asked; but it lies 8\d mm to .* right of the scanner's middle", warning)


def test_scan_without_a_head_is_refused():
    with pytest.raises(HipNotFound, match="no femoral head"):
        predicted(scan(grid_of((150, 90, 150))))


@pytest.mark.parametrize("off_mm", [(5.0, 0.0, 0.0), (9.0, -8.0, 6.0)])
def test_head_off_the_boxs_centre_is_read_around_itself(off_mm):
    volume = scan(grid_of((330, 140, 220)), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT))
    for hip, centre in zip(predict_hips(volume, Oracle(), None, "scan", locator(off_mm)), (RIGHT, LEFT), strict=True):
        assert np.array_equal(hip.mask().array, expected(volume, centre))
        middle = hip.crop.grid.corners_mm().mean(axis=0)
        assert np.linalg.norm(middle - centre) < (8 if np.linalg.norm(off_mm) < 6 else 3)


def test_head_that_the_model_does_not_outline_is_told():
    volume = scan(grid_of((330, 110, 200)), (RIGHT, Side.RIGHT), (LEFT, Side.RIGHT))

    def both(_):
        return [LocatedHead(RIGHT, 1.0, 0.9), LocatedHead(LEFT, 0.0, 0.9)]

    (hip,) = predict_hips(volume, Oracle(), None, "scan", both)
    assert hip.side is Side.RIGHT
    assert "a head on side L that the model does not outline" in hip.warnings[0]
    assert hip.other_missed == hip.warnings[0]
    with pytest.raises(HipNotFound, match="does not outline"):
        predict_hips(volume, Oracle(), Side.LEFT, "scan", both)


def with_void(volume, centre):
    """A metal head: a hole a little larger than a head."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.grid.size), indexing="ij"), axis=-1)
    hole = np.linalg.norm(volume.grid.to_mm(index) - centre, axis=-1) < 26
    return Volume(np.where(hole, 0, volume.array), volume.grid)


class Sure(Oracle):
    """Outlines a head where there is a hole, too."""

    def probabilities(self, hip):
        return super().probabilities(Volume(np.where(hip.array < 0.5, HEAD, hip.array), hip.grid))


def test_metal_is_no_head():
    volume = with_void(scan(grid_of((330, 110, 200)), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT)), LEFT)

    def both(_):
        return [LocatedHead(RIGHT, 1.0, 0.9), LocatedHead(LEFT, 0.0, 0.9)]

    (hip,) = predict_hips(volume, Sure(), None, "scan", both)
    assert hip.side is Side.RIGHT
    assert hip.warnings == ("the scan shows a head on side L that gives no signal, as metal does",)
    with pytest.raises(HipNotFound, match="shows a femoral head that gives no signal, as metal does"):
        predict_hips(volume, Sure(), Side.LEFT, "scan", both)


class Unsure(Oracle):
    """Outlines as the oracle does, and is as sure as it is told to be."""

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def probabilities(self, hip):
        return np.where(super().probabilities(hip) > 0.5, self.probability, 0.01).astype(np.float32)


@pytest.mark.parametrize(("probability", "warned"), [(0.98, False), (0.81, True)])
def test_head_that_is_recognised_poorly_is_told(probability, warned):
    volume = scan(grid_of((150, 90, 150), centre=RIGHT), (RIGHT, Side.RIGHT))
    (hip,) = predict_hips(volume, Unsure(probability), None, "scan", locator())
    assert ["recognised poorly (score 0.6" in warning for warning in hip.warnings] == [True] * warned


def test_head_that_is_hardly_recognised_gets_no_mask():
    volume = scan(grid_of((150, 90, 150), centre=RIGHT), (RIGHT, Side.RIGHT))
    with pytest.raises(HipNotFound, match=r"recognises too poorly to outline \(score 0\.40, needed is 0\.6\)"):
        predict_hips(volume, Unsure(0.7), None, "scan", locator())


def test_void_is_told_from_dark_marrow():
    """Signal counts from 0, or from the least value of an image that was standardised."""
    head = np.zeros((8, 8, 8), bool)
    head[2:6, 2:6, 2:6] = True
    for zero in (0.0, -1.5):
        for signal, expected in ((0.0, True), (0.09, True), (0.11, False), (0.9, False), (3.0, False)):
            image = np.where(head, signal, 1.0) + zero
            image[0, 0, 0] = zero
            assert is_signal_void(image, head) is expected
    assert not is_signal_void(np.zeros((8, 8, 8)), np.ones((8, 8, 8), bool))
    assert not is_signal_void(np.zeros((8, 8, 8)), head)


def test_only_head_of_a_wide_scan_is_told():
    wide = scan(grid_of((330, 110, 200)), (RIGHT, Side.RIGHT))
    assert [hip.warnings for hip in predicted(wide)] == [
        ("the scan is 330 mm wide, and only one femoral head was found in it",)
    ]
    assert [hip.other_missed for hip in predicted(wide)] == [hip.warnings[0] for hip in predicted(wide)]
    assert [(hip.warnings, hip.other_missed) for hip in predicted(wide, Side.RIGHT)] == [((), "")]
    with pytest.raises(HipNotFound, match="shows no hip on side L"):
        predicted(wide, Side.LEFT)


def test_model_is_shown_boxes_as_large_as_those_it_learned_from():
    volume = scan(grid_of((330, 140, 200)), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT))
    for edge in (60.0, 96.0):
        for hip in predicted(volume, hip_box_mm=edge):
            edges = np.array(hip.crop.size) * hip.crop.grid.spacing_mm
            assert ((edge - 3 < edges) & (edges <= edge)).all()


def test_head_larger_than_its_box_is_told():
    """A head of 48 mm in a box of 44 mm; where the scan itself ends, there is nothing beyond to be missed."""
    volume = scan(grid_of((330, 110, 200)), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT))
    for hip in predicted(volume, hip_box_mm=44.0):
        assert any("reaches the edge of the box" in warning for warning in hip.warnings)
    (hip,) = predicted(scan(grid_of((40, 40, 40), centre=RIGHT), (RIGHT, Side.RIGHT)), Side.RIGHT)
    assert not any("reaches the edge" in warning for warning in hip.warnings)


def test_box_of_a_mirrored_hip_is_where_the_hip_is():
    volume = scan(grid_of((330, 110, 200)), (RIGHT, Side.RIGHT), (LEFT, Side.LEFT))
    left = predicted(volume, Side.LEFT)[0]
    assert left.crop.mirrored
    middle = left.crop.grid.to_mm((np.array(left.crop.size) - 1) / 2)
    assert np.allclose(middle, HipCrop.around(volume.grid, LEFT, mirrored=True).grid.corners_mm().mean(axis=0), atol=3)
