"""``onfh`` as the tests run it, and a small study, trained for two epochs: what the tests of the stages look at.

Every command runs as a user's would, outside CI, with a home of its own and under an audit hook: it must ask for no
network and write nothing into the home. Most run in the process of the tests, which saves seconds of imports each;
`onfh_process` starts a process of its own, in an empty network namespace where the system allows one.
"""

import contextlib
import io
import os
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings

from onfh_nnunet import cli
from tests.helpers import orthanc

AUDIT = Path(__file__).with_name("audit")
CI_VARIABLES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "TRAVIS", "CIRCLECI", "BUILDKITE")

# The networks of the tests are so small that threads wait for each other most of the time: a fifth of the work in one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # and those of a training do not spin where cores are busy

# No test depends on time, and in CI each run tries the same examples.
settings.register_profile("onfh", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("onfh")


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
def onfh_process(environment, without_network):
    """Run ``onfh`` as a user does, in a process of its own; the finished process."""

    def run(*arguments, check=True):
        command = [*without_network, sys.executable, "-m", "onfh_nnunet", *map(str, arguments)]
        with untouched(environment):
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def onfh(environment):
    """Run ``onfh`` in this process; what `onfh_process` gives back. A bug is the test's own traceback."""
    with mock.patch.dict(os.environ, environment):
        runpy.run_path(str(AUDIT / "sitecustomize.py"))

    def run(*arguments, check=True):
        words, said, noted, code = ["onfh", *map(str, arguments)], stream(), stream(), 0
        with contextlib.ExitStack() as stack:
            for context in (
                untouched(environment),
                kept_signals(),
                mock.patch.dict(os.environ, environment, clear=True),
                mock.patch.object(sys, "argv", words),
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(noted),
            ):
                stack.enter_context(context)
            try:
                cli.run()
            except SystemExit as end:
                code = end.code or 0
        stdout, stderr = (each.buffer.getvalue().decode() for each in (said, noted))
        assert not check or code == 0, stderr
        return subprocess.CompletedProcess(words, code, stdout, stderr)

    return run


def stream():
    """A pipe's end, as a process has it."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


@contextlib.contextmanager
def untouched(environment):
    """What runs here asks for no network, forks nothing after torch, and writes nothing into the home."""
    log = Path(environment["ONFH_AUDIT_LOG"])
    before = log.read_text()
    yield
    assert log.read_text() == before, "asked for a network, or forked"
    assert [str(path) for path in Path(environment["HOME"]).rglob("*")] == [], "wrote into the home"


@contextlib.contextmanager
def kept_signals():
    """``onfh`` changes what signals do, for itself alone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGINT))}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def study(tmp_path_factory, onfh_process):
    """A folder with ``cohort``, ``work`` (converted, planned in two folds, both trained) and ``model.safetensors``.

    What plan and train said on stderr is in ``said.txt``.
    """
    folder = tmp_path_factory.mktemp("study")
    cohort, work = folder / "cohort", folder / "work"
    onfh_process("phantom", cohort, "--hips", 6, "--seed", 5, "--format", "nifti", "--spacing", "2,2,2")
    onfh_process("convert", cohort / "cohort.csv", "--work", work)
    planned = onfh_process("plan", "--work", work, "--preset", "quick", "--folds", 2)
    trained = onfh_process("train", "--work", work, "--epochs", 2, "--device", "cpu")
    (folder / "said.txt").write_text(planned.stderr + trained.stderr)
    onfh_process("export", "--work", work, "--out", folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A model file of a small network with random weights."""
    from onfh_nnunet.models.model_card import Card
    from onfh_nnunet.models.model_file import write_model_file
    from tests.helpers.small_model import small_model

    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    write_model_file(path, small_model(0), Card())
    return path


@pytest.fixture(scope="session")
def running_orthanc(tmp_path_factory):
    """A real Orthanc; the tests that use it are skipped where it is not installed."""
    if not orthanc.installed():
        pytest.skip(orthanc.MISSING)
    with orthanc.running(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def pacs(running_orthanc, monkeypatch):
    """The same, empty; no request waits before it is repeated."""
    monkeypatch.setattr("onfh_nnunet.pacs.retry.WAITS_S", (0.0, 0.0))
    running_orthanc.clear()
    return running_orthanc
