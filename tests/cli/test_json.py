"""`--json`: one document on stdout, with what the tables say; all else on stderr."""

import csv
import json

import numpy as np
import pytest

from onfh_nnunet.cli import console
from onfh_nnunet.core.csv_rows import columns
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.dicom_files import PELVIS, RIGHT, ball, noise

HEAD = np.where(ball(PELVIS, RIGHT, 12), 2, ball(PELVIS, RIGHT)).astype(np.uint8)


@pytest.fixture
def masks(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in ("P001_R", "P002_R"):
        Volume(HEAD, PELVIS).write(folder / f"{name}.nii.gz")
    return folder


@pytest.fixture
def document(onfh):
    def run(*arguments, check=True):
        return json.loads(onfh(*arguments, "--json", check=check).stdout)

    return run


def test_graded_hips_are_the_rows_of_the_table(masks, document, tmp_path):
    hips = document("grade", masks, "--out", tmp_path / "g.csv")["hips"]
    with (tmp_path / "g.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [list(hip) for hip in hips] == [columns(GradeRow)] * 2
    for hip, row in zip(hips, table, strict=True):
        assert (hip["case_id"], hip["steinberg_grade"]) == (row["case_id"], row["steinberg_grade"])
        assert hip["necrosis_percent"] == pytest.approx(float(row["necrosis_percent"]), rel=1e-8)
        assert hip["jic_type"] is None
        assert row["jic_type"] == ""


def test_comparison_agreement_card_and_doctor(masks, document, tmp_path):
    compared = document("compare", masks, masks, "--out", tmp_path / "c")["hips"]
    assert [hip["head_dice"] for hip in compared] == [1.0, 1.0]
    document("grade", masks, "--out", tmp_path / "g.csv")
    found = document("agree", tmp_path / "g.csv", tmp_path / "g.csv", "--out", tmp_path / "a")["statistics"]
    assert {row["statistic"]: row["value"] for row in found}["accuracy"] == 1.0
    card = document("model")
    assert "painted" in card["card"]["caution"]
    assert card["folds"] == [0]
    assert {"head", "necrosis"} <= {score["region"] for score in card["scores"]}
    assert all(set(one) == {"subject", "fine", "text"} for one in document("doctor", check=False)["findings"])


def test_a_failed_scan_is_in_the_document_and_on_stderr(document, onfh, tmp_path):
    for name in ("a", "b"):
        noise().write(tmp_path / f"{name}.nii.gz")
    done = onfh("predict", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", "--out", tmp_path / "o", "--json", check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["hips"] == []
    assert [row["case"] for row in found["failed"]] == ["P001", "P002"]
    assert "2 of 2 scans failed" in done.stderr


def test_what_json_has_no_word_for_is_null_and_text_is_ascii(capsys):
    console.document(values=(float("nan"), float("inf"), 1.5, True, None), text="\x1b[31m患者", path=PELVIS.size)
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert "\x1b" not in shown
    assert json.loads(shown) == {
        "values": [None, None, 1.5, True, None],
        "text": "\x1b[31m患者",
        "path": [*PELVIS.size],
    }
