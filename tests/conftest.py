"""A small study, trained for one epoch: what the tests of the stages look at.

Every command runs as a user's would, outside CI, with a home of its own, in an empty network namespace where the
system allows one, and under an audit hook: it must ask for no network and write nothing into the home.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).with_name("audit")
CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "TRAVIS", "CIRCLECI", "BUILDKITE")


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The variables of a user's shell; the home is a new folder, and ``ONFH_AUDIT_LOG`` names what the hook notes."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "home").mkdir()
    (folder / "audit.log").touch()
    kept = {name: value for name, value in os.environ.items() if name not in CI_VARIABLES}
    paths = os.pathsep.join(filter(None, (str(AUDIT), os.environ.get("PYTHONPATH"))))
    home = {"HOME": str(folder / "home"), "ONFH_AUDIT_LOG": str(folder / "audit.log"), "PYTHONPATH": paths}
    return {name: value for name, value in kept.items() if not name.startswith(("XDG_", "MPL"))} | home


@pytest.fixture(scope="session")
def without_network():
    """What makes a command run in an empty network namespace; nothing where the system allows none."""
    command = ("unshare", "--net", "--")
    usable = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0
    return command if usable else ()


@pytest.fixture(scope="session")
def onfh(environment, without_network):
    """Run ``onfh`` as a user does; the finished process."""

    def run(*arguments, check=True):
        command = [*without_network, sys.executable, "-m", "onfh_nnunet", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert not check or done.returncode == 0, done.stderr
        assert Path(environment["ONFH_AUDIT_LOG"]).read_text() == "", "asked for a network"
        assert [str(path) for path in Path(environment["HOME"]).rglob("*")] == [], "wrote into the home"
        return done

    return run


@pytest.fixture(scope="session")
def study(tmp_path_factory, onfh):
    """A folder with ``cohort``, ``work`` (converted, planned in two folds, both trained) and ``model.safetensors``.

    What plan and train said on stderr is in ``said.txt``.
    """
    folder = tmp_path_factory.mktemp("study")
    cohort, work = folder / "cohort", folder / "work"
    onfh("phantom", cohort, "--hips", 6, "--seed", 5, "--format", "nifti", "--spacing", "2,2,2")
    onfh("convert", cohort / "cohort.csv", "--work", work)
    planned = onfh("plan", "--work", work, "--preset", "quick", "--folds", 2)
    trained = onfh("train", "--work", work, "--epochs", 2, "--device", "cpu")
    (folder / "said.txt").write_text(planned.stderr + trained.stderr)
    onfh("export", "--work", work, "--out", folder / "model.safetensors")
    return folder
