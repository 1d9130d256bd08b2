"""The Python of the pages and of the examples runs, on synthetic hips and with the bundled model."""

import csv
import os
import re
import subprocess
import sys

import pytest

from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import PhantomForm
from tests.helpers.paths import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder where a reader types: `try` is what `onfh phantom try --hips 2 --seed 9 --bilateral` makes."""
    here = tmp_path_factory.mktemp("reader")
    protocol = ScanProtocol(bilateral=True)
    write_phantom_cohort(here / "try", hips=2, seed=9, form=PhantomForm.DICOM, protocol=protocol)
    return here


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_blocks_run_from_top_to_bottom(page, folder, monkeypatch):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    monkeypatch.chdir(folder)
    before = set(folder.rglob("*"))
    names = {}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
    assert set(folder.rglob("*")) == before, "nothing is written unless it is asked for"


def test_an_example_predicts_one_scan_and_another_grades_its_masks(folder):
    printed = example("predict_one_scan.py", "try/images/MRN0001_B", "masks", folder=folder)
    assert re.findall(r"^([RL]): grade", printed, re.MULTILINE) == ["R", "L"]

    example("grade_a_folder.py", "masks", "grades.csv", folder=folder)
    with (folder / "grades.csv").open(encoding="utf-8") as file:
        assert sorted(row["side"] for row in csv.DictReader(file)) == ["L", "R"]


@pytest.mark.slow
def test_an_example_makes_a_model_from_a_cohort(tmp_path):
    protocol = ScanProtocol(spacing_mm=(2.0, 2.0, 2.0))
    write_phantom_cohort(tmp_path / "cohort", hips=6, seed=5, form=PhantomForm.NIFTI, protocol=protocol)
    short = ("--preset", "quick", "--folds", "2", "--epochs", "1")
    printed = example("cohort_to_model.py", "cohort/cohort.csv", "work", "hips.safetensors", *short, folder=tmp_path)
    assert printed.startswith("6 hips, median head Dice")
    assert (tmp_path / "hips.safetensors").is_file()


def example(name, *arguments, folder):
    """What an example prints when it is run in a folder, as a reader runs it."""
    shell = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    done = subprocess.run(command, cwd=folder, env=shell, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
