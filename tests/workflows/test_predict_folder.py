"""Many scans in one run: who is named, what is skipped, and what a killed run leaves.

The networks are stood in for by one that is perfect by construction: it reads head and necrosis off the grey values.
All else is real: files, threads, processes, signals. Scans keep their names here; test_privacy.py is about pseudonyms.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from dataset_conversion.cohort.scan_input import ScanInput
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import CohortError, OnfhError, ReadError, StaleError, WorkspaceError
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows.prefetch import prefetch
from onfh_nnunet.workflows.scan_inputs import ScanInputs, names_of_files
from onfh_nnunet.workflows.written_grades import read_written_grades
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.dicom_files import PELVIS, write_series
from tests.helpers.paths import ROOT
from tests.helpers.perfect_network import BOTH, ONE, SIDE_OF_X, image
from tests.helpers.small_model import small_model
from tests.helpers.spreadsheet import saved_by_a_spreadsheet


@pytest.fixture
def predicted(predict):
    """Predict into ``out`` with the names of the scans; those that the network saw are in ``predicted.seen``."""

    def run(*inputs, **changes):
        return predict(*inputs, **{"keep_ids": True, **changes})

    run.seen = predict.seen
    return run


@pytest.fixture
def start(model, tmp_path):
    """Start ``onfh predict`` into ``out`` as a process."""
    begun = []

    def run(*arguments, waits_for=None, **options):
        code = "from tests.helpers.perfect_network import main; main()"
        command = [
            sys.executable,
            "-c",
            code,
            "predict",
            "--model",
            model,
            "--out",
            tmp_path / "out",
            "--device",
            "cpu",
            "--keep-ids",
        ]
        environment = os.environ | ({"ORACLE_WAITS_FOR": str(waits_for)} if waits_for else {})
        words = [str(word) for word in (*command, *arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(words, env=environment, cwd=ROOT, **pipes, **options))
        return begun[-1]

    yield run
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


def await_file(path, process):
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".") and path.name != "private")


def files_in(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*") if path.is_file()}


def rows_of(folder):
    return [row.case_id for row in read_rows(folder / "grades.csv", GradeRow)]


def test_saved_again_grades_are_read_and_edited_ones_refused(studies, predicted, tmp_path):
    predicted(studies, batch=True)
    out = tmp_path / "out"
    written = read_written_grades(out)
    table = out / "grades.csv"
    saved_by_a_spreadsheet(table)
    assert b";" in table.read_bytes()
    assert read_written_grades(out) == written
    saved, percent = table.read_text(encoding="utf-8-sig"), f"{written[1].necrosis_percent:.9g}".replace(".", ",")
    refused = r"was changed .*line 3, a_L, necrosis_percent: '3,5', "
    for edited, told in {
        saved.replace(percent, "3,5"): refused,
        saved.replace(saved.splitlines()[1] + "\n", ""): "it lacks 'a_R'",
        saved.replace("\na_R;", "\nZ_R;"): "it lacks 'a_R' and holds also 'Z_R'",
        saved + saved.splitlines()[1] + "\n": "it holds more than once 'a_R'",
    }.items():
        table.write_text(edited, encoding="utf-8")
        with pytest.raises(StaleError, match=told) as by_report:
            read_written_grades(out)
        with pytest.raises(StaleError) as by_predict:
            predicted(studies, batch=True)
        assert str(by_predict.value) == str(by_report.value)
        assert table.read_text(encoding="utf-8") == edited
    table.write_text(saved, encoding="utf-8")
    predicted(studies, batch=True)
    assert read_written_grades(out) == written


def failed_in(folder):
    with (folder / "failed.csv").open(encoding="utf-8") as file:
        return {row["case"]: (row["error"], row["message"]) for row in csv.DictReader(file)}


@pytest.fixture
def studies(tmp_path):
    """A folder of three good studies."""
    folder = tmp_path / "studies"
    write_series(folder / "a", image(BOTH, 1))
    image(ONE, 2).write(folder / "b.nii.gz")
    image(BOTH, 3).write(folder / "c.nrrd")
    return folder


ALL = ["a_R", "a_L", "b_R", "c_R", "c_L"]


def test_every_entry_is_a_scan_and_a_broken_one_is_named(studies, start, tmp_path):
    write_series(tmp_path / "d", image(BOTH, 4))
    shutil.make_archive(str(studies / "d"), "zip", tmp_path / "d")
    (studies / "e.nii.gz").write_bytes((studies / "b.nii.gz").read_bytes()[:5000])
    image(Volume(np.zeros(PELVIS.size), PELVIS)).write(studies / "f.mha")
    (studies / "g").mkdir()
    (studies / "notes.txt").write_text("to do")
    (studies / ".DS_Store").write_text("")
    process = start("--batch", studies)
    stdout, stderr = process.communicate()
    out = tmp_path / "out"
    assert process.returncode == 1
    assert "failed.csv: 2 of 6 scans failed" in stderr.splitlines()[-1]
    for name in ("notes.txt", "g"):
        assert f"passed over, it is no scan: {studies / name}" in stderr
    assert "a: took 'cor 3D SPGR': axial, T1-weighted, 24 slices (class 2)" in stderr
    assert rows_of(out) == [*ALL, "d_R", "d_L"]
    assert f"7 hips: {out / 'grades.csv'}" in stdout
    failed = failed_in(out)
    assert {name: error for name, (error, _) in failed.items()} == {
        "e": "ReadError",
        "f": "HipNotFound",
    }
    assert "e.nii.gz: cannot be read" in failed["e"][1]
    for case_id in rows_of(out):
        truth = ONE if case_id.startswith("b") else BOTH
        half = dict(SIDE_OF_X)[Side(case_id[-1])]
        mask = Volume.read(out / f"{case_id}.nii.gz")
        assert mask.grid.size == PELVIS.size
        assert np.allclose(mask.grid.corners_mm(), PELVIS.corners_mm(), atol=1e-3)
        assert np.array_equal(mask.array[half], truth.array[half])
        assert mask.array.sum() == truth.array[half].sum()
    assert visible(out) == sorted([*(f"{name}.nii.gz" for name in rows_of(out)), "failed.csv", "grades.csv", "images"])
    assert list(out.glob(".lock")) == []


def test_several_inputs_go_on_after_one_that_fails(predicted, studies, tmp_path):
    got = predicted(studies / "a", tmp_path / "absent", studies / "b.nii.gz")
    assert rows_of(tmp_path / "out") == [row.case_id for row in got.rows] == ["a_R", "a_L", "b_R"]
    assert [row.case for row in got.failed] == ["absent"]
    assert not predicted(studies / "a", studies / "b.nii.gz").failed
    assert not (tmp_path / "out" / "failed.csv").exists()


def test_second_run_changes_nothing(predicted, studies, tmp_path):
    first = predicted(studies, batch=True)
    before = files_in(tmp_path / "out")
    table = (tmp_path / "out" / "grades.csv").read_bytes()
    for file in studies.rglob("*"):
        os.utime(file, (1, 1))
    again = predicted(studies, batch=True)
    after = files_in(tmp_path / "out")
    assert predicted.seen == []
    assert [row.case_id for row in again.rows] == [row.case_id for row in first.rows] == ALL
    assert {path for path in before if before[path] != after.get(path)} == {tmp_path / "out" / "grades.csv"}
    assert (tmp_path / "out" / "grades.csv").read_bytes() == table


def test_moved_scan_is_the_same_and_its_row_says_where_it_is(predicted, studies, tmp_path):
    predicted(studies, batch=True)
    moved = studies.rename(tmp_path / "moved")
    rows = predicted(moved, batch=True).rows
    assert predicted.seen == []
    assert rows[0].source == str(moved / "a")


def test_only_what_changed_is_predicted_again(predicted, studies, tmp_path):
    predicted(studies, batch=True)
    slice_of_a = sorted((studies / "a").iterdir())[3]
    changed = bytearray(slice_of_a.read_bytes())
    changed[-100] ^= 1
    slice_of_a.write_bytes(changed)
    (tmp_path / "out" / "c_L.nii.gz").unlink()
    predicted(studies, batch=True)
    assert predicted.seen == ["a", "c.nrrd"]
    predicted(studies, batch=True, series="SPGR")
    assert predicted.seen == ["a", "b.nii.gz", "c.nrrd"]


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_in_a_file_of_their_own_are_content_too(predicted, tmp_path, suffix):
    header = tmp_path / "studies" / f"x{suffix}"
    header.parent.mkdir()
    import SimpleITK as sitk  # `write` names the voxels' file by a temporary name

    for labels, seen in ((BOTH, [header.name]), (BOTH, []), (ONE, [header.name])):
        picture = sitk.GetImageFromArray(image(labels).array)
        picture.SetSpacing((4.0, 4.0, 4.0))
        picture.SetOrigin(PELVIS.origin_mm)
        text = header.read_bytes() if header.exists() else None
        sitk.WriteImage(picture, str(header))
        assert text in (None, header.read_bytes())
        predicted(header)
        assert predicted.seen == seen
    assert rows_of(tmp_path / "out") == ["x_R"]


def test_no_old_mask_is_shown_for_a_scan_that_fails_now(predicted, studies, tmp_path):
    predicted(studies, batch=True)
    (studies / "b.nii.gz").write_bytes(b"no image")
    image(Volume(np.zeros(PELVIS.size), PELVIS)).write(studies / "c.nrrd")
    predicted(studies, batch=True)
    assert rows_of(tmp_path / "out") == ["a_R", "a_L"]
    assert set(failed_in(tmp_path / "out")) == {"b", "c"}
    assert visible(tmp_path / "out") == ["a_L.nii.gz", "a_R.nii.gz", "failed.csv", "grades.csv", "images"]
    shutil.rmtree(studies / "a")
    predicted(studies / "b.nii.gz", studies / "a")
    assert visible(tmp_path / "out") == ["failed.csv", "images"]
    assert not any((tmp_path / "out" / "images").iterdir())


def test_hip_that_is_no_longer_found_takes_its_mask_along(predicted, studies, tmp_path):
    predicted(studies / "c.nrrd")
    image(ONE).write(studies / "c.nrrd")
    predicted(studies / "c.nrrd")
    assert visible(tmp_path / "out") == ["c_R.nii.gz", "grades.csv", "images"]


def test_single_scan_raises_and_others_stay(predicted, studies, tmp_path):
    predicted(studies / "a")
    with pytest.raises(ReadError, match=r"absent.nii: does not exist"):
        predicted(tmp_path / "absent.nii")
    assert rows_of(tmp_path / "out") == ["a_R", "a_L"]
    assert not (tmp_path / "out" / "failed.csv").exists()


def test_results_of_further_scans_are_added(predicted, studies, tmp_path):
    predicted(studies / "c.nrrd", studies / "b.nii.gz")
    got = predicted(studies / "a", series="SPGR")
    assert [row.case_id for row in got.rows] == ["a_R", "a_L"]
    assert rows_of(tmp_path / "out") == ["a_R", "a_L", "b_R", "c_R", "c_L"]
    (tmp_path / "out" / "c_R.nii.gz").unlink()
    predicted(studies / "a", series="SPGR")
    assert rows_of(tmp_path / "out") == ["a_R", "a_L", "b_R", "c_L"]


def test_results_of_two_models_are_not_mixed(predicted, studies, tmp_path):
    other = tmp_path / "other.safetensors"
    write_model_file(other, small_model(1), Card())
    predicted(studies, batch=True)
    before = files_in(tmp_path / "out")
    with pytest.raises(StaleError, match=r"results of b, which is not among the scans, by another model"):
        predicted(studies / "a", studies / "c.nrrd", model=other)
    assert files_in(tmp_path / "out") == before
    predicted(studies, batch=True, model=other)
    assert predicted.seen == ["a", "b.nii.gz", "c.nrrd"]


def test_mask_from_elsewhere_is_not_replaced(predicted, studies, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a_L.nii.gz").write_text("precious")
    with pytest.raises(WorkspaceError, match=r"a_L.nii.gz: is there already, and not as a result"):
        predicted(studies / "a")
    assert (tmp_path / "out" / "a_L.nii.gz").read_text() == "precious"
    assert visible(tmp_path / "out") == ["a_L.nii.gz"]


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle(studies, start, predicted, tmp_path, kill):
    """The first two are finished, the third is being worked on, the fourth is read ahead."""
    image(ONE, 4).write(studies / "held.nii.gz")
    image(ONE, 5).write(studies / "later.nii.gz")
    out = tmp_path / "out"
    process = start(studies, "--batch", waits_for=tmp_path / "go")
    await_file(tmp_path / "waiting", process)
    await_file(out / "c_L.nii.gz", process)
    process.send_signal(kill)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert rows_of(out)[:2] == ["a_R", "a_L"]
    masks = {name for name in visible(out) if not name.startswith("c")}
    assert masks - {"grades.csv", "images"} == {"a_L.nii.gz", "a_R.nii.gz", "b_R.nii.gz"}
    if kill is signal.SIGINT:
        assert rows_of(out) == ["a_R", "a_L", "b_R"]
        assert {path.name for path in out.iterdir()} - {*visible(out)} == {".made_from", "private"}
    for mask in out.glob("*.nii.gz"):
        assert Volume.read(mask).array.any()
    finished = files_in(out)
    got = predicted(studies, batch=True)
    assert predicted.seen[-2:] == ["held.nii.gz", "later.nii.gz"]
    assert not {"a", "b.nii.gz"} & {*predicted.seen}
    assert [row.case_id for row in got.rows] == rows_of(out) == [*ALL, "held_R", "later_R"]
    after = files_in(out)
    assert all(after[out / f"{name}.nii.gz"] == finished[out / f"{name}.nii.gz"] for name in ALL[:3])


def test_half_written_scan_of_a_killed_run_is_swept_away(predicted, studies, tmp_path, monkeypatch):
    """Killed between the two masks of a scan: what a kill leaves on disk, without the clean-up of an exception."""
    predicted(studies / "a", studies / "b.nii.gz")
    out = tmp_path / "out"
    record = out / ".made_from" / "a.csv"
    record.write_text(record.read_text().splitlines()[0] + "\n")
    (out / "a_L.nii.gz").unlink()
    (out / ".0123abcd.part.a_L.nii.gz").write_bytes(b"half")
    (out / ".made_from" / ".0123abcd.part.a.csv").write_bytes(b"half")
    predicted(studies / "c.nrrd")
    assert rows_of(out) == ["c_R", "c_L", "b_R"]
    assert sorted(path.name for path in out.glob("*a_*")) == []
    assert list(out.rglob(".*.part.*")) == []


def test_two_processes_on_one_folder(studies, start, tmp_path):
    image(ONE, 4).write(studies / "held.nii.gz")
    first = start(studies / "held.nii.gz", waits_for=tmp_path / "go")
    await_file(tmp_path / "waiting", first)
    second = start(studies / "a")
    assert second.wait() == 1
    assert f"is being written by another onfh predict, process {first.pid} on" in second.communicate()[1]
    assert visible(tmp_path / "out") == []
    first.kill()
    first.wait()
    third = start(studies / "a")
    assert third.wait() == 0
    assert rows_of(tmp_path / "out") == ["a_R", "a_L"]


def test_lock_is_gone_after_an_error(tmp_path):
    def failing():
        with locked(tmp_path / "out", "onfh predict", "give another --out"):
            assert f"process {os.getpid()} on" in (tmp_path / "out" / ".lock").read_text()
            raise ReadError("scan", "is bad", "Leave it")

    with pytest.raises(ReadError, match="is bad"):
        failing()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("p 7.nii.gz", "p-7"),
        ('it\'s "7".nii', "it-s-7"),
        ("Jürgen", "Jurgen"),
        ("Ju\u0308rgen", "Jurgen"),
        ("$(rm -rf x);|.zip", "rm--rf-x"),
        ("...", "scan"),
        ("-x.NRRD", "x"),
    ],
)
def test_names_keep_what_is_safe_in_file_names(tmp_path, given, name):
    assert list(names_of_files([ScanInput(tmp_path / given)])) == [name]


def test_names_that_are_lost_stay_apart(tmp_path):
    names = list(names_of_files(map(ScanInput, [tmp_path / "患者", tmp_path / "患者 2", tmp_path / "医者.nii"])))
    assert len(set(names)) == 3
    for name in names:
        assert Hip(name, Side.LEFT).case_id == f"{name}_L"


@pytest.mark.parametrize("given", ['it\'s "7" of 9.nii.gz', "Jürgen 患者.nrrd"])
def test_odd_names_are_predicted(predicted, tmp_path, given):
    image(ONE).write(tmp_path / given)
    (row,) = predicted(tmp_path / given).rows
    assert row.source == str(tmp_path / given)
    assert Volume.read(tmp_path / "out" / f"{row.case_id}.nii.gz").array.any()


@pytest.mark.parametrize(("one", "other"), [("a/p7", "b/p7"), ("p7.nii", "p7.zip"), ("P7", "p7.nii"), ("p 7", "p-7")])
def test_two_scans_of_one_name_are_refused(tmp_path, one, other):
    with pytest.raises(CohortError, match=r"would be named [pP]-?7, as .* is"):
        names_of_files([ScanInput(tmp_path / one), ScanInput(tmp_path / other)])


def test_batch_is_of_folders_that_hold_scans(tmp_path):
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(ReadError, match="holds no scan"):
        ScanInputs.of_batch([tmp_path])
    with pytest.raises(ReadError, match=r"is not a folder, expected one that holds scans.*Leave out `batch`"):
        ScanInputs.of_batch([tmp_path / "scan.nii"])


def test_voxels_beside_their_header_are_no_scan(tmp_path):
    image(BOTH).write(tmp_path / "x.mhd")
    given = ScanInputs.of_batch([tmp_path])
    assert list(names_of_files(given.scans)) == ["x"]


def test_what_is_ahead_and_behind_overlaps_and_is_bounded():
    """Reading of the third and writing of the first both happen while the second is worked on; no fourth is read."""
    read, written, worked = [], [], threading.Event()
    third_read, first_written = threading.Event(), threading.Event()

    def reading(item):
        read.append(item)
        if item == 3:
            third_read.set()
        return item

    def working(item):
        if item == 2:
            assert third_read.wait(20)
            assert first_written.wait(20)
            assert read == [1, 2, 3]
            worked.set()
        return item

    def writing(item):
        written.append(item)
        if item == 1:
            first_written.set()
        return item * 10

    assert list(prefetch([1, 2, 3, 4], reading, working, writing)) == [10, 20, 30, 40]
    assert worked.is_set()
    assert written == [1, 2, 3, 4]


@pytest.mark.parametrize("step", [0, 1, 2])
def test_error_of_a_step_takes_the_place_of_the_result(step):
    def failing(item):
        if item == 2:
            raise ReadError("two", "is bad", "Leave it")
        return item

    steps = [failing if number == step else lambda item: item for number in range(3)]
    one, two, three = prefetch([1, 2, 3], *steps)
    assert (one, three) == (1, 3)
    assert isinstance(two, OnfhError)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_error_that_every_scan_would_meet_stops_the_run(step):
    begun = []

    def failing(item):
        begun.append(item)
        raise WorkspaceError("out", "has no room", "Make room")

    steps = [failing if number == step else lambda item: item for number in range(3)]
    with pytest.raises(WorkspaceError, match="has no room"):
        list(prefetch(range(100), *steps))
    assert len(begun) <= 3
