"""Which scans a folder holds, as a PACS or a disc exports it, and which series of a study is predicted."""

import shutil
from dataclasses import replace
from itertools import permutations

import pytest
from pydicom.uid import generate_uid

from dataset_conversion.discovery.studies import find_studies
from dataset_conversion.readers import read_scan
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import direction_of
from tests.helpers.dicom_files import PELVIS, noise, write_series
from tests.helpers.paths import REAL

CORONAL = replace(PELVIS, direction=direction_of([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]))
"""Slices from front to back, rows downwards."""

RIGHT_HIP = PELVIS.part((0, 0, 2), (24, 28, 30))
LEFT_HIP = PELVIS.part((0, 0, 40), (24, 28, 30))

SPIN_ECHO = {"ScanningSequence": "SE", "MRAcquisitionType": "2D"}
KINDS = {  # from the one that suits best to the one that suits least
    "t1_vibe": (PELVIS, {"ScanningSequence": "GR", "MRAcquisitionType": "3D"}),
    "t1_tse_cor_fs": (CORONAL, SPIN_ECHO),
    "ax t1": (PELVIS, SPIN_ECHO),
    "t2_space": (PELVIS, {"ScanningSequence": "SE", "MRAcquisitionType": "3D"}),
    "pd_tse_cor_fs": (CORONAL, SPIN_ECHO),
    "ax t2": (PELVIS, SPIN_ECHO),
}


def write(folder, description, grid=PELVIS, *, study, **tags):
    return write_series(folder, noise(grid), SeriesDescription=description, StudyInstanceUID=study, **tags)


def found(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return find_studies(folder, files, lambda path: path.suffix in (".gz", ".zip"))


@pytest.mark.parametrize("better", range(len(KINDS) - 1))
def test_the_rule_takes_the_better_of_two_whatever_their_order(tmp_path, better):
    for number, names in enumerate(permutations(list(KINDS)[better : better + 2])):
        study = generate_uid()
        for place, name in enumerate(names):
            grid, tags = KINDS[name]
            write(tmp_path / f"{number}" / f"{place}", name, grid, study=study, **tags)
        studies = found(tmp_path / f"{number}")
        (scan,) = studies.scans
        (taken,) = [line for line in studies.lines if ": took " in line]
        assert list(KINDS)[better] in taken
        assert names[int(scan.path.name)] == list(KINDS)[better]


@pytest.mark.parametrize(
    ("tags", "is_t1"),
    [
        ({"ScanningSequence": "SE", "RepetitionTime": "600", "EchoTime": "10"}, True),
        ({"ScanningSequence": "SE", "RepetitionTime": "4000", "EchoTime": "100"}, False),
        ({"ScanningSequence": "GR", "MRAcquisitionType": "3D", "RepetitionTime": "6", "FlipAngle": "12"}, True),
        ({"ScanningSequence": "GR", "MRAcquisitionType": "3D", "RepetitionTime": "6", "FlipAngle": "2"}, False),
        ({"ScanningSequence": "GR", "MRAcquisitionType": "2D", "RepetitionTime": "600", "FlipAngle": "20"}, False),
    ],
)
def test_without_a_word_the_times_tell_the_weighting(tmp_path, tags, is_t1):
    write(tmp_path / "mr", "hip", study=generate_uid(), **tags)
    assert any("T1-weighted" in line for line in found(tmp_path).lines) is is_t1


def test_studies_at_any_depth_and_in_one_flat_folder_are_found(tmp_path):
    studies = [generate_uid() for _ in range(3)]
    write(tmp_path / "disc" / "DICOM" / "S1" / "mr", "cor T1", study=studies[0])
    for place, (study, text) in enumerate([(studies[1], "T1"), (studies[1], "T2"), (studies[2], "T1")]):
        write(tmp_path / "flat", text, study=study, name=f"{place}-{{:03d}}.dcm")
    scans = found(tmp_path).scans
    assert [scan.path.name for scan in scans] == ["mr", "flat", "flat"]
    assert scans[0].series is None
    for scan in scans:
        assert read_scan(scan.path, scan.series).volume.grid.size == PELVIS.size
    assert len({str(scan) for scan in scans}) == 3


def test_copies_count_once_in_folders_and_archives(tmp_path):
    write(tmp_path / "a" / "mr", "T1", study=generate_uid())
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.make_archive(str(tmp_path / "c"), "zip", tmp_path / "a")
    studies = found(tmp_path)
    assert [scan.path for scan in studies.scans] == [tmp_path / "a" / "mr"]
    assert any("copies of others" in line for line in studies.lines)
    assert any(line.startswith("c: 'T1' is a copy of") for line in studies.lines)


def test_archive_of_two_patients_holds_two_scans(tmp_path):
    for name in ("p", "q"):
        write(tmp_path / "in" / name, "T1", study=generate_uid())
    (tmp_path / "out").mkdir()
    shutil.make_archive(str(tmp_path / "out" / "disc"), "zip", tmp_path / "in")
    scans = found(tmp_path / "out").scans
    assert [scan.path.name for scan in scans] == ["disc.zip", "disc.zip"]
    assert len({scan.series for scan in scans}) == 2
    for scan in scans:
        assert read_scan(scan.path, scan.series).volume.grid.size == PELVIS.size


def test_hips_that_were_scanned_on_their_own_are_both_taken(tmp_path):
    study = generate_uid()
    write(tmp_path / "1", "T1 right", RIGHT_HIP, study=study)
    write(tmp_path / "2", "T1 left", LEFT_HIP, study=study)
    write(tmp_path / "3", "T2 left", LEFT_HIP, study=study)
    assert [scan.path.name for scan in found(tmp_path).scans] == ["1", "2"]
    write(tmp_path / "4", "T1 both", PELVIS, study=study)
    assert [scan.path.name for scan in found(tmp_path).scans] == ["4"]


def test_what_holds_no_hip_is_passed_over_with_the_reason(tmp_path):
    write(tmp_path / "knee", "T1", study=generate_uid(), BodyPartExamined="KNEE")
    write(tmp_path / "ct", "bone", study=generate_uid(), Modality="CT")
    studies = found(tmp_path)
    assert studies.scans == []
    assert any(
        "knee: passed over, it holds no MR of a hip: 'T1': it shows KNEE, by its header" in line
        for line in studies.lines
    )
    assert any("ct: passed over, it holds no MR of a hip" in line for line in studies.lines)


def test_study_of_a_hip_without_a_usable_series_is_refused_with_the_reasons(tmp_path):
    study = generate_uid()
    files = write(tmp_path / "p" / "1", "T1", study=study)
    files[7].unlink()
    write(tmp_path / "p" / "2", "localizer", study=study)
    (scan,) = found(tmp_path).scans
    assert isinstance(scan.refusal, ReadError)
    assert "'T1': it has 8.000 mm between" in str(scan.refusal)
    assert "'localizer': it is a localizer" in str(scan.refusal)
    assert "localizer" not in scan.refusal.without_details


def test_damaged_files_are_never_passed_over_in_silence(tmp_path):
    study = generate_uid()
    files = write(tmp_path / "good", "T1", study=study)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "IM1.dcm").write_bytes(files[0].read_bytes()[:600])
    shutil.copy(tmp_path / "torn" / "IM1.dcm", tmp_path / "good" / "IM9999.dcm")
    good, torn = found(tmp_path).scans
    with pytest.raises(ReadError, match=r"IM9999.dcm"):
        read_scan(good.path, good.series)
    assert torn.path == tmp_path / "torn"
    assert "IM1.dcm" in str(torn.refusal)


@pytest.mark.real_data
def test_a_real_export():
    root = REAL / "prostatex-pelvis-mr" / "dicom"
    if not root.is_dir():
        pytest.skip(f"no {root}: set ONFH_TEST_DATA")
    scans = found(root).scans
    assert [scan.path.name.split(".")[0] for scan in scans] == ["9", "11", "26"]  # 3D, 3D, 3D T1-weighted
