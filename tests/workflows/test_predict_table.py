"""A table as the input of predict: side and series of each row, names, and what a report shows of it."""

import shutil

import pytest

import onfh_nnunet as onfh
from dataset_conversion.cohort.pseudonyms import ScanKeyRow
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import CohortError, HipNotFound, ReadError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.report import report
from tests.helpers.dicom_files import write_series
from tests.helpers.perfect_network import BOTH, ONE, image, oracle


def asked(self, scan, source, wanted=None):
    """The oracle's hips of the wanted side, as `Predictor.hips` gives them."""
    wanted = wanted or self.options.side
    hips = [hip for hip in oracle(self, scan, source) if wanted in (None, "B", hip.side)]
    if not hips:
        raise HipNotFound(source, f"shows no hip on side {wanted}", "Leave out `side`")
    return hips


@pytest.fixture
def cohort(tmp_path):
    """A table of a folder with two series, of which T2 shows the right hip alone, and of an image file."""
    folder = tmp_path / "cohort"
    write_series(folder / "study" / "T1", image(BOTH, 1), SeriesDescription="cor T1")
    write_series(folder / "study" / "T2", image(ONE, 2), SeriesDescription="ax T2")
    image(BOTH, 3).write(folder / "b.nii.gz")
    rows = "patient_id,image,side,series\nM 7,study,L,cor T1\nM 7,study,R,ax T2\nM 8,b.nii.gz,,\n"
    (folder / "cohort.csv").write_text(rows)
    return folder / "cohort.csv"


@pytest.fixture
def predict(monkeypatch, model, tmp_path):
    monkeypatch.setattr(Predictor, "hips", asked)

    def run(*inputs, side=None, **changes):
        return predict_scans(inputs, Settings(model, tmp_path / "out", side, Device.CPU, None, False, **changes))

    return run


def test_rows_say_side_and_series_and_options_fill_what_is_empty(predict, cohort, tmp_path):
    assert [row.case_id for row in predict(cohort, side=Side.LEFT).rows] == ["P001_L", "P002_R", "P003_L"]
    masks = {name: Volume.read(tmp_path / "out" / f"{name}.nii.gz").array for name in ("P001_L", "P002_R")}
    assert (masks["P001_L"][:, :, 36:] == BOTH.array[:, :, 36:]).all()
    assert (masks["P002_R"][:, :, :36] == ONE.array[:, :, :36]).all()


def test_key_names_patient_and_series_and_a_second_run_keeps_them(predict, cohort, tmp_path):
    first = predict(cohort).rows
    key = read_rows(tmp_path / "out" / "private" / "key.csv", ScanKeyRow)
    assert [(row.patient, row.patient_id, row.series) for row in key] == [
        ("P001", "M 7 cor T1", "cor T1"),
        ("P002", "M 7 ax T2", "ax T2"),
        ("P003", "M 8", ""),
    ]
    lines = cohort.read_text().splitlines()
    cohort.write_text("\n".join([lines[0], lines[3], lines[2], lines[1]]))
    assert {row.case_id for row in predict(cohort).rows} == {row.case_id for row in first}


def test_kept_ids_are_those_of_the_table(predict, cohort, tmp_path):
    names = [row.case_id for row in predict(cohort, keep_ids=True).rows]
    assert names == ["M-7-cor-T1_L", "M-7-ax-T2_R", "M-8_R", "M-8_L"]


def test_two_scans_of_a_patient_are_told_apart(predict, cohort):
    shutil.copy(cohort.parent / "b.nii.gz", cohort.parent / "c.nii.gz")
    cohort.write_text("patient_id,image\nM,b.nii.gz\nM,c.nii.gz\n")
    names = {row.case_id[:-2] for row in predict(cohort, keep_ids=True).rows}
    assert len(names) == 2
    assert all(name.startswith("M-") for name in names)


@pytest.mark.parametrize("keep_ids", [True, False])
def test_report_draws_the_series_that_was_predicted(predict, cohort, tmp_path, keep_ids):
    predict(cohort, keep_ids=keep_ids)
    assert report(tmp_path / "out").is_file()


def test_report_of_one_series_that_an_option_named(predict, cohort, tmp_path):
    predict(cohort.parent / "study", series="T2")
    assert report(tmp_path / "out").is_file()


def test_series_that_is_named_later_keeps_the_pseudonym(predict, cohort, tmp_path):
    folder = cohort.parent / "study"
    assert [row.case for row in predict(cohort.parent / "b.nii.gz", folder).failed] == ["P002"]
    assert [row.case_id for row in predict(folder, series="cor T1").rows] == ["P002_R", "P002_L"]


def test_a_row_that_fails_is_named_and_the_others_go_on(predict, cohort, tmp_path):
    (cohort.parent / "b.nii.gz").write_bytes(b"")
    predicted = predict(cohort)
    assert [row.case_id for row in predicted.rows] == ["P001_L", "P002_R"]
    assert [(row.case, row.error) for row in predicted.failed] == [("P003", "ReadError")]
    cohort.write_text("image\nb.nii.gz\n")
    assert [row.error for row in predict(cohort).failed] == ["ReadError"]


def test_bad_table_is_refused_before_anything_is_written(predict, cohort, tmp_path):
    cohort.write_text("image\nabsent.nii.gz\n")
    with pytest.raises(CohortError, match=r"line 2, image: got 'absent.nii.gz', which does not exist"):
        predict(cohort)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("in_memory", [True, False])
def test_python_takes_the_same_table(monkeypatch, model, cohort, tmp_path, in_memory):
    monkeypatch.setattr(Predictor, "hips", asked)
    out = {} if in_memory else {"out": tmp_path / "out"}
    hips = onfh.predict(cohort, model, **out)
    assert [hip.case_id for hip in hips] == ["P001_L", "P002_R", "P003_R", "P003_L"]
    with pytest.raises(ReadError, match="absent"):
        onfh.predict(tmp_path / "absent.nii", model)
