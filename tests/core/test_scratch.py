import os
import stat
import subprocess
import sys

import pytest

from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.scratch import private_folder, scratch_folder, sweep_scratch

KILLED = """
import os, signal
from onfh_nnunet.core.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "slice.dcm").write_text("of a patient")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def test_only_the_owner_may_read_and_nothing_stays():
    with scratch_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        (folder / "sub").mkdir()
    assert list(private_folder().iterdir()) == []


def test_what_a_killed_process_left_goes_at_the_next_start_and_what_is_in_use_stays():
    killed = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True)
    left = killed.stdout.strip()
    assert os.path.exists(os.path.join(left, "slice.dcm"))  # noqa: PTH110, PTH118
    with scratch_folder() as mine:
        sweep_scratch()
        assert not os.path.exists(left)  # noqa: PTH110
        assert mine.is_dir()
    assert list(private_folder().iterdir()) == []


def test_a_command_sweeps_and_help_does_not(environment, temporary):
    environment = environment | {"TMPDIR": str(temporary)}
    left = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, env=environment).stdout
    onfh = [sys.executable, "-m", "onfh_nnunet"]
    subprocess.run([*onfh, "--help"], env=environment, capture_output=True, check=True)
    assert os.path.exists(left.strip())  # noqa: PTH110
    subprocess.run([*onfh, "check", "absent.csv"], env=environment, capture_output=True)
    assert not os.path.exists(left.strip())  # noqa: PTH110


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has one temporary folder a user")
@pytest.mark.parametrize("kind", ["readable", "link", "file"])
def test_a_folder_that_somebody_else_prepared_is_not_used(temporary, kind):
    place = temporary / f"onfh-{os.getuid()}"
    if kind == "file":
        place.write_text("")
    elif kind == "link":
        (temporary / "theirs").mkdir(mode=0o700)
        place.symlink_to(temporary / "theirs")
    else:
        place.mkdir()
        place.chmod(0o755)
    with pytest.raises(WorkspaceError, match="not a folder that only you may read"), scratch_folder():
        pass
