"""A folder as people have it: label maps beside scans, a file for each hip, studies of something else."""

import csv
import warnings

import numpy as np
import pytest
from pydicom.uid import generate_uid

from dataset_conversion.cohort.pseudonyms import ScanKeyRow
from dataset_conversion.discovery.studies import find_studies
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import NoFemoralHead, ReadError
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Predictor, Settings
from tests.helpers.dicom_files import PELVIS, noise, write_series
from tests.helpers.perfect_network import BOTH, ONE, image, oracle
from tests.helpers.small_model import small_model

EMPTY = Volume(0 * BOTH.array, PELVIS)
RIGHT_HALF = np.arange(PELVIS.size[2]) < PELVIS.size[2] // 2
RIGHT_ONE, LEFT_ONE = (Volume(np.where(half, BOTH.array, 0), PELVIS) for half in (RIGHT_HALF, ~RIGHT_HALF))


@pytest.fixture
def model(tmp_path, monkeypatch):
    def hips(self, scan, source, wanted=None):
        if (scan.volume.array < 100).all():
            raise NoFemoralHead(source, "shows no femoral head", "Check that it is an MRI of a hip")
        return [hip for hip in oracle(self, scan, source) if wanted in (None, "B", hip.side)]

    monkeypatch.setattr(Predictor, "hips", hips)
    write_model_file(tmp_path / "small.safetensors", small_model(0), Card())
    return tmp_path / "small.safetensors"


@pytest.fixture
def predict(model, tmp_path):
    def run(folder, out=tmp_path / "out", side=None, **options):
        return predict_scans([folder], Settings(model, out, side, Device.CPU, None, False, batch=True, **options))

    return run


def key_of(out):
    return {row.patient: row for row in read_rows(out / "private" / "key.csv", ScanKeyRow)}


def test_label_maps_are_passed_over_with_a_line(predict, tmp_path):
    export = tmp_path / "export"
    for number in range(1, 6):
        image(ONE, number).write(export / "scans" / f"{number}.nii.gz")
        (ONE if number < 5 else EMPTY).write(export / "masks" / f"{number}.nii.gz")
    BOTH.write(export / "label.nrrd")
    done = predict(export)
    assert [row.case_id for row in done.rows] == [f"P00{number}_R" for number in range(1, 6)]
    assert (done.failed, done.passed_over, done.n_scans) == ([], (), 5)
    assert done.chosen == (
        "export: passed over 1 label map, expected MR images: label.nrrd",
        "masks: passed over 5 label maps, expected MR images: 1.nii.gz, 2.nii.gz, 3.nii.gz, 4.nii.gz, ...",
    )
    with pytest.raises(ReadError, match=r"holds no scan of a hip:\n  masks: passed over 5 label maps"):
        predict(export / "masks", tmp_path / "other")


def test_a_file_for_each_hip_is_one_patient(predict, tmp_path):
    export, out = tmp_path / "export", tmp_path / "out"
    for name, labels in {"MRN1_L": LEFT_ONE, "MRN1_R": RIGHT_ONE, "MRN2": BOTH, "MRN3_R": RIGHT_ONE}.items():
        image(labels, len(name)).write(export / f"{name}.nii.gz")
    image(LEFT_ONE, 5).write(export / "MRN4" / "left hip.nii.gz")
    image(RIGHT_ONE, 6).write(export / "MRN4" / "right hip.nii.gz")
    names = ["P001_L", "P001_R", "P002_R", "P002_L", "P003_R", "P004_L", "P004_R"]
    done = predict(export)
    assert [row.case_id for row in done.rows] == names
    assert "MRN1_L and MRN1_R: the hips of one patient, by the names" in done.chosen
    assert {row.source for row in done.rows} == {"P001_L", "P001_R", "P002", "P003", "P004_L", "P004_R"}
    assert key_of(out)["P001_L"].source == str(export / "MRN1_L.nii.gz")
    for name, labels in {"P001_L": LEFT_ONE, "P004_R": RIGHT_ONE}.items():
        assert (Volume.read(out / f"{name}.nii.gz").array == labels.array).all()


def test_later_runs_keep_the_names_of_a_pair(predict, onfh, tmp_path):
    """Also with further scans, when the pair is complete later, and when one of it is given alone."""
    export, out = tmp_path / "export", tmp_path / "out"
    image(LEFT_ONE, 1).write(export / "m_L.nii.gz")
    image(ONE, 2).write(export / "n.nii.gz")
    assert [row.case_id for row in predict(export).rows] == ["P001_L", "P002_R"]
    image(RIGHT_ONE, 3).write(export / "m_R.nii.gz")
    image(LEFT_ONE, 4).write(export / "k_L.nii.gz")
    image(RIGHT_ONE, 5).write(export / "k_R.nii.gz")
    names = ["P003_L", "P003_R", "P001_L", "P004_R", "P002_R"]
    assert [row.case_id for row in predict(export).rows] == names
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.nii.gz")}
    assert [row.case_id for row in predict(export).rows] == names
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.nii.gz")} == before
    model = tmp_path / "small.safetensors"
    onfh("predict", export / "k_L.nii.gz", "--out", out, "--model", model, "--device", "cpu")
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.nii.gz")} == before
    onfh("report", out)
    image(EMPTY).write(export / "k_L.nii.gz")
    assert [row.case for row in predict(export).failed] == ["P003_L"]
    assert sorted(path.name for path in out.glob("P003*")) == ["P003_R.nii.gz"]


def test_names_of_files_and_a_side_that_is_asked_for_take_each_file_on_its_own(predict, tmp_path):
    export = tmp_path / "export"
    for name in ("m_L", "m_R"):
        image(BOTH, 1 + (name == "m_R")).write(export / f"{name}.nii.gz")
    assert [row.case_id for row in predict(export, keep_ids=True).rows] == ["m_L_R", "m_L_L", "m_R_R", "m_R_L"]


def test_series_of_one_hip_each_are_one_patient(predict, tmp_path):
    """Their places, not their names, tell right from left."""
    study, export = generate_uid(), tmp_path / "export"
    left, right = PELVIS.part((0, 0, 30), (24, 28, 42)), PELVIS.part((0, 0, 0), (24, 28, 42))
    for number, (grid, labels) in enumerate(((left, BOTH.array[:, :, 30:]), (right, BOTH.array[:, :, :42]))):
        grey = Volume((100 * labels + noise(grid).array % 90).astype(np.int16), grid)
        write_series(export / f"{number}", grey, SeriesDescription="T1 hip", StudyInstanceUID=study)
    scans = find_studies(export, sorted(export.rglob("*.dcm")), lambda _: False).scans
    assert [(scan.path.name, scan.side) for scan in scans] == [("0", "L"), ("1", "R")]
    assert len({scan.pair for scan in scans}) == 1


def test_a_study_without_a_hip_is_passed_over(predict, onfh, model, tmp_path):
    export, out = tmp_path / "export", tmp_path / "out"
    write_series(export / "hip", image(BOTH, 1), SeriesDescription="cor T1")
    write_series(export / "spine", image(EMPTY, 2), SeriesDescription="sag T2")
    write_series(export / "plan", noise(), SeriesDescription="localizer")
    done = onfh("run", export, "--out", out, "--model", model, "--device", "cpu")
    assert done.stdout.splitlines()[-1] == f"Look at: {out / 'report.html'}"
    assert "P002 passed over: " in done.stderr
    assert "shows no femoral head" in done.stderr
    assert "plan: passed over, it holds no MR of a hip: 'localizer': it is a localizer" in done.stderr
    assert "failed" not in done.stderr.replace("failed.csv", "")
    with (out / "failed.csv").open() as file:
        assert [(row["case"], row["error"]) for row in csv.DictReader(file)] == [("P002", "NoFemoralHead")]
    (export / "hip").rename(tmp_path / "hip")
    done = onfh("run", export, "--out", tmp_path / "none", "--model", model, "--device", "cpu", check=False)
    assert done.returncode == 1
    assert "failed.csv: no hip was found in any of 1 scan. Give MR images of the hip." in done.stderr


def test_sentences_of_libraries_do_not_reach_the_terminal(onfh, model, tmp_path):
    """pydicom warns of each UID that is too long, and of each value that its type does not allow."""
    uid, export = "1.2." + "7" * 64, tmp_path / "export"

    def odd(dataset, number):
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"{uid}.1", f"{uid}.2"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_series(export, image(BOTH, 1), change=odd, SeriesDescription="cor T1")
    done = onfh("predict", "--batch", export, "--out", tmp_path / "out", "--model", model)
    assert "2 hips" in done.stdout
    assert "warn" not in done.stderr.lower().replace("warning: p001", "")


def test_series_too_small_for_a_hip_are_passed_over_and_a_missing_slice_is_not(predict, tmp_path):
    """Nothing can be corrected in the first; the remedy of the second is no option that would be refused again."""
    export = tmp_path / "export"
    image(BOTH, 1).write(export / "a.nii.gz")
    thin = PELVIS.part((0, 0, 0), (4, 28, 72))
    write_series(export / "few", noise(thin), SeriesNumber=7)
    write_series(export / "torn", image(BOTH, 3), SeriesDescription="cor T1")[5].unlink()
    done = predict(export)
    (line,) = [line for line in done.chosen if line.startswith("few: passed over, it holds no MR of a hip: ")]
    assert "(series 7): it spans 16 x" in line
    (failed,) = done.wrong
    assert ": it has 8.000 mm between" in failed.message
    assert failed.message.endswith("Export it again, complete.")


def test_a_hip_scan_that_fails_is_a_failure_beside_it(predict, onfh, model, tmp_path):
    export = tmp_path / "export"
    write_series(export / "hip", image(BOTH, 1), SeriesDescription="cor T1")
    write_series(export / "spine", image(EMPTY, 2), SeriesDescription="sag T2")
    write_series(export / "torn", image(BOTH, 3), SeriesDescription="cor T1")[5].unlink()
    done = onfh("predict", "--batch", export, "--out", tmp_path / "out", "--model", model, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "failed.csv: 1 of 3 scans failed. Correct them and run again; finished scans are kept."
    )
