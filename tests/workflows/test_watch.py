"""`onfh watch` at a real Orthanc and at a folder: each study once, over kills and restarts."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydicom import dcmread

from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import OnfhError, PacsError, PacsSettingsError, WorkspaceError
from onfh_nnunet.pacs.study_queue import State, StudyQueue
from onfh_nnunet.workflows.scan_objects import dicom_files
from onfh_nnunet.workflows.watch import Watch, watching
from tests.helpers.dicom_files import write_series
from tests.helpers.orthanc import write_settings
from tests.helpers.paths import ROOT
from tests.helpers.perfect_network import BOTH, image
from tests.helpers.waiting import LONG_S, until

pytestmark = pytest.mark.xdist_group("orthanc")

STUDY = "1.2.826.0.1.3680043.8.498.78"
SCAN = {"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.77", "StudyInstanceUID": STUDY, "Modality": "MR"}


class Clock:
    """A time that passes when the test says so."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def said():
    return []


@pytest.fixture
def watched(pacs, tmp_path, model):
    """A watch with a worker of the tests; its settings name the real server."""
    settings = write_settings(tmp_path / "pacs.toml", pacs)
    (tmp_path / "in").mkdir()

    def of(worker, folder=None, clock=None):
        worker = f"tests.helpers.{worker}"
        place = tmp_path / folder if folder else None
        return Watch(settings, tmp_path / "out", place, model, Device.CPU, worker, 60.0, clock or Clock())

    return of


def noting(said):
    return lambda study, state, _reason: said.append((study, state.value))


def put_study(folder, study, content="x"):
    (folder / study).mkdir(parents=True)
    (folder / study / "a.dcm").write_text(content)


def worked_on(out):
    return [line.split()[0] for line in (out / "worked").read_text().splitlines()] if (out / "worked").exists() else []


def stable(pacs):
    return [one for one in pacs.ask("/changes?limit=9999")["Changes"] if one["ChangeType"] == "StableStudy"]


def test_a_study_that_arrives_is_predicted_once_and_its_results_come_back(pacs, watched, said, tmp_path):
    """Of Orthanc's changes, those of its own results among them."""
    out = tmp_path / "out"
    before = len(stable(pacs))
    with watching(watched("oracle_worker"), noting(said)) as look:
        look()  # what the server holds before is not predicted
        pacs.put(*write_series(tmp_path / "s", image(BOTH), **SCAN))
        scan = pacs.stored()
        until(lambda: len(stable(pacs)) > before)
        look()
        assert said == [(STUDY, "done")]
        written = [dcmread(file) for file in dicom_files(out, "P001")]
        for dataset in written:
            (tmp_path / "back.dcm").write_bytes(pacs.file_of(dataset.SOPInstanceUID))
            assert dcmread(tmp_path / "back.dcm") == dataset
        assert pacs.stored() == sorted([*scan, *(one.SOPInstanceUID for one in written)])
        until(lambda: len(stable(pacs)) > before + 1)  # of the results, which are of the same study
        look()
    with watching(watched("oracle_worker"), noting(said)) as look:
        look()
    assert said == [(STUDY, "done")]
    assert len(pacs.stored()) == len(scan) + len(written) == len(scan) + 3
    assert not (out / "private" / "incoming").exists(), "what was fetched lies at the server"
    assert stat.S_IMODE((out / "private" / "queue.sqlite").stat().st_mode) == 0o600


def test_a_study_that_kills_its_worker_twice_is_set_aside(watched, said, tmp_path):
    clock = Clock()
    for study in ("deadly", "good"):
        put_study(tmp_path / "in", study)
    with watching(watched("light_worker", "in", clock), noting(said)) as look:
        look()
        clock.now += 61
        look()
        look()
    assert said == [("deadly", "waiting"), ("deadly", "set aside"), ("good", "done")]
    with StudyQueue.open(tmp_path / "out" / "private" / "queue.sqlite") as queue:
        assert "ended 2 times without a result, at last: SIGKILL" in queue.states()["deadly"][1]


def test_an_entry_of_a_folder_is_complete_once_it_stays_the_same(watched, said, tmp_path):
    clock = Clock()
    with watching(watched("light_worker", "in", clock), noting(said)) as look:
        put_study(tmp_path / "in", "slow")
        (tmp_path / "in" / "empty").mkdir()
        (tmp_path / "in" / ".hidden").mkdir()
        for size in ("xx", "xxx"):
            look()
            clock.now += 61
            (tmp_path / "in" / "slow" / "a.dcm").write_text(size)
        look()
        clock.now += 59
        look()
        assert said == []
        clock.now += 2
        look()
        clock.now += 200
        look()
    assert said == [("slow", "done")]
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [".hidden", "empty", "slow"], "nothing is moved"


def test_a_server_that_is_away_is_no_attempt(watched, said, tmp_path):
    clock = Clock()
    put_study(tmp_path / "in", "away")
    with watching(watched("light_worker", "in", clock), noting(said)) as look:
        look()
        clock.now += 61
        look()
        look()
        look()
        (tmp_path / "out" / "go").touch()
        look()
    assert said == [("away", "waiting")] * 3 + [("away", "done")]


def test_what_every_study_would_meet_ends_the_watch_and_the_study_waits(watched, said, tmp_path):
    clock = Clock()
    put_study(tmp_path / "in", "stop")
    with watching(watched("light_worker", "in", clock), noting(said)) as look:
        look()
        clock.now += 61
        with pytest.raises(OnfhError, match=r"the model: is damaged\. Export it again"):
            look()
    with StudyQueue.open(tmp_path / "out" / "private" / "queue.sqlite") as queue:
        assert queue.states()["stop"][0] is State.WAITING


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it
from pathlib import Path
from onfh_nnunet.workflows.watch import Watch, watching
settings, out, folder = map(Path, sys.argv[1:])
watched = Watch(settings, out, folder, worker="tests.helpers.light_worker", settle_s=0)
with watching(watched, lambda *said: print(*said, flush=True)) as look:
    look()
    look()
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="POSIX signals")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_watch_that_is_killed_takes_its_worker_along_and_goes_on_later(watched, tmp_path, sent):
    out, given = tmp_path / "out", watched("light_worker", "in")
    put_study(tmp_path / "in", "held")
    command = [sys.executable, "-c", SCRIPT, str(given.server), str(out), str(given.folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: worked_on(out) or process.poll() is not None)
    worker = psutil.Process(int((out / "worked").read_text().split()[1]))
    with pytest.raises(WorkspaceError, match="another onfh watch"), watching(given, lambda *_: None):
        pass
    process.send_signal(sent)
    process.communicate(timeout=LONG_S)
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    (out / "go").touch()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout.splitlines()[-1] == "held done as its name says"
    with watching(given, lambda *_: None) as look:
        look()
    assert worked_on(out) == ["held", "held"]


def test_what_cannot_be_watched_is_refused(pacs, watched, tmp_path):
    dimse = Watch(write_settings(tmp_path / "d.toml", pacs, "dimse"), tmp_path / "out")
    with pytest.raises(PacsSettingsError, match=r"Add orthanc to .*, or watch a `folder`"), watching(dimse, print):
        pass
    inside = Watch(watched("light_worker").server, tmp_path / "in" / "out", tmp_path / "in")
    with pytest.raises(WorkspaceError, match="lies in the input"), watching(inside, print):
        pass
    with watching(watched("light_worker"), print) as look:
        with StudyQueue.open(tmp_path / "out" / "private" / "queue.sqlite") as queue:
            queue.add((), 10**9)
        with pytest.raises(PacsError, match="another server, or its database is new"):
            look()
    assert Path(tmp_path / "in" / "out").exists() is False
