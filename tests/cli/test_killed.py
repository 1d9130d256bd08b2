"""Processes that are asked to end, or killed: what they started ends with them, and nothing half-written stays."""

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from tests.helpers.waiting import LONG_S, until

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="POSIX signals")


def _listen():
    """A shell's background job starts with Ctrl-C ignored, one of nohup with the end of its terminal."""
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, onfh):
    folder = tmp_path_factory.mktemp("cohort") / "c"
    onfh("phantom", folder, "--hips", 8, "--seed", 3, "--format", "nifti", "--spacing", "2,2,2")
    return folder / "cohort.csv"


@pytest.fixture
def start(environment, tmp_path):
    """Start ``onfh`` in a session of its own; whatever it leaves is ended after the test."""
    started = []

    def run(*arguments):
        command = [sys.executable, "-m", "onfh_nnunet", *map(str, arguments)]
        variables = environment | {"TMPDIR": str(tmp_path)}
        options = {"env": variables, "start_new_session": True, "stderr": subprocess.PIPE, "preexec_fn": _listen}
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    yield run
    for process in started:
        for left in [process, *found_of(process)]:
            if left.poll() is None if isinstance(left, subprocess.Popen) else left.is_running():
                left.kill()
        process.communicate()


def found_of(process):
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def children_of(process):
    """Its children once there are some."""
    return until(lambda: found_of(process))


def gone(processes):
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_workers_of_a_conversion_end_with_it_and_its_part_goes(cohort, start, onfh, tmp_path, sent):
    work = tmp_path / "work"
    process = start("convert", cohort, "--work", work)
    until(lambda: process.poll() is not None or list(work.glob("nnUNet_raw/.*.part.*/imagesTr/*")))
    workers = found_of(process)
    assert process.poll() is None, "too quick for this test"
    assert workers
    process.send_signal(sent)
    process.wait(LONG_S)
    until(lambda: gone(workers))
    assert not list(work.glob("nnUNet_raw/Dataset*"))
    onfh("convert", cohort, "--work", work)
    assert [path.name for path in (work / "nnUNet_raw").iterdir()] == ["Dataset711_ONFH"]


@pytest.mark.slow
@pytest.mark.xdist_group("study")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_training_ends_with_its_parent(study, start, onfh, tmp_path, sent):
    shutil.copytree(study / "work", tmp_path / "work")
    for fold in (tmp_path / "work").glob("nnUNet_results/*/*/fold_*"):
        shutil.rmtree(fold)
    process = start("train", "--work", tmp_path / "work", "--device", "cpu", "--epochs", 3)
    until(lambda: process.poll() is not None or len(found_of(process)) >= 2)
    until(lambda: list((tmp_path / "work").glob("nnUNet_results/*/*/fold_*/training_log*")))
    trainings = found_of(process)
    assert len(trainings) >= 2
    refused = onfh("convert", study / "cohort" / "cohort.csv", "--work", tmp_path / "work", check=False)
    assert "is being written by another onfh train" in refused.stderr
    process.send_signal(sent)
    process.wait(LONG_S)
    until(lambda: gone(trainings))


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_a_plan_ends_with_its_parent(study, start, tmp_path):
    shutil.copytree(study / "work", tmp_path / "work")
    process = start("plan", "--work", tmp_path / "work", "--preset", "quick", "--folds", 3)
    planning = children_of(process)
    process.kill()
    process.wait(LONG_S)
    until(lambda: gone(planning))
