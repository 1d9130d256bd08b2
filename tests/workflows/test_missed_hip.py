"""A hip that a scan shows and that gets no mask: a line of its own, and nothing that counts it."""

import csv
import json

import numpy as np
import pytest

import onfh_nnunet as onfh
from onfh_nnunet.core.errors import CohortError, ReadError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.hip_prediction import HipPrediction
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows.predictor import Predictor
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import MissedHip, graded_in, missed_in, read_grades
from postprocessing.statistics.reader_tables import read_gradings
from tests.helpers.calibrations import USUAL
from tests.helpers.dicom_files import PELVIS
from tests.helpers.perfect_network import BOTH, ONE, image, oracle
from tests.helpers.small_model import small_model

METAL = "the scan shows a head on side {} that gives no signal, as metal does"


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A perfect network that sees metal where a scan of both hips shows one head."""

    def hips(self, scan, source, wanted=None):
        found = oracle(self, scan, source, wanted)
        if len(found) == 2:
            return found
        (hip,) = found
        return [HipPrediction(hip.side, hip.crop, hip.labels, (), USUAL, METAL.format(hip.side.other))]

    monkeypatch.setattr(Predictor, "hips", hips)
    write_model_file(tmp_path / "small.safetensors", small_model(0), Card())
    return tmp_path / "small.safetensors"


@pytest.fixture
def scans(tmp_path):
    """Both hips; the right one alone; the left one alone."""
    left = np.where(np.arange(PELVIS.size[2]) >= PELVIS.size[2] // 2, BOTH.array, 0).astype(np.uint8)
    for name, labels in {"a": BOTH, "b": ONE, "c": Volume(left, PELVIS)}.items():
        image(labels).write(tmp_path / "in" / f"{name}.nii.gz")
    return [tmp_path / "in" / f"{name}.nii.gz" for name in "abc"]


def test_it_has_a_line_without_numbers_beside_the_other_hip(onfh, model, scans, tmp_path):
    out = tmp_path / "out"
    arguments = ("predict", *scans, "--out", out, "--model", model, "--device", "cpu")
    done = onfh(*arguments)
    with (out / "grades.csv").open() as file:
        table = {row["case_id"]: row for row in csv.DictReader(file)}
    assert list(table) == ["P001_R", "P001_L", "P002_R", "P002_L", "P003_R", "P003_L"]
    for case_id, side in (("P002_L", "L"), ("P003_R", "R")):
        assert {name: cell for name, cell in table[case_id].items() if cell} == {
            "case_id": case_id,
            "source": case_id[:4],
            "side": side,
            "warnings": METAL.format(side),
        }
        assert f"{case_id}: not graded, {METAL.format(side)}\n" in done.stdout
        assert not (out / f"{case_id}.nii.gz").exists()
    assert f"4 hips, and 2 missed: {out / 'grades.csv'}" in done.stdout
    lines = read_grades(out / "grades.csv")
    assert len(graded_in(lines)) == 4
    assert [(one.case_id, one.side) for one in missed_in(lines)] == [("P002_L", Side.LEFT), ("P003_R", Side.RIGHT)]
    before = (out / "grades.csv").read_bytes()
    again = json.loads(onfh(*arguments, "--json").stdout)
    assert [hip["case_id"] for hip in again["hips"]] == ["P001_R", "P001_L", "P002_R", "P003_L"]
    assert [(one["case_id"], one["warnings"]) for one in again["missed"]] == [
        ("P002_L", METAL.format("L")),
        ("P003_R", METAL.format("R")),
    ]
    assert (out / "grades.csv").read_bytes() == before


def test_nothing_counts_it(onfh, model, scans, tmp_path):
    """Neither the report, nor the tables of two readers, nor a run on another scan of the same folder."""
    out = tmp_path / "out"
    arguments = ("--out", out, "--model", model, "--device", "cpu")
    onfh("predict", *scans, *arguments)
    page = onfh("report", out) and (out / "report.html").read_text()
    assert ">4 hips, 2 missed<" in page
    assert page.count("<img ") == 4
    assert f"not graded: {METAL.format('L')}" in page
    assert f"Not graded: {METAL.format('L')}" in (out / "report" / "P002.html").read_text()
    assert sorted(read_gradings(out / "grades.csv")) == ["P001_L", "P001_R", "P002_R", "P003_L"]
    onfh("predict", scans[0], *arguments)
    assert [line.case_id for line in missed_in(read_grades(out / "grades.csv"))] == ["P002_L", "P003_R"]
    (out / "P002_R.nii.gz").unlink()
    onfh("predict", scans[0], *arguments)
    assert [line.case_id for line in read_grades(out / "grades.csv")] == ["P001_R", "P001_L", "P003_R", "P003_L"]


def test_a_reader_who_graded_it_has_one_hip_more(tmp_path):
    (tmp_path / "a.csv").write_text("case_id,steinberg_grade,warnings\nP001_R,A,\nP001_L,,it is metal\n")
    (tmp_path / "b.csv").write_text("case_id,grade\nP001_R,A\nP001_L,B\n")
    with pytest.raises(CohortError, match="only in the second: P001_L"):
        onfh.agree(tmp_path / "a.csv", tmp_path / "b.csv")
    (tmp_path / "a.csv").write_text("case_id,steinberg_grade,warnings\nP001_R,A,\nP001_L,,\n")
    with pytest.raises(ReadError, match="'P001_L': has the grade '', expected A, B, C or none"):
        onfh.agree(tmp_path / "a.csv", tmp_path / "b.csv")


@pytest.mark.parametrize("into_folder", [True, False])
def test_python_has_it_beside_the_other_hip(model, scans, tmp_path, into_folder):
    out = tmp_path / "out" if into_folder else None
    hips = onfh.predict(scans, model, device="cpu", out=out)
    assert [hip.case_id for hip in hips] == ["P001_R", "P001_L", "P002_R", "P003_L"]
    assert [[(one.side, one.warnings) for one in hip.missed] for hip in hips] == [
        [],
        [],
        [(Side.LEFT, METAL.format("L"))],
        [(Side.RIGHT, METAL.format("R"))],
    ]
    table = onfh.to_frame(hips)
    assert list(table.case_id) == ["P001_R", "P001_L", "P002_R", "P002_L", "P003_R", "P003_L"]
    assert list(table.columns) == list(GradeRow.__dataclass_fields__)
    assert table.steinberg_grade.isna().tolist() == [False, False, False, True, True, False]
    assert table.head_ml.count() == 4


def test_a_missed_hip_has_no_grade_to_read():
    assert not {"steinberg_grade", "necrosis_percent", "head_ml"} & {*MissedHip.__dataclass_fields__}
