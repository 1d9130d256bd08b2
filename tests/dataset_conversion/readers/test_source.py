"""The series of a scan, frame by frame, for objects that refer to it; and what cannot be referred to."""

import shutil

import numpy as np
import pytest

from dataset_conversion.readers import read_scan, read_source
from onfh_nnunet.core.errors import GeometryError, ReadError
from tests.helpers.dicom_files import PELVIS, noise, write_series

FRAME = {"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.77", "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.78"}


def test_a_zip_archive_gives_the_frames_of_its_folder(tmp_path):
    write_series(tmp_path / "s", noise(), **FRAME)
    shutil.make_archive(tmp_path / "s", "zip", tmp_path / "s")
    packed, plain = read_source(tmp_path / "s.zip"), read_source(tmp_path / "s")
    assert packed.frames == plain.frames
    assert packed.grid == plain.grid == read_scan(tmp_path / "s").volume.grid
    assert packed.header.PatientName == "Secret^Name"
    assert "PixelData" not in packed.header


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd"])
def test_an_image_file_has_no_patient_to_refer_to(tmp_path, name):
    noise().write(tmp_path / name)
    with pytest.raises(ReadError, match=r"is no DICOM series.*Give the DICOM series that it was made from"):
        read_source(tmp_path / name)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize(("value", "said"), [("", "lacks {}"), ("1.2.x", "has {} '1.2.x', expected a UID")])
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_uid_that_must_be_repeated_is_there_and_is_one(tmp_path, keyword, value, said):
    def change(dataset, number):
        if number == 3:
            setattr(dataset, keyword, value)

    write_series(tmp_path / "s", noise(), change=change, **FRAME)
    with pytest.raises(ReadError, match=said.format(keyword)):
        read_source(tmp_path / "s")


def test_two_frames_of_reference_are_no_place_for_one_object(tmp_path):
    def change(dataset, number):
        dataset.FrameOfReferenceUID = f"1.2.3.{number // 12}"

    write_series(tmp_path / "s", noise(), change=change, StudyInstanceUID="1.2.3")
    with pytest.raises(ReadError, match="has 2 values of FrameOfReferenceUID in one stack"):
        read_source(tmp_path / "s")


def test_what_is_no_regular_stack_is_refused_as_by_the_reader(tmp_path):
    files = write_series(tmp_path / "gap", noise(), **FRAME)
    files[7].unlink()

    def tilted(dataset, number):
        if number == 5:
            turned = np.deg2rad(10)
            dataset.ImageOrientationPatient = [1, 0, 0, 0, np.cos(turned).round(9), np.sin(turned).round(9)]

    write_series(tmp_path / "tilted", noise(PELVIS), change=tilted, **FRAME)
    for name, kind in (("gap", GeometryError), ("tilted", ReadError)):
        with pytest.raises(kind) as theirs:
            read_scan(tmp_path / name)
        with pytest.raises(kind) as ours:
            read_source(tmp_path / name)
        assert str(ours.value) == str(theirs.value)
