"""DICOM SEG: the masks voxel for voxel, on the frames of their source, as programs of others read them."""

import json

import numpy as np
import pytest
from pydicom import dcmread

from dataset_conversion.readers import read_scan, read_source
from dataset_conversion.readers.dicom_seg import read_dicom_seg
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region
from tests.helpers.dicom_objects import (
    MODEL,
    centroid_of,
    centroids_by_own_planes,
    centroids_by_source,
    dcmqi_volumes,
    said_by,
    standard_errors,
)

ORDER = [(side, region) for side in (Side.RIGHT, Side.LEFT) for region in Region]
"""Of the segments, numbered from 1."""


def masks(objects):
    """Volume and region of each segment, by number."""
    labels = {hip.side: hip.mask for hip in objects.hips}
    return {number: (labels[side], region) for number, (side, region) in enumerate(ORDER, start=1)}


def test_nothing_is_wrong_by_the_standard_and_dcmtk_opens_it(objects):
    assert standard_errors(objects.seg) == []
    assert "SegmentSequence" in said_by("dcmdump", objects.seg)


def test_the_frames_of_the_source_are_those_of_the_volume(objects):
    source, scan = read_source(objects.source, objects.series), read_scan(objects.source, objects.series)
    assert source.grid == scan.volume.grid
    places = scan.volume.grid.to_mm(np.array([[z, 0, 0] for z in range(scan.volume.grid.size[0])], float))
    np.testing.assert_allclose(source.positions_mm, places, atol=0.1)
    assert len(set(source.frames)) == len(source.frames) == scan.volume.grid.size[0]


def test_centroids_by_three_ways_are_one_and_lie_where_they_should(objects):
    """The planes of the SEG, the planes of the images that it refers to, and our grid: left is left, and up is up."""
    own, theirs = centroids_by_own_planes(objects.seg), centroids_by_source(objects.seg, objects.files)
    assert set(own) == set(theirs) == set(masks(objects))
    for number, (labels, region) in masks(objects).items():
        np.testing.assert_allclose(own[number], centroid_of(labels, region), atol=0.1)
        np.testing.assert_allclose(theirs[number], own[number], atol=1e-3)
    assert own[1][0] < own[3][0], "the right head lies to the left of the left one"
    for head, necrosis in ((1, 2), (3, 4)):
        assert own[necrosis][2] > own[head][2], "necrosis lies towards the head"


def test_dcmqi_gives_each_mask_back_voxel_for_voxel(objects, tmp_path):
    found = dcmqi_volumes(objects.seg, tmp_path)
    assert set(found) == set(masks(objects))
    for number, (labels, region) in masks(objects).items():
        volume, expected = found[number], np.argwhere(region.mask(labels.array))
        where = labels.grid.to_index(volume.grid.to_mm(np.argwhere(volume.array).astype(float)))
        np.testing.assert_allclose(where, np.rint(where), atol=0.05)
        got = np.rint(where).astype(int)
        assert sorted(map(tuple, got)) == sorted(map(tuple, expected))


def test_dcmqi_reads_names_sides_and_what_made_them(series, tmp_path):
    made = series()
    dcmqi_volumes(made.seg, tmp_path)
    for (attributes,), (side, region) in zip(
        json.loads((tmp_path / "meta.json").read_text())["segmentAttributes"], ORDER, strict=True
    ):
        name = {Side.RIGHT: "Right", Side.LEFT: "Left"}[side]
        assert attributes["SegmentLabel"].startswith(name)
        key = "SegmentedPropertyTypeModifierCodeSequence" if region is Region.HEAD else "AnatomicRegionModifierSequence"
        assert attributes[key]["CodeMeaning"] == name
        assert attributes["SegmentAlgorithmName"] == "onfh-nnunet"


def test_our_own_reader_reads_what_was_written(objects):
    read = read_dicom_seg(objects.seg)
    assert [segment.name for segment in read.segments] == [
        *("Right femoral head", "Right necrosis", "Left femoral head", "Left necrosis")
    ]
    for segment, (labels, region) in zip(read.segments, masks(objects).values(), strict=True):
        mask = read.mask(segment)
        assert np.count_nonzero(mask) == np.count_nonzero(region.mask(labels.array))
        centre = read.grid.to_mm(np.argwhere(mask).astype(float)).mean(axis=0)
        np.testing.assert_allclose(centre, centroid_of(labels, region), atol=0.1)


def test_patient_study_and_frame_of_reference_are_those_of_the_source(objects):
    made, source = dcmread(objects.seg), read_source(objects.source, objects.series).header
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate"):
        assert str(made.get(keyword, "")) == str(source.get(keyword, "")), keyword
    assert made.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert made.SeriesInstanceUID != source.SeriesInstanceUID
    (referred,) = made.ReferencedSeriesSequence
    assert referred.SeriesInstanceUID == source.SeriesInstanceUID


def test_segments_are_coded_sided_nested_and_say_what_made_them(series):
    made = dcmread(series().seg)
    assert made.SegmentsOverlap == "YES"
    for segment, (side, region) in zip(made.SegmentSequence, ORDER, strict=True):
        kind, category = segment.SegmentedPropertyTypeCodeSequence[0], segment.SegmentedPropertyCategoryCodeSequence[0]
        is_head = region is Region.HEAD
        place = kind.SegmentedPropertyTypeModifierCodeSequence if is_head else segment.AnatomicRegionSequence
        if not is_head:
            assert place[0].CodeValue == "2812003"  # SNOMED CT: head of femur
            place = place[0].AnatomicRegionModifierSequence
        assert place[0].CodeValue == {Side.RIGHT: "24028007", Side.LEFT: "7771000"}[side]
        assert (kind.CodeValue, category.CodeValue) == (("2812003", "91723000") if is_head else ("6574001", "49755003"))
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, segment.SegmentAlgorithmType) == ("onfh-nnunet", "AUTOMATIC")
        assert MODEL in algorithm.AlgorithmParameters
        assert ("necrosis included" in segment.SegmentDescription) is is_head
        assert "made by hand" in segment.SegmentDescription


@pytest.mark.parametrize("side", Side)
def test_a_single_hip_is_that_of_its_side(series, side):
    names = [segment.SegmentLabel for segment in dcmread(series(sides=[side]).seg).SegmentSequence]
    assert names == [f"{'Left' if side is Side.LEFT else 'Right'} {what}" for what in ("femoral head", "necrosis")]


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_headers_that_are_odd_are_repeated_as_they_are(series):
    """A name in two scripts, and values that the standard does not allow."""
    odd = {
        "PatientBirthDate": "1961-04-17",
        "StudyTime": "25:99",
        "StudyID": "far longer than sixteen letters",
        "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
        "PatientName": "Yamada^Tarou=山田^太郎",
        "PatientSex": "X",
        "AccessionNumber": "0815",
        "StudyDescription": "股関節 MRI",
    }
    made = series(**odd)
    for file in (made.seg, made.sr):
        dataset = dcmread(file)
        assert {keyword: dataset.get(keyword) for keyword in odd if keyword != "SpecificCharacterSet"} == {
            keyword: value for keyword, value in odd.items() if keyword != "SpecificCharacterSet"
        }
