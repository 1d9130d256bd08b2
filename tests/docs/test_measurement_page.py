"""The page on measurement is true: its Python blocks run, and it names every column."""

import re

import pytest

from onfh_nnunet.core.csv_rows import columns
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "measurement.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_blocks_run_from_top_to_bottom():
    names = {}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)


def test_every_block_states_something():
    assert all(re.search(r"^\s*(assert|agrees\()|^def ", block, re.MULTILINE) for block in BLOCKS)


@pytest.mark.parametrize("column", columns(GradeRow))
def test_every_column_is_explained(column):
    named = re.sub(r"^(head_centre)_[xyz]", r"\1_*", column)
    octant = re.fullmatch(r"(superior|inferior)_(anterior|posterior)_(lateral|medial)_percent", column)
    assert f"`{named}`" in TEXT or octant
