"""What a result was made with."""

import pytest

from onfh_nnunet.core.choices import Plane
from onfh_nnunet.core.errors import StaleError
from onfh_nnunet.core.provenance import Provenance


def test_record_comes_back_from_its_file_as_it_was_written(tmp_path):
    made = Provenance({"plane": Plane.AXIAL, "spacing": (1.0, 0.1, 1 / 3), "nested": {"epochs": 3, "none": None}})
    made.write(tmp_path / "made.json")
    assert Provenance.read(tmp_path / "made.json") == made


@pytest.mark.parametrize("content", [None, b"", b"[1]", b'"text"', b"\xff", b"{"])
def test_what_is_no_record_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / "made.json").write_bytes(content)
    assert Provenance.read(tmp_path / "made.json") is None


def test_each_change_is_named_with_both_values():
    made = Provenance({"epochs": 2, "dataset_sha256": "0123456789abcdef", "gone": 1, "same": "x"})
    now = Provenance({"same": "x", "epochs": 7, "dataset_sha256": "fedcba9876543210", "series": "T1"})
    assert made.changes(made) == []
    with pytest.raises(StaleError) as refusal:
        made.require_same(now, "fold 0", "Train it again")
    assert str(refusal.value) == (
        "fold 0: was made with epochs 2, expected 7; dataset 0123456789ab, expected fedcba987654; "
        "series none, expected T1; gone 1, expected none. Train it again."
    )


def test_text_depends_on_the_facts_and_not_on_their_order():
    one, other = Provenance({"a": 1, "b": (2,)}), Provenance({"b": [2], "a": 1})
    assert one.text == other.text
    assert one.text != Provenance({"a": 1, "b": [3]}).text
