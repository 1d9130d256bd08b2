import csv
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_conversion.discovery.propose import Proposal, ProposedRow
from onfh_nnunet.core.csv_rows import harmless, literal, read_rows, write_rows
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.printable import printable
from onfh_nnunet.core.tables import read_table
from tests.helpers.paths import ROOT


@dataclass(frozen=True)
class Row:
    name: str
    side: Side
    value: float | None
    flag: bool
    count: int


ROWS = [Row("a, b", Side.LEFT, 1 / 3, True, 3), Row('"ü"', Side.RIGHT, None, False, -1)]


def test_rows_survive_the_file(tmp_path):
    write_rows(tmp_path / "t.csv", Row, ROWS)
    again = read_rows(tmp_path / "t.csv", Row)
    assert again[0].value == pytest.approx(1 / 3, rel=1e-8)
    assert [(row.name, row.side, row.flag, row.count) for row in again] == [
        (row.name, row.side, row.flag, row.count) for row in ROWS
    ]
    assert again[1].value is None


def test_field_order_is_column_order_even_without_rows(tmp_path):
    write_rows(tmp_path / "t.csv", Row, [])
    assert (tmp_path / "t.csv").read_text() == "name,side,value,flag,count\n"


def test_undefined_is_an_empty_cell(tmp_path):
    write_rows(tmp_path / "t.csv", Row, [Row("a", Side.LEFT, float("nan"), True, 1)])
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "a,L,,true,1"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name,side,value,flag\n", "lacks the columns"),
        ("name,side,value,flag,count\na,X,1,true,1\n", "line 2"),
        ("name,side,value,flag,count\na,L,1,true\n", "line 2"),
    ],
)
def test_damaged_table_is_refused(tmp_path, text, match):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ReadError, match=match):
        read_rows(tmp_path / "t.csv", Row)


def test_absent_table_is_refused(tmp_path):
    with pytest.raises(ReadError, match="cannot be read"):
        read_rows(tmp_path / "t.csv", Row)


ANY_TEXT = st.text(st.one_of(st.characters(categories=None), st.sampled_from("'\\=+-@\t\r\n\x1b\x9b\udcffxud18b")))
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Texts:
    first: str
    second: str


@given(ANY_TEXT, ANY_TEXT)
def test_no_text_is_a_formula_or_an_escape_and_each_comes_back(first, second):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        write_rows(file, Texts, [Texts(first, second)])
        assert read_rows(file, Texts) == [Texts(first, second)]
        written = file.read_bytes().decode("utf-8")
        with file.open(encoding="utf-8", newline="") as opened:
            cells = list(csv.reader(opened))[1]
    assert not any(cell.startswith(FORMULA_BEGINS) for cell in cells)
    assert not {character for character in written if not character.isprintable()} & {"\x00", "\x1b", "\x7f", "\x9b"}


@given(ANY_TEXT, ANY_TEXT)
def test_texts_that_differ_have_cells_that_differ(first, second):
    assert literal(harmless(first)) == first
    assert (harmless(first) == harmless(second)) == (first == second)


@pytest.mark.parametrize("text", ["Müller", "a-b", "1 = 2", "'quoted'", "患者", r"C:\new\x", "it's"])
def test_plain_text_stands_as_it_is(tmp_path, text):
    write_rows(tmp_path / "t.csv", Texts, [Texts(text, "x")])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[1] == f"{text},x"


def test_negative_number_is_a_number(tmp_path):
    write_rows(tmp_path / "t.csv", Row, [Row("-1", Side.LEFT, -1.5, True, -3)])
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "'-1,L,-1.5,true,-3"


def test_only_this_writer_and_the_proposal_of_a_cohort_write_csv():
    """Both make texts harmless; a third one would have to, too."""
    folders = ("onfh_nnunet", "dataset_conversion", "postprocessing")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    names = {
        path.name for path in files if re.search(r"csv\.(Dict)?[wW]riter|to_csv", path.read_text(encoding="utf-8"))
    }
    assert names == {"csv_rows.py", "propose.py"}


@given(ANY_TEXT)
def test_proposal_is_read_back_by_the_reader_of_cohorts(text):
    written = Proposal((ProposedRow("p", printable(text).strip()),), ()).csv()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cohort.csv"
        file.write_bytes(written.encode())
        (row,) = read_table(file, ("patient_id", "image", "side", "label")).rows
    assert row.cells["image"] == printable(text).strip()
