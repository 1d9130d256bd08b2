"""`.seg.nrrd`: as slicerio, 3D Slicer's own library for Python, reads it, and as our reader of labels does."""

import numpy as np
import pytest
import slicerio

from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.hip_labels import LabelRules, read_hips
from postprocessing.masks.slicer_segmentation import write_seg_nrrd
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, both_heads, head
from tests.helpers.dicom_objects import centroid_of, made_labels
from tests.helpers.segmentation_files import oblique

HIPS = {Side.LEFT: Volume(head(PELVIS, LEFT, 18.0), PELVIS), Side.RIGHT: Volume(head(PELVIS, RIGHT, 10.0), PELVIS)}
NAMES = ["Right viable femoral head", "Right necrosis", "Left viable femoral head", "Left necrosis"]


@pytest.fixture
def file(tmp_path):
    write_seg_nrrd(tmp_path / "P001.seg.nrrd", HIPS)
    return tmp_path / "P001.seg.nrrd"


def test_slicerio_reads_names_colours_and_terms(file):
    read = slicerio.read_segmentation(file)
    assert [segment["name"] for segment in read["segments"]] == NAMES
    assert [segment["labelValue"] for segment in read["segments"]] == [1, 2, 3, 4]
    assert len({tuple(segment["color"]) for segment in read["segments"]}) == 2
    viable, necrosis = read["segments"][2:]
    assert viable["terminology"]["type"][:2] == ["SCT", "2812003"]
    assert viable["terminology"]["typeModifier"][2] == "Left"
    assert necrosis["terminology"]["type"][:2] == ["SCT", "6574001"]
    assert necrosis["terminology"]["anatomicRegion"][:2] == ["SCT", "2812003"]
    assert necrosis["terminology"]["anatomicRegionModifier"][2] == "Left"


@pytest.mark.parametrize("grid", [PELVIS, oblique((9, 14, 18))])
def test_slicerio_finds_each_segment_where_it_is(tmp_path, grid):
    hips = {side: made_labels(grid, side) for side in Side}
    write_seg_nrrd(tmp_path / "a.seg.nrrd", hips)
    read = slicerio.read_segmentation(tmp_path / "a.seg.nrrd")
    for segment in read["segments"]:
        side = Side(segment["name"][0])
        is_necrosis = "necrosis" in segment["name"]
        index = np.argwhere(read["voxels"] == segment["labelValue"])  # i, j, k
        mm = index.mean(axis=0) @ read["ijkToLPS"][:3, :3].T + read["ijkToLPS"][:3, 3]
        own = np.where(hips[side].array == 1 + is_necrosis, 2, 0)
        np.testing.assert_allclose(mm, centroid_of(Volume(own, grid), Region.NECROSIS), atol=0.01)
        extent = np.array(segment["extent"]).reshape(3, 2)
        np.testing.assert_array_equal(extent, np.stack([index.min(axis=0), index.max(axis=0)], axis=1))


def test_our_own_reader_reads_the_hips_back(file):
    for hip in read_hips(file, None, None, LabelRules(), "P001"):
        np.testing.assert_array_equal(hip.mask.labels.array, HIPS[hip.mask.side].array)


def test_a_hip_without_necrosis_is_read_back_as_one(tmp_path):
    write_seg_nrrd(tmp_path / "a.seg.nrrd", {Side.RIGHT: Volume(head(PELVIS, RIGHT), PELVIS)})
    assert [one["name"] for one in slicerio.read_segmentation(tmp_path / "a.seg.nrrd")["segments"]] == NAMES[:2]
    (hip,) = read_hips(tmp_path / "a.seg.nrrd", None, None, LabelRules(), "P001")
    assert (hip.mask.side, hip.mask.extent.necrosis) == (Side.RIGHT, 0)
    assert hip.mask.extent.head == np.count_nonzero(head(PELVIS, RIGHT))


def test_hips_that_overlap_are_refused(tmp_path):
    with pytest.raises(LabelError, match="overlaps that of the other side"):
        write_seg_nrrd(tmp_path / "a.seg.nrrd", dict.fromkeys(Side, both_heads()))
    assert list(tmp_path.iterdir()) == []
