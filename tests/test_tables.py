from dataclasses import dataclass

import pytest

from onfh_nnunet.errors import ReadError
from onfh_nnunet.hip import Side
from onfh_nnunet.tables import read_rows, write_rows


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
