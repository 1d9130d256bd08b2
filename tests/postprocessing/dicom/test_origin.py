"""UIDs follow from the content: an object that is made again is the same one, another content is another one."""

from dataclasses import replace
from datetime import datetime

import pytest
from pydicom import dcmread

from onfh_nnunet.core.errors import GridMismatch, LabelError, SideError, StaleError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.dicom_objects import dicom_objects
from tests.helpers.dicom_files import PELVIS
from tests.helpers.dicom_objects import made_hips, made_labels, predicted, written
from tests.postprocessing.dicom.conftest import MADE, SMALL


def uids(objects):
    """Of both objects: their own, and those that must follow from them."""
    return [
        *(one.SOPInstanceUID for one in (objects.segmentation, objects.report)),
        *(one.SeriesInstanceUID for one in (objects.segmentation, objects.report)),
        *(segment.TrackingUID for segment in objects.segmentation.SegmentSequence),
    ]


def test_the_same_content_gives_the_same_bytes_and_later_the_same_uids(series, tmp_path):
    first = series()
    again = dicom_objects(made_hips(SMALL), first.source, made=MADE)
    for old, new in zip((first.seg, first.sr), written(again, tmp_path / "again"), strict=True):
        assert old.read_bytes() == new.read_bytes()
    later = dicom_objects(made_hips(SMALL), first.source, made=datetime(2030, 1, 1))
    assert uids(later) == uids(again)
    assert [str(one.ContentDate) for one in (later.report, dcmread(first.sr))] == ["20300101", "20260304"]
    assert len(set(uids(again))) == len(uids(again))


def test_another_mask_model_measurement_or_warning_is_another_object(series):
    source, hips = series().source, made_hips(SMALL)
    first = dicom_objects(hips, source, made=MADE)
    smaller = made_labels(SMALL, Side.RIGHT).array.copy()
    smaller[smaller == 2] = 1
    changed = {
        "mask": [predicted(Volume(smaller, SMALL), Side.RIGHT), hips[1]],
        "model": [replace(hip, model_sha256="f" * 64) for hip in hips],
        "measurement": [replace(hips[0], measurement=replace(hips[0].measurement, percent_high=99.0)), hips[1]],
        "warning": [replace(hips[0], measurement=replace(hips[0].measurement, warnings="")), hips[1]],
    }
    for what, other in changed.items():
        made = dicom_objects(other, source, made=MADE)
        assert made.report.SOPInstanceUID != first.report.SOPInstanceUID, what
        same = made.segmentation.SOPInstanceUID == first.segmentation.SOPInstanceUID
        assert same is (what == "measurement"), what


def test_a_warning_in_another_script_is_kept_readable(series):
    hip = predicted(made_labels(SMALL, Side.RIGHT), Side.RIGHT, warnings=("注意",))
    made = dicom_objects(hip, series().source, made=MADE)
    assert "\\u6ce8\\u610f" in made.segmentation.SegmentSequence[0].SegmentDescription


def test_hips_that_are_not_of_the_scan_or_of_one_model_are_refused(series):
    source, (right, left) = series().source, made_hips(SMALL)
    with pytest.raises(GridMismatch, match="P001_R: size"):
        dicom_objects(made_hips(PELVIS), source)
    with pytest.raises(SideError, match="one hip for each"):
        dicom_objects([right, right], source)
    with pytest.raises(StaleError, match="by 2 models"):
        dicom_objects([right, replace(left, model_sha256="f" * 64)], source)
    with pytest.raises(LabelError, match="are none"):
        dicom_objects([], source)
