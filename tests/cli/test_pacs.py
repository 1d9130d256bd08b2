"""`onfh pacs` as it is typed: what each command prints, and one message where it is refused."""

import json

import pytest
from typer.testing import CliRunner

from onfh_nnunet.cli import app
from onfh_nnunet.core.errors import PacsLoginError
from tests.helpers.dicom_files import noise, write_series
from tests.helpers.orthanc import write_settings
from tests.pacs.conftest import SLICES

pytestmark = pytest.mark.xdist_group("orthanc")

STUDY = "1.2.826.0.1.3680043.8.498.92"


def typed(*words):
    return CliRunner().invoke(app, ["pacs", *map(str, words)])


@pytest.fixture
def server(pacs, tmp_path):
    return "--server", write_settings(tmp_path / "pacs.toml", pacs)


def test_from_a_folder_to_the_server_and_back(server, tmp_path):
    files = write_series(tmp_path / "scan", noise(SLICES), StudyInstanceUID=STUDY, PatientID="P7", Modality="MR")
    assert typed("echo", *server).output.endswith("/dicom-web answers\n")
    first, second = (typed("store", tmp_path / "scan", *server).output for _ in range(2))
    assert f": {len(files)} objects\n" in first
    assert f"holds them: {len(files)} objects" in second
    assert ": 0 objects\n" in second
    (found,) = json.loads(typed("find", *server, "--patient", "P7", "--json").stdout)["studies"]
    assert (found["study"], found["images"], found["modalities"]) == (STUDY, len(files), ["MR"])
    shown = typed("find", *server, "--patient", "P*").output
    assert STUDY in shown
    assert f"next: onfh pacs fetch {STUDY} --server" in shown
    assert typed("find", *server, "--patient", "P8").output == "No study matches\n"
    fetched = typed("fetch", STUDY, *server, "--out", tmp_path / "out").output
    assert f"{len(files)} files\n" in fetched
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == len(files)
    assert "was there already" in typed("fetch", STUDY, *server, "--out", tmp_path / "out").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["find"], "names no patient, date, accession number or study"),
        (["find", "--date", "31.1.2026"], "`date`: is '31.1.2026', expected 20260131"),
        (["store", "absent.dcm"], "absent.dcm: cannot be read"),
        (["store", "."], r"holds no .dcm file"),
    ],
)
def test_what_cannot_be_asked_is_refused(server, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    assert said in str(typed(*words, *server).exception)


def test_a_wrong_password_names_the_settings(server, tmp_path):
    (tmp_path / "password").write_text("guessed")
    done = typed("echo", *server)
    assert isinstance(done.exception, PacsLoginError)
    assert "guessed" not in done.output + str(done.exception)
