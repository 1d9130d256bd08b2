"""`onfh predict --dicom --seg-nrrd`: what is written of a scan beside its masks, when, and for whose eyes.

The networks are stood in for by one that is perfect by construction; all else is real.
"""

import stat
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import slicerio
from pydicom import dcmread

import onfh_nnunet as onfh_python
from dataset_conversion.readers.dicom_seg import read_dicom_seg
from onfh_nnunet.core.errors import ReadError, StaleError, WorkspaceError
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.predictor import Predictor
from onfh_nnunet.workflows.scan_objects import dicom_files, seg_nrrd_file
from tests.helpers.dicom_files import write_series
from tests.helpers.dicom_objects import standard_errors
from tests.helpers.pdf import pdf_text
from tests.helpers.perfect_network import BOTH, ONE, image, oracle

FRAME = {"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.77", "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.78"}


@pytest.fixture
def scan(tmp_path):
    write_series(tmp_path / "s", image(BOTH), **FRAME)
    return tmp_path / "s"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_objects_hold_the_masks_that_are_written(predict, scan, tmp_path):
    out = tmp_path / "out"
    predict(scan, dicom=True, seg_nrrd=True)
    seg, sr, _ = dicom_files(out, "P001")
    read = read_dicom_seg(seg)
    for segment in read.segments:
        mask = Volume.read(out / f"P001_{segment.name[0]}.nii.gz").array
        expected = mask == 2 if "necrosis" in segment.name else mask > 0
        assert np.count_nonzero(read.mask(segment)) == np.count_nonzero(expected)
    voxels = slicerio.read_segmentation(seg_nrrd_file(out, "P001"))["voxels"]
    assert np.count_nonzero(voxels) == sum(np.count_nonzero(Volume.read(one).array) for one in out.glob("*.nii.gz"))
    assert standard_errors(seg) + standard_errors(sr) == []


def test_the_page_is_a_pdf_of_the_patient_that_names_nobody_in_itself(predict, scan, tmp_path):
    out = tmp_path / "out"
    predict(scan, dicom=True)
    seg, sr, page = dicom_files(out, "P001")
    made, report = dcmread(page), dcmread(sr)
    assert standard_errors(page) == []
    assert (made.PatientID, made.StudyInstanceUID) == (report.PatientID, report.StudyInstanceUID)
    assert made.SeriesInstanceUID not in (report.SeriesInstanceUID, dcmread(seg).SeriesInstanceUID)
    assert {one.ReferencedSOPInstanceUID for one in made.SourceInstanceSequence} > {report.SOPInstanceUID}
    content = made.EncapsulatedDocument[: made.EncapsulatedDocumentLength]
    assert content.startswith(b"%PDF-")
    text, pages = pdf_text(content, tmp_path)
    assert pages == 1
    assert "P001" not in text
    assert "Secret" not in text
    assert dcmread(next(scan.iterdir())).SeriesInstanceUID in text
    for row in onfh_python.grade([*out.glob("*.nii.gz")]):
        assert f"{row.necrosis_ml:.1f} ml of the head's {row.head_ml:.1f} ml" in text


def test_the_segmentation_is_graded_as_the_masks_are(predict, scan, tmp_path):
    """Each number that follows from the mask and the patient's axes; so no head of it looks cut."""
    predict(scan, dicom=True)
    masks, objects = (
        {row.side: row for row in onfh_python.grade(place)}
        for place in ([*(tmp_path / "out").glob("*.nii.gz")], dicom_files(tmp_path / "out", "P001")[0])
    )
    for side, row in masks.items():
        named = {"case_id": row.case_id, "source": row.source}
        assert numbers(replace(objects[side], **named)) == pytest.approx(numbers(row), rel=1e-6)
        assert objects[side].warnings == row.warnings


def numbers(row):
    return {name: value for name, value in vars(row).items() if isinstance(value, float)}


def test_the_patient_is_named_in_private_alone(predict, scan, tmp_path):
    out = tmp_path / "out"
    predict(scan, dicom=True, seg_nrrd=True)
    assert {path.parent.name for path, content in contents(out).items() if b"Secret^Name" in content} == {"dicom"}
    for file in dicom_files(out, "P001"):
        assert dcmread(file).PatientID == "SECRET-ID"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in (file.parent, file.parent.parent)} == {0o700}


def test_a_scan_without_a_patient_is_refused_before_it_is_predicted(predict, scan, tmp_path):
    nifti = tmp_path / "b.nii.gz"
    image(ONE, 2).write(nifti)
    with pytest.raises(ReadError, match=r"b.nii.gz: is no DICOM series.*leave out `dicom`"):
        predict(nifti, dicom=True)
    assert predict.seen == []
    predicted = predict(nifti, scan, dicom=True)
    assert (predict.seen, [row.error for row in predicted.failed]) == (["s"], ["ReadError"])


def test_what_is_asked_for_later_is_added_without_predicting_again(predict, scan, tmp_path):
    out = tmp_path / "out"
    predict(scan)
    assert not dicom_files(out, "P001")[0].exists()
    before = contents(out)
    predict(scan, dicom=True, seg_nrrd=True)
    assert predict.seen == []
    made = contents(out)
    assert set(made) - set(before) == {*dicom_files(out, "P001"), seg_nrrd_file(out, "P001")}
    predict(scan, dicom=True, seg_nrrd=True)
    assert contents(out) == made, "a further run changes nothing"
    dicom_files(out, "P001")[1].unlink()
    predict(scan, dicom=True)
    for file in dicom_files(out, "P001"):
        assert dcmread(file).SOPInstanceUID == dcmread(BytesIO(made[file])).SOPInstanceUID


def test_a_mask_that_was_changed_has_no_measurements_to_report(predict, scan, tmp_path):
    predict(scan)
    mask = Volume.read(tmp_path / "out" / "P001_R.nii.gz")
    Volume(np.minimum(mask.array, 1), mask.grid).write(tmp_path / "out" / "P001_R.nii.gz")
    with pytest.raises(StaleError, match="was changed since onfh predict wrote it"):
        predict(scan, dicom=True)


def test_objects_of_a_scan_that_changed_go_with_its_masks(predict, scan, tmp_path):
    out = tmp_path / "out"
    predict(scan, dicom=True, seg_nrrd=True, keep_ids=True)
    write_series(scan, image(ONE), **FRAME)
    predict(scan, keep_ids=True)
    assert [path.name for path in out.rglob("*") if path.suffix in (".dcm", ".nrrd")] == []


def test_a_strangers_file_in_the_place_of_an_object_stays(predict, scan, tmp_path):
    place = dicom_files(tmp_path / "out", "P001")[0]
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    with pytest.raises(WorkspaceError, match="not as a result of onfh predict"):
        predict(scan, dicom=True)
    assert place.read_bytes() == b"mine"


def test_python_makes_them_of_predicted_hips(scan, model, monkeypatch, tmp_path):
    monkeypatch.setattr(Predictor, "hips", oracle)
    made = onfh_python.dicom_objects(onfh_python.predict(scan, model), scan)
    assert [one.SegmentLabel for one in made.segmentation.SegmentSequence][::2] == [
        *("Right femoral head", "Left femoral head")
    ]
    digest = onfh_python.load_model(model).sha256
    assert made.report.DeviceSerialNumber == made.segmentation.DeviceSerialNumber == digest
    again = onfh_python.dicom_objects(onfh_python.predict(scan, model, out=tmp_path / "out"), scan)
    assert again.segmentation.SOPInstanceUID == made.segmentation.SOPInstanceUID
