"""A small study, trained for one epoch: what the tests of the stages look at."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def onfh():
    """Run ``onfh`` as a user does; the finished process."""

    def run(*arguments, check=True):
        command = [sys.executable, "-m", "onfh_nnunet", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def study(tmp_path_factory, onfh):
    """A folder with ``cohort``, ``work`` (converted, planned in two folds, both trained) and ``model.onfh``."""
    folder = tmp_path_factory.mktemp("study")
    cohort, work = folder / "cohort", folder / "work"
    onfh("phantom", cohort, "--hips", 6, "--seed", 5, "--format", "nifti", "--spacing", "2,2,2")
    onfh("convert", cohort / "cohort.csv", "--work", work)
    onfh("plan", "--work", work, "--preset", "quick", "--folds", 2)
    onfh("train", "--work", work, "--epochs", 2, "--device", "cpu")
    onfh("export", "--work", work, "--out", folder / "model.onfh")
    return folder
