import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onfh_nnunet.core.atomic_files import atomic_write, require_output_apart, write_text
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.folder_lock import locked, locked_output
from onfh_nnunet.core.folder_record import FolderRecord, claim, written_folder


class Break(Exception):
    pass


def break_half_way(target, begin):
    with atomic_write(target) as part:
        begin(part)
        raise Break


def test_a_file_that_fails_half_way_leaves_the_old_one_and_no_part(tmp_path):
    target = tmp_path / "t.csv"
    target.write_text("old")
    with pytest.raises(Break):
        break_half_way(target, lambda part: part.write_text("ne"))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def fill(target, name, kind="tables"):
    with written_folder(target, kind) as part:
        part.mkdir()
        (part / name).write_text(name)


def content(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_replaces_one_of_its_kind_whole(tmp_path):
    fill(tmp_path / "d", "old")
    fill(tmp_path / "d", "new")
    assert content(tmp_path / "d") == {"new", ".onfh.json"}
    assert list(tmp_path.iterdir()) == [tmp_path / "d"]


@pytest.mark.parametrize("kind", ["none", "other", "damaged"])
def test_a_folder_of_somebody_else_is_never_replaced(tmp_path, kind):
    target = tmp_path / "d"
    target.mkdir()
    (target / "thesis").write_text("precious")
    if kind == "other":
        FolderRecord("cases", frozenset({"thesis"})).write(target)
    elif kind == "damaged":
        (target / ".onfh.json").write_text('{"kind": ')
    before = content(target)
    with pytest.raises(WorkspaceError, match="not empty"):
        fill(target, "new")
    assert content(target) == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("theirs", ["notes.txt", "sub/notes.txt", "link", "empty/"])
def test_what_a_user_put_into_a_folder_keeps_it(tmp_path, theirs):
    target = tmp_path / "d"
    fill(target, "old")
    (target / theirs).parent.mkdir(exist_ok=True)
    if theirs == "link":
        (target / theirs).symlink_to(tmp_path)
    elif theirs.endswith("/"):
        (target / theirs).mkdir()
    else:
        (target / theirs).write_text("precious")
    with pytest.raises(WorkspaceError, match=f"something other than tables .{theirs.strip('/')}"):
        fill(target, "new")
    assert (target / "old").exists()
    assert (target / theirs).exists()


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "d").mkdir()
    fill(tmp_path / "d", "new")
    assert "new" in content(tmp_path / "d")


def test_a_file_never_replaces_a_folder(tmp_path):
    target = tmp_path / "results"
    target.mkdir()
    (target / "thesis").write_text("precious")
    with pytest.raises(WorkspaceError, match="is a folder, expected the name of a file"):
        write_text(target, "table")
    assert content(tmp_path) == {"results/thesis"}


def test_a_link_to_a_folder_is_followed_and_one_to_a_file_is_replaced_itself(tmp_path):
    (tmp_path / "disk" / "folder").mkdir(parents=True)
    (tmp_path / "disk" / "file").write_text("precious")
    for name in ("file", "folder"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    write_text(tmp_path / "file", "text")
    fill(tmp_path / "folder", "old")
    fill(tmp_path / "folder", "new")
    assert content(tmp_path / "disk") == {"file", "folder/new", "folder/.onfh.json"}
    assert (tmp_path / "disk" / "file").read_text() == "precious"
    assert (tmp_path / "file").read_text() == "text"
    assert (tmp_path / "folder").is_symlink()


def test_links_in_a_circle_are_one_refusal(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "a")
    for refused in (
        lambda: write_text(tmp_path / "a" / "x", "text"),
        lambda: require_output_apart(tmp_path / "a" / "x", []),
        lambda: require_output_apart(tmp_path / "x", [tmp_path / "a"]),
    ):
        with pytest.raises(WorkspaceError, match="cannot be followed"):
            refused()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WorkspaceError, match="not a regular file"):
        write_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()


def test_claim_removes_its_own_files_alone(tmp_path):
    claim(tmp_path, "masks", ["cases.csv", "masks/a"])
    (tmp_path / "masks").mkdir()
    for name in ("cases.csv", "masks/a", "masks/mine", "notes.txt"):
        (tmp_path / name).write_text(name)
    claim(tmp_path, "masks", ["cases.csv", "masks/b"])
    assert content(tmp_path) == {".onfh.json", "masks/mine", "notes.txt"}


def test_claim_leaves_what_lies_outside_through_a_link(tmp_path):
    folder, elsewhere = tmp_path / "crossval", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a").write_text("precious")
    claim(folder, "masks", ["masks/a", "../elsewhere/a"])
    (folder / "masks").symlink_to(elsewhere)
    with contextlib.suppress(WorkspaceError):
        claim(folder, "masks", ["masks/a"])
    assert (elsewhere / "a").read_text() == "precious"


def test_claim_refuses_a_file_that_is_not_known_and_another_kind(tmp_path):
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"holds cases.csv, which is not known"):
        claim(tmp_path, "masks", ["cases.csv"])
    assert content(tmp_path) == {"cases.csv"}
    claim(tmp_path / "a", "tables", ["x"])
    with pytest.raises(WorkspaceError, match="holds tables, expected masks"):
        claim(tmp_path / "a", "masks", ["x"])


@pytest.mark.parametrize("out", [".", "/", "~", "scan", "scan/out", "scan/a/b", "link/out"])
def test_an_output_in_an_input_or_much_more_than_an_output_is_refused(tmp_path, monkeypatch, out):
    (tmp_path / "scan").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "scan")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError):
        require_output_apart(Path(out).expanduser(), [tmp_path / "scan"])
    require_output_apart(Path("scan2"), [tmp_path / "scan"])
    require_output_apart(Path("scan/../out"), [tmp_path / "scan"])


def test_the_holder_of_a_lock_sweeps_what_a_killed_process_left(tmp_path):
    parts = (
        ".0123abcd.part.t.csv",
        "raw/.0123abcd.part.Dataset",
        "raw/.0123abcd.old.Dataset",
        "raw/.0123abcd.old.gone",
    )
    for name in parts:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "content").write_text(name)
    (tmp_path / "raw" / "Dataset").mkdir()
    for name in ("mine.part.csv", ".0123abcd.txt"):
        (tmp_path / name).write_text("precious")
    with locked(tmp_path, "a test", "wait"):
        assert content(tmp_path) == {"mine.part.csv", ".0123abcd.txt", "raw/gone/content", ".lock"}


def test_what_another_process_is_writing_is_not_swept(tmp_path):
    parts = (".0123abcd.part.p", "sub/raw/.0123abcd.part.Dataset")
    for name in parts:
        (tmp_path / name).mkdir(parents=True)
    with locked_output(tmp_path / "p", "onfh phantom"), locked(tmp_path / "sub", "onfh convert", "wait"):
        for name in parts:  # what the lock itself swept as left over
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        with locked(tmp_path, "onfh predict", "wait"):
            assert all((tmp_path / name).is_dir() for name in parts)
    with locked(tmp_path, "onfh predict", "wait"):
        assert not any((tmp_path / name).exists() for name in parts)


def test_the_holder_of_an_output_sweeps_its_own_leftovers_alone(tmp_path):
    for name in (".0123abcd.part.m.onfh", ".0123abcd.part.other", "m.onfh.part"):
        (tmp_path / name).write_text("")
    with locked_output(tmp_path / "m.onfh", "onfh export"):
        assert content(tmp_path) == {".0123abcd.part.other", "m.onfh.part", ".m.onfh.lock"}


@pytest.mark.parametrize("name", [".lock", ".g.csv.lock"])
def test_a_lock_file_of_somebody_else_stays(tmp_path, name):
    (tmp_path / name).write_text("precious")
    lock = (
        locked(tmp_path, "onfh grade", "wait") if name == ".lock" else locked_output(tmp_path / "g.csv", "onfh grade")
    )
    with pytest.raises(WorkspaceError, match="that onfh did not write"), lock:
        pass
    assert (tmp_path / name).read_text() == "precious"


def test_two_cannot_make_one_output_at_once(tmp_path):
    refused = pytest.raises(WorkspaceError, match=rf"is being written by another onfh grade, process {os.getpid()}")
    with locked_output(tmp_path / "g.csv", "onfh grade"), refused, locked_output(tmp_path / "g.csv", "onfh grade"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a POSIX limit")
def test_a_text_that_cannot_be_written_whole_is_an_error_and_leaves_the_old_one(tmp_path):
    target = tmp_path / "t.csv"
    target.write_text("old")
    code = (
        "import resource, pathlib; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        f"from onfh_nnunet.core.atomic_files import write_text; write_text(pathlib.Path({str(target)!r}), 'x' * 2000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "WorkspaceError" in done.stderr
    assert "File too large" in done.stderr
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_fails_half_way_stays(tmp_path):
    target = tmp_path / "d"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(Break):
        break_half_way(target, lambda part: part.mkdir())
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_target_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"), atomic_write(tmp_path / "file" / "t") as part:
        part.write_text("never")


def test_a_full_disk_is_one_clear_error(tmp_path):
    with pytest.raises(WorkspaceError, match="No space left"), atomic_write(tmp_path / "t"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
