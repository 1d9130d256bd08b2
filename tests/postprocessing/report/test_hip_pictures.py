import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from onfh_nnunet.core.errors import GridMismatch
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from postprocessing.report.hip_pictures import LABEL_STEP, hip_pictures, telling_slice, tiles
from postprocessing.report.slices import COLOURS

AXES = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
GRID = Grid((30, 32, 100), (2.0, 2.0, 2.0), (-99.0, 0.0, 0.0), AXES)


def head(x, grid=GRID):
    """A head of radius 16 mm, dead in its upper quarter, at a voxel from the right."""
    place = (np.moveaxis(np.indices(grid.size), 0, -1) - (15, 16, x)) * np.array(grid.spacing_mm)
    inside = np.linalg.norm(place, axis=-1) <= 16
    return Volume(inside + (inside & (place[..., 0] > 8)).astype(np.uint8), grid)


def drawn(x, side):
    labels = head(x)
    scan = Volume(np.random.default_rng(0).integers(0, 200, GRID.size).astype(np.uint8), GRID)
    crop = HipCrop.around(GRID, GRID.to_mm(np.array([15, 16, x])), mirrored=False, box_mm=50)
    whole = Volume(scan.array[:, 16:17], GRID.part((0, 16, 0), (30, 1, 100)))
    return hip_pictures(crop.extract(scan), whole, labels, side, "P001"), crop.extract(scan), crop.extract(labels)


@pytest.mark.parametrize(("x", "side"), [(20, Side.RIGHT), (80, Side.LEFT)])
def test_frame_lies_on_the_heads_side_of_the_whole_scan(x, side):
    pictures, _, _ = drawn(x, side)
    pixels = np.asarray(Image.open(io.BytesIO(pictures.whole)).convert("RGB")) / 255
    orange = np.argwhere(np.abs(pixels - to_rgb(COLOURS[Region.NECROSIS])).max(axis=-1) < 0.25)
    across = (orange[:, 1].min() + orange[:, 1].max()) / 2 / pixels.shape[1]
    assert across == pytest.approx((x + 0.5) / 100, abs=0.02)


def test_voxels_of_the_page_are_those_of_scan_and_mask():
    pictures, scan, labels = drawn(20, Side.RIGHT)
    voxels = pictures.voxels
    assert voxels.size == scan.grid.size
    depth, height, width = voxels.size
    for content, expected, apart in ((voxels.greys, scan.array, 40), (voxels.labels, labels.array * LABEL_STEP, 0)):
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("L")).astype(int)
        for z in range(depth):
            row, column = divmod(z, voxels.columns)
            tile = picture[row * height : (row + 1) * height, column * width : (column + 1) * width]
            assert np.abs(tile - expected[z].astype(int)).mean() <= apart / 4
    assert labels.array[voxels.start] == 2


def test_tiles_keep_every_voxel():
    array = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
    picture = tiles(array, 3)
    assert picture.shape == (4, 9)
    assert np.array_equal(picture[2:, 3:6], array[4])
    assert not picture[2:, 6:].any()


@pytest.mark.parametrize(
    ("spacing", "plane"),
    [
        ((1.0, 1.0, 1.0), "coronal"),
        ((4.0, 1.0, 1.0), "axial"),
        ((1.0, 1.0, 3.0), "sagittal"),
        ((1.0, 1.4, 1.0), "coronal"),
    ],
)
def test_telling_slice_is_of_the_plane_of_acquisition_where_most_is_dead(spacing, plane):
    labels = np.ones((9, 9, 9), np.uint8)
    labels[2, 1:8, 1:8] = labels[1:8, 3, 1:8] = labels[1:8, 1:8, 6] = 2
    found, number = telling_slice(Volume(labels, Grid((9, 9, 9), spacing, (0.0, 0.0, 0.0), AXES)))
    assert (found.name, number) == (plane, {"axial": 2, "coronal": 3, "sagittal": 6}[plane])


def test_telling_slice_without_necrosis_shows_most_of_the_head():
    labels = np.zeros((5, 5, 5), np.uint8)
    labels[1:4, 1:4, 1:4] = 1
    labels[:, 3, :] = 1
    assert telling_slice(Volume(labels, Grid((5, 5, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), AXES)))[1] == 3


def test_images_of_another_scan_are_refused():
    elsewhere = Grid(GRID.size, GRID.spacing_mm, (-99.0, 0.7, 0.0), AXES)
    scan = Volume(np.zeros(elsewhere.size, np.uint8), elsewhere)
    with pytest.raises(GridMismatch, match="P001"):
        hip_pictures(scan, scan, head(20), Side.RIGHT, "P001")
