"""Nothing is ever sent, and nothing is written into the user's home: `conftest.onfh_process` watches each command.

``onfh pacs`` and ``onfh watch`` alone ask for a network: for the server that the user names, and no other.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onfh_nnunet.cli import COMMANDS
from tests.helpers.dicom_files import noise, write_series
from tests.helpers.orthanc import write_settings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]


def test_the_hook_sees_an_attempt(environment, without_network, tmp_path):
    log = tmp_path / "log"
    code = (
        "import urllib.request, contextlib\nwith contextlib.suppress(OSError): urllib.request.urlopen('http://[::1]:9')"
    )
    command = [*without_network, sys.executable, "-c", code]
    subprocess.run(command, env=environment | {"ONFH_AUDIT_LOG": str(log)}, check=True)
    assert "urllib.Request ('http://[::1]:9'" in log.read_text()
    assert "socket.connect" in log.read_text()


def test_no_command_asks_for_a_network_or_writes_into_the_home(study, onfh_process, tmp_path):
    """The first five commands are run by the fixture `study`."""
    run = {"phantom", "convert", "plan", "train", "export", "watch"}  # of the last see below
    scans = sorted((study / "cohort" / "images").iterdir())[:1]
    (tmp_path / "one").mkdir()
    shutil.copy(scans[0], tmp_path / "one")
    out, labels = tmp_path / "out", study / "work/nnUNet_raw/Dataset711_ONFH/labelsTr"
    for command, *arguments in (
        ("doctor", "--work", tmp_path),
        ("cohort", study / "cohort"),
        ("implant", study / "cohort" / "cohort.csv", "--out", tmp_path / "implants", "--weighting", "t1"),
        ("check", study / "cohort" / "cohort.csv"),
        ("crossval", "--work", study / "work"),
        ("report", study / "work" / "crossval"),
        ("model", study / "model.safetensors", "--unpack", tmp_path / "stock"),
        ("export", "--from", tmp_path / "stock", "--out", tmp_path / "again.safetensors"),
        ("predict", *scans, "--out", out),
        ("predict", *scans, "--engine", "torch", "--out", tmp_path / "torch"),
        ("report", out),
        ("run", tmp_path / "one", "--out", tmp_path / "run"),
        ("grade", *labels.iterdir(), "--out", tmp_path / "grades.csv"),
        ("mesh", sorted(labels.iterdir())[0], "--out", tmp_path / "meshes"),
        ("compare", labels, labels, "--out", tmp_path / "compared"),
        ("plan-study", "dice", "--width", "0.02"),
        ("agree", tmp_path / "grades.csv", tmp_path / "grades.csv", "--out", tmp_path / "agreed"),
    ):
        done = onfh_process(command, *arguments, check=False)
        assert "Traceback" not in done.stderr
        run.add(command.replace("-", "_"))
    assert (out / "report.html").is_file()
    assert run == {command.__name__ for command in COMMANDS}


@pytest.mark.parametrize(
    ("protocol", "arguments"),
    [("dimse", ["pacs", "store", "scan"]), ("dicomweb", ["pacs", "store", "scan"]), ("dicomweb", ["watch", "--once"])],
)
def test_a_pacs_is_the_one_that_is_named(pacs, environment, tmp_path, protocol, arguments):
    write_series(tmp_path / "scan", noise(), StudyInstanceUID="1.2.826.0.1.3680043.8.498.91")
    settings = write_settings(tmp_path / "pacs.toml", pacs, protocol)
    out = ("--out", "out") if arguments[0] == "watch" else ()
    command = [sys.executable, "-m", "onfh_nnunet", *arguments, "--server", settings, *out]
    log = tmp_path / "log"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://192.0.2.1:3128")
    variables = environment | proxies | {"ONFH_AUDIT_LOG": str(log)}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    port = pacs.dicom_port if protocol == "dimse" else pacs.http_port
    spoken = [line for line in log.read_text().splitlines() if line.startswith("socket.connect")]
    assert spoken
    assert [line for line in spoken if f"('127.0.0.1', {port})" not in line] == []
    assert "192.0.2.1" not in log.read_text(), "looked for a proxy"
    assert list(Path(environment["HOME"]).rglob("*")) == []
    assert "tell-nobody" not in done.stdout + done.stderr + log.read_text()


def test_openvino_finds_no_telemetry_even_where_it_is_imported_first():
    code = "import onfh_nnunet.inference.engine.graph, openvino, sys; print(sys.modules['openvino_telemetry'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def test_figures_from_python_leave_home_and_environment_as_they_are(tmp_path):
    """Where the caller did not import matplotlib before: no font cache in the home, and no variable set."""
    code = (
        "import os\nfrom postprocessing.figures.style import new_figure, rendered\nbefore = dict(os.environ)\n"
        "figure, axes = new_figure()\naxes.set_title('a')\nassert rendered(figure, 'png')\nassert os.environ == before"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL"))}
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []
