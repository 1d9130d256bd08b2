"""How the commands behave around their work: quiet, lines in a pipe, the next command, the log, what a stop leaves."""

import shlex
import stat
from threading import Thread

import pytest
from typer.testing import CliRunner

from onfh_nnunet import __version__
from onfh_nnunet.cli import app, console, progress
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.progress import now_and_then
from onfh_nnunet.core.run_log import LOG
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.table_record import record_tables
from onfh_nnunet.workflows.train import Epoch
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.perfect_network import BOTH, ONE, image, oracle
from tests.helpers.small_model import small_model

CAUTION = "trained on spheres only"


def run(*arguments):
    return CliRunner().invoke(app, [str(word) for word in arguments])


@pytest.fixture
def scans(tmp_path):
    """Two scans of one hip and two, and a third one that holds none."""
    folder = tmp_path / "MUELLER 1955"
    folder.mkdir()
    image(ONE, 1).write(folder / "a.nii.gz")
    image(BOTH, 2).write(folder / "b.nii.gz")
    image(Volume(0 * ONE.array, ONE.grid), 3).write(folder / "c.nii.gz")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    write_model_file(path, small_model(0), Card(caution=CAUTION))
    return path


@pytest.fixture
def predict(monkeypatch, model, tmp_path):
    monkeypatch.setattr(Predictor, "hips", oracle)
    return lambda *words: run("predict", *words, "--model", model, "--out", tmp_path / "out", "--device", "cpu")


def test_in_a_pipe_each_scan_is_a_line_and_each_failure_has_its_reason(predict, scans, tmp_path):
    done = predict(*scans)
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["P001_R", "P002_R", "P002_L", "3 hips"]
    said = done.stderr.splitlines()
    lines = [line for line in said if line.startswith("predict ")]
    assert lines == ["predict 0/3", "predict 1/3 P001", "predict 2/3 P002", "predict 3/3 P003"]
    failed = [n for n, line in enumerate(said) if line.startswith("P003 failed: ") and "no femoral head" in line]
    assert len(failed) == 2
    assert failed[0] < said.index(lines[-1]) < failed[1]
    assert done.exception is not None
    assert "1 of 3 scans failed" in str(done.exception)


def test_quiet_leaves_warnings_errors_and_the_last_line(predict, scans, tmp_path):
    done = predict("--quiet", *scans[:2])
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["3 hips"]
    *warnings, last = done.stderr.splitlines()
    assert last == f"Caution: {CAUTION}"
    rows = read_rows(tmp_path / "out" / "grades.csv", GradeRow)
    own = [(row.case_id, row.warnings.removeprefix(CAUTION).removeprefix("; ")) for row in rows]
    assert warnings == [f"warning: {case}: {text}" for case, text in own if text] != []
    loud = predict(*scans[:2])
    assert len(loud.stdout.splitlines()) == 4, "the next command is not quiet"
    failed = predict("-q", *scans)
    assert [line.split(" failed")[0] for line in failed.stderr.splitlines()].count("P003") == 2


def next_of(done):
    assert done.exit_code == 0, done.stderr
    return [shlex.split(line.removeprefix("next: ")) for line in done.stderr.splitlines() if line.startswith("next: ")]


def test_each_next_command_works_as_it_is_pasted(tmp_path):
    cohort, work = tmp_path / "a cohort; no more", tmp_path / "the study's"
    done = run("phantom", cohort, "--hips", "3", "--format", "nifti", "--spacing", "4,4,4")
    ((_, *check),) = next_of(done)
    assert check[:1] == ["check"]
    ((_, *convert),) = next_of(run(*check))
    assert convert[:1] == ["convert"]
    ((_, *plan),) = next_of(run(*convert, "--work", work))
    assert plan == ["plan", "--work", str(work)]
    assert "next:" not in run(*convert, "--work", work, "--quiet").stderr


def test_crossval_and_train_before_plan_name_it(tmp_path):
    run("phantom", tmp_path / "c", "--hips", "2", "--format", "nifti", "--spacing", "4,4,4")
    run("convert", tmp_path / "c" / "cohort.csv", "--work", tmp_path / "w")
    for command in ("crossval", "train"):
        done = run(command, "--work", tmp_path / "w")
        assert "Run onfh plan" in str(done.exception), command


def test_log_tells_of_each_scan_and_only_its_owner_may_read_it(predict, scans, tmp_path):
    predict(*scans)
    predict(*scans[:2])
    log = tmp_path / "out" / LOG
    lines = log.read_text().splitlines()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    assert sum(f"onfh predict {__version__}: " in line and "device='cpu'" in line for line in lines) == 2
    assert all(line[:4].isdigit() and line[19] == "Z" for line in lines)
    for words in (
        "INFO P001 (",
        "INFO P002 (",
        "ERROR P003 (",
        "ERROR onfh predict refuses",
        "INFO onfh predict is done",
    ):
        assert any(words in line for line in lines), words
    assert any("P002" in line and "R grade" in line and "L grade" in line for line in lines)
    named = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and b"MUELLER" in path.read_bytes()]
    assert {path.parent for path in named} == {log.parent}


def test_log_goes_on_in_tables_that_are_written_anew(tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    ONE.write(masks / "P001_R.nii.gz")
    for _ in range(2):
        done = run("compare", masks, masks, "--out", tmp_path / "c")
        assert done.exit_code == 0, done.exception
        assert done.stdout.splitlines()[-1] == f"1 hip compared: {tmp_path / 'c'}"
    assert (tmp_path / "c" / LOG).read_text().count("P001_R: compared") == 2
    run("grade", masks, "--out", tmp_path / "g.csv")
    for _ in range(2):
        assert run("agree", tmp_path / "g.csv", tmp_path / "g.csv", "--out", tmp_path / "a").exit_code == 0
    assert (tmp_path / "a" / LOG).read_text().count("1 hip compared") == 2


def test_log_is_not_written_through_a_link_and_stops_no_work(predict, scans, tmp_path):
    (tmp_path / "out" / "private").mkdir(parents=True)
    (tmp_path / "elsewhere").touch()
    (tmp_path / "out" / LOG).symlink_to(tmp_path / "elsewhere")
    done = predict(scans[0])
    assert done.exit_code == 0
    assert "the log could not be written" in done.stderr
    assert (tmp_path / "elsewhere").read_text() == ""


def test_refused_command_and_the_library_leave_no_log(predict, scans, model, tmp_path):
    assert predict(scans[0], "--fold", "7").exit_code == 1
    assert not (tmp_path / "out").exists()
    predict_scans(scans[:1], Settings(model, tmp_path / "out", None, Device.CPU, None, tta=False))
    assert (tmp_path / "out" / "grades.csv").is_file()
    assert not (tmp_path / "out" / LOG).exists()


def test_stopped_prediction_leaves_the_rows_of_finished_scans(predict, scans, monkeypatch, tmp_path):
    def stopped(self, scan, source, wanted=None):
        if source.name == "c.nii.gz":
            raise KeyboardInterrupt
        return oracle(self, scan, source, wanted)

    monkeypatch.setattr(Predictor, "hips", stopped)
    assert predict(*scans).exit_code != 0
    rows = read_rows(tmp_path / "out" / "grades.csv", GradeRow)
    assert [row.case_id for row in rows] == ["P001_R"]
    monkeypatch.setattr(Predictor, "hips", oracle)
    predict(*scans)
    rows = read_rows(tmp_path / "out" / "grades.csv", GradeRow)
    assert [row.case_id for row in rows] == ["P001_R", "P002_R", "P002_L"]


def test_table_is_ours_when_a_run_is_killed_before_the_next_one_is_in_its_place(predict, scans, tmp_path):
    predict(scans[0])
    out = tmp_path / "out"
    record_tables(out, {out / "grades.csv": "recorded, and never written"})
    assert predict(scans[0]).exit_code == 0
    (out / "grades.csv").write_text("of a person")
    assert "is there already" in str(predict(scans[0]).exception)


def test_now_and_then_takes_little_of_the_time():
    now, spent = [0.0], []

    def work():
        spent.append(len(spent))
        now[0] += 0.01 * len(spent)  # it grows, as the table does

    maybe = now_and_then(work, every_s=5, clock=lambda: now[0])
    for _ in range(10000):
        now[0] += 1
        maybe()
    assert 100 < len(spent) <= 2000
    assert sum(0.01 * n for n in range(1, len(spent) + 1)) < 0.06 * now[0]


def test_folds_means_how_many_and_fold_which(predict, scans):
    assert predict(scans[0], "--fold", "0").exit_code == 0
    old = predict(scans[0], "--folds", "0")
    assert old.exit_code == 0
    assert "--folds of onfh predict is --fold now" in old.stderr
    assert predict(scans[0], "--fold", "one").exit_code == 2
    assert run("train", "--fold", "0,x").exit_code == 2


def test_epochs_in_a_pipe_are_lines(capsys):
    with progress.epochs() as shown:
        shown.begin(1, 2)
        shown.end_epoch(Epoch(1, 1, 2, -0.5, (0.9, 0.25), 120.0))
        shown.end_epoch(Epoch(1, 2, 2, -0.75, (0.9, 0.5), 120.0))
    assert capsys.readouterr().err.splitlines() == [
        "epoch 0/2  fold 1  starts",
        "epoch 1/2  fold 1  loss -0.500  pseudo Dice 0.900 / 0.250  2 min left",
        "epoch 2/2  fold 1  loss -0.750  pseudo Dice 0.900 / 0.500  done",
    ]


def test_one_and_many():
    assert [plural(n, "scan") for n in (0, 1, 2)] == ["0 scans", "1 scan", "2 scans"]


def test_lines_of_threads_stay_whole(capfd):
    # Folds are trained side by side; a file descriptor, and not capsys, shows in which order the bytes arrive.
    threads = [Thread(target=lambda: [console.note("a line") for _ in range(2000)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(capfd.readouterr().err.splitlines()) == {"a line"}
