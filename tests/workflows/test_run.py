"""One command from an export to a page."""

import re
from dataclasses import replace
from html import unescape

import pytest

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows.model import describe
from onfh_nnunet.workflows.predictor import Predictor
from onfh_nnunet.workflows.run import run
from tests.helpers.dicom_files import write_series
from tests.helpers.perfect_network import BOTH, ONE, image, oracle
from tests.helpers.small_model import small_model


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(Predictor, "hips", oracle)
    write_model_file(tmp_path / "small.safetensors", small_model(0), Card())
    return tmp_path / "small.safetensors"


def test_an_export_ends_with_a_page_and_the_failures(onfh, model, tmp_path):
    export, out = tmp_path / "export", tmp_path / "out"
    write_series(export / "p1" / "T1", image(BOTH, 1), SeriesDescription="cor T1")
    write_series(export / "p2", image(ONE, 2))[5].unlink()
    done = onfh("run", export, "--out", out, "--model", model, "--device", "cpu", check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"Look at: {out / 'report.html'}"
    assert "p1/T1: took 'cor T1'" in done.stderr
    assert "P002 failed" in done.stderr
    assert "a slice is missing" in done.stderr
    assert (out / "report.html").is_file()
    (export / "p2").rename(tmp_path / "p2")
    assert onfh("run", export, "--out", out, "--model", model, "--device", "cpu").returncode == 0


def test_a_table_and_an_export_without_a_hip(model, tmp_path):
    image(ONE).write(tmp_path / "in" / "a.nii.gz")
    (tmp_path / "cohort.csv").write_text("image,side\nin/a.nii.gz,R\n")
    done = run(tmp_path / "cohort.csv", tmp_path / "out", model=model)
    assert [row.case_id for row in done.predicted.rows] == ["P001_R"]
    assert done.page == tmp_path / "out" / "report.html"
    empty = replace(BOTH, array=0 * BOTH.array)
    image(empty).write(tmp_path / "other" / "a.nii.gz")
    done = run(tmp_path / "other", tmp_path / "out2", model=model)
    assert (done.page, [row.error for row in done.predicted.failed]) == (None, ["HipNotFound"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="holds no scan"):
        run(tmp_path / "empty", tmp_path / "out3", model=model)


@pytest.mark.parametrize("bundled", [True, False])
def test_the_page_says_which_model_made_it_and_what_that_was_trained_on(model, tmp_path, bundled):
    image(ONE).write(tmp_path / "in" / "a.nii.gz")
    done = run(tmp_path / "in", tmp_path / "out", model=None if bundled else model)
    page = unescape(done.page.read_text())
    card = dict(describe(None if bundled else model).lines)
    box = re.search(r'<section class="model"(.*?)</section>', page, re.DOTALL)[1]
    assert ("the bundled demo model" if bundled else "small.saf") in box
    assert ("Caution: the model learned from drawn and painted lesions alone" in box) == bundled
    assert f"{card['trained on']}; healthy hips: {card['healthy hips']}" in box
    assert card["sha256"] in page
