import pytest

from onfh_nnunet.errors import WorkspaceError
from onfh_nnunet.files import written_whole


class Break(Exception):
    pass


def break_half_way(target, begin):
    with written_whole(target) as part:
        begin(part)
        raise Break


def test_a_file_that_fails_half_way_leaves_the_old_one_and_no_part(tmp_path):
    target = tmp_path / "t.csv"
    target.write_text("old")
    with pytest.raises(Break):
        break_half_way(target, lambda part: part.write_text("ne"))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "d"
    (target / "sub").mkdir(parents=True)
    (target / "old").write_text("old")
    with written_whole(target) as part:
        part.mkdir()
        (part / "new").write_text("new")
    assert [path.name for path in target.iterdir()] == ["new"]
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
    with pytest.raises(WorkspaceError, match="cannot be written"), written_whole(tmp_path / "file" / "t") as part:
        part.write_text("never")


def test_a_full_disk_is_one_clear_error(tmp_path):
    with pytest.raises(WorkspaceError, match="No space left"), written_whole(tmp_path / "t"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
