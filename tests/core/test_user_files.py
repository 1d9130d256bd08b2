import os
import pickle

import pytest

from onfh_nnunet.core.errors import LabelError, ReadError
from onfh_nnunet.core.user_files import open_regular, refused_whole, walk


@pytest.mark.parametrize("raised", [ValueError("odd\nbytes"), RecursionError(), KeyError("x"), MemoryError()])
def test_any_exception_becomes_one_refusal_of_the_file(tmp_path, raised):
    with pytest.raises(ReadError, match=str(tmp_path)) as caught, refused_whole(tmp_path / "scan"):
        raise raised
    assert "\n" not in caught.value.problem


def test_the_traceback_of_a_library_travels_with_the_refusal(tmp_path):
    with pytest.raises(ReadError) as caught, refused_whole(tmp_path):
        raise LookupError("deep inside")
    assert "LookupError: deep inside" in pickle.loads(pickle.dumps(caught.value)).trace


def test_a_refusal_of_ours_and_an_interrupt_pass_as_they_are(tmp_path):
    for own in (LabelError("hip", "is empty", "Draw it"), KeyboardInterrupt()):
        with pytest.raises(type(own)) as caught, refused_whole(tmp_path):
            raise own
        assert caught.value is own


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", os.devnull):
        with pytest.raises(ReadError, match="not a regular file"):
            open_regular(path)


def test_a_tree_is_walked_in_order_and_links_are_not_followed(tmp_path):
    for name in ("b/2", "a/1", "0"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert [(place.name, names) for place, names in walk(tmp_path)] == [
        (tmp_path.name, ["0"]),
        ("a", ["1"]),
        ("b", ["2"]),
    ]


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path):
    with pytest.raises(ReadError, match="cannot be listed"):
        list(walk(tmp_path / "absent"))
