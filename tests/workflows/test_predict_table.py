"""A table as the input of predict: side and series of each row, names, and what a report shows of it."""

import shutil

import numpy as np
import pytest

import onfh_nnunet as onfh
from dataset_conversion.cohort.pseudonyms import ScanKeyRow
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import CohortError, HipNotFound, LabelError, OnfhError, ReadError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.compare import compare
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.report import report
from tests.helpers.dicom_files import PELVIS, write_series
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
    """A table of a folder with two series, of which T2 shows the right hip alone, and of two image files."""
    folder = tmp_path / "cohort"
    write_series(folder / "study" / "T1", image(BOTH, 1), SeriesDescription="cor T1")
    write_series(folder / "study" / "T2", image(ONE, 2), SeriesDescription="ax T2")
    for number, name in enumerate("bc", start=3):
        image(BOTH, number).write(folder / f"{name}.nii.gz")
    rows = "M7,study,L,cor T1,\nM7,study,R,ax T2,\nM8,b.nii.gz,,,\nM8,c.nii.gz,B,,2\n"
    (folder / "cohort.csv").write_text(f"patient_id,image,side,series,visit\n{rows}")
    return folder / "cohort.csv"


ALL = ["P001_L", "P001_R", "P002_R", "P002_L", "P002+2_R", "P002+2_L"]
"""The hips of the table."""


@pytest.fixture
def predict(monkeypatch, model, tmp_path):
    monkeypatch.setattr(Predictor, "hips", asked)

    def run(*inputs, side=None, **changes):
        return predict_scans(inputs, Settings(model, tmp_path / "out", side, Device.CPU, None, False, **changes))

    return run


def test_rows_say_side_and_series_and_options_fill_what_is_empty(predict, cohort, tmp_path):
    names = ["P001_L", "P001_R", "P002_L", "P002+2_R", "P002+2_L"]
    assert [row.case_id for row in predict(cohort, side=Side.LEFT).rows] == names
    masks = {name: Volume.read(tmp_path / "out" / f"{name}.nii.gz").array for name in ("P001_L", "P001_R")}
    assert (masks["P001_L"][:, :, 36:] == BOTH.array[:, :, 36:]).all()
    assert (masks["P001_R"][:, :, :36] == ONE.array[:, :, :36]).all()


def test_a_patient_has_one_pseudonym_and_a_second_run_keeps_it(predict, cohort, tmp_path):
    first = predict(cohort).rows
    assert [row.case_id for row in first] == ALL
    key = read_rows(tmp_path / "out" / "private" / "key.csv", ScanKeyRow)
    assert [(row.patient, row.patient_id, row.series) for row in key] == [
        ("P001_L", "M7", "cor T1"),
        ("P001_R", "M7", "ax T2"),
        ("P002", "M8", ""),
        ("P002+2", "M8", ""),
    ]
    masks = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nii.gz")}
    header, *lines = cohort.read_text().splitlines()
    cohort.write_text("\n".join([header, *reversed(lines)]))
    assert {row.case_id for row in predict(cohort).rows} == set(ALL)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nii.gz")} == masks


def test_a_later_table_adds_to_a_patient(predict, cohort):
    """A table that says something else of a scan that has results, or has another scan for them, is refused."""
    header, *lines = cohort.read_text().splitlines()
    for first, last in ((0, 1), (1, 3), (3, 4)):
        cohort.write_text("\n".join([header, *lines[first:last]]))
        predict(cohort)
    assert [row.case_id for row in predict(cohort).rows] == ALL[4:]
    for row, told in {
        "M8,b.nii.gz,,,3": r"b.nii.gz: is P002 in this output, and P002\+3 by the table",
        "M7,b.nii.gz,,,": "b.nii.gz: is P002 in this output, and P001 by the table",
        "M7,c2.nii.gz,,,": "c2.nii.gz: is P001 by the table, and this output holds another scan under that name",
    }.items():
        shutil.copy(cohort.parent / "c.nii.gz", cohort.parent / "c2.nii.gz")
        cohort.write_text(f"{header}\n{row}\n")
        with pytest.raises(CohortError, match=told):
            predict(cohort)


def test_kept_ids_are_those_of_the_table(predict, cohort, tmp_path):
    names = [row.case_id for row in predict(cohort, keep_ids=True).rows]
    assert names == [case_id.replace("P00", "M").replace("M1", "M7").replace("M2", "M8") for case_id in ALL]
    assert len(list((tmp_path / "out").glob("M*.nii.gz"))) == len(ALL)


def test_an_id_that_is_no_name_for_files_is_refused_as_convert_does(predict, cohort):
    cohort.write_text(cohort.read_text().replace("M7", "M 7"))
    with pytest.raises(CohortError, match="patient 'M 7': is not a valid patient name"):
        predict(cohort, keep_ids=True)
    assert [row.case_id for row in predict(cohort).rows] == ALL


def test_a_file_with_the_name_of_a_hip_is_refused(predict, cohort):
    shutil.copy(cohort.parent / "b.nii.gz", cohort.parent / "M7.nii.gz")
    with pytest.raises(CohortError, match=r"M7\.nii\.gz: would be named M7, as .*study"):
        predict(cohort, cohort.parent / "M7.nii.gz", keep_ids=True)


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
    assert [row.case_id for row in predicted.rows] == [*ALL[:2], *ALL[4:]]
    assert [(row.case, row.error) for row in predicted.failed] == [("P002", "ReadError")]
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
    assert [hip.case_id for hip in hips] == ALL
    with pytest.raises(ReadError, match="absent"):
        onfh.predict(tmp_path / "absent.nii", model)


@pytest.fixture
def labelled(cohort):
    """The table with labels of all scans but the last."""
    folder = cohort.parent / "labels"
    left = Volume(np.where(np.arange(PELVIS.size[2]) < PELVIS.size[2] // 2, 0, BOTH.array), PELVIS)
    for name, mask in {"left.nii.gz": left, "right.nrrd": ONE, "8.mha": BOTH}.items():
        mask.write(folder / name)
    header, *lines = cohort.read_text().splitlines()
    labels = ("labels/left.nii.gz", "labels/right.nrrd", "labels/8.mha", "")
    rows = [f"{line},{label},none" for line, label in zip(lines, labels, strict=True)]
    rows[0] = rows[0].replace("none", "")
    rows[2] = rows[2].replace("none", "").replace("gz,,", "gz,B,", 1)
    cohort.write_text("\n".join([f"{header},label,grade", *rows]))
    return cohort


@pytest.mark.parametrize("keep_ids", [True, False])
def test_predictions_of_a_table_are_compared_with_its_labels(predict, labelled, tmp_path, onfh, keep_ids):
    """Whatever the files of the labels are called; a head alone is healthy where the table says so."""
    predict(labelled, keep_ids=keep_ids)
    done = onfh("compare", labelled, tmp_path / "out", "--out", tmp_path / "comparison")
    assert "4 hips compared" in done.stdout
    rows = compare(labelled, tmp_path / "out")
    names = ALL[:4] if not keep_ids else ["M7_L", "M7_R", "M8_R", "M8_L"]
    assert [(row.case_id, row.head_dice) for row in rows] == [(name, 1) for name in names]
    assert [row.grade_true for row in rows] == [row.grade_pred for row in rows]
    assert len({row.patient for row in rows}) == 2


def test_labels_say_their_sides_where_the_table_does_not(predict, labelled, tmp_path):
    """By the names of their files or what they hold; a prediction of an unlabelled hip of the same scan is left out."""
    predict(labelled)
    header, *lines = labelled.read_text().splitlines()
    rows = [line.split(",") for line in lines]
    without = [",".join(row[:2] + row[3:]) for row in rows]
    labelled.write_text("\n".join([header.replace("side,", ""), *without]))
    (labelled.parent / "labels" / "8.mha").unlink()
    ONE.write(labelled.parent / "labels" / "8.mha")
    hips = compare(labelled, tmp_path / "out")
    assert [(row.case_id, row.head_dice) for row in hips] == [("P001_L", 1), ("P001_R", 1), ("P002_R", 1)]
    again = [*without, without[1]]
    labelled.write_text("\n".join([header.replace("side,", ""), *again]))
    with pytest.raises(CohortError, match="labels P001_R more than once"):
        compare(labelled, tmp_path / "out")


def test_a_hip_of_the_table_without_a_prediction_is_an_error(predict, labelled, tmp_path):
    predict(labelled)
    for name in ("P001_R", "P002_L"):
        (tmp_path / "out" / f"{name}.nii.gz").unlink()
    with pytest.raises(
        ReadError, match=r"out: lacks P001_R \(line 3\), P002_L \(line 4\) \(references: .*cohort.csv\)"
    ):
        compare(labelled, tmp_path / "out")
    with pytest.raises(OnfhError, match="`necrosis_masks`: is given beside a table"):
        compare(labelled, tmp_path / "out", necrosis_masks=tmp_path)
    labelled.write_text("patient_id,image,side,label\nM7,b.nii.gz,R,\n")
    with pytest.raises(LabelError, match="has no label in any row"):
        compare(labelled, tmp_path / "out")
