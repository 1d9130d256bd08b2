"""A few disturbed runs; `make faults` makes hundreds, of all commands."""

import re
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found by a feature of Linux")
def test_nothing_is_lost_or_left_behind_where_runs_are_disturbed(environment):
    words = ["--runs", "10", "--seed", "1", "--only", "grade,compare", "--warm"]
    command = [sys.executable, "-m", "tests.faults", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\| all \| 10 \| [1-9]\d* \| 0 \|", done.stdout), "nothing was disturbed"
