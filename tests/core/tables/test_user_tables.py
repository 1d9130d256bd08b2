"""Tables as people and their programs write them: each is read as it is meant, or refused by name."""

import io
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onfh_nnunet.core.errors import OnfhWarning, ReadError
from onfh_nnunet.core.tables import number, read_table

TEXT = "Patient ID,image,side\r\n007,a,L\r\nMüller,b,R\r\n"
ROWS = [("007", "a", "L"), ("Müller", "b", "R")]
REQUIRED = ("patient_id", "image", "side")


@pytest.fixture
def read(tmp_path):
    def of(content, *optional):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, REQUIRED, optional)

    return of


def cells(table):
    return [tuple(row.cells[name] for name in REQUIRED) for row in table.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_line_ends(read, encoding, separator, end):
    text = TEXT.replace(",", separator).replace("\r\n", end) + end * 3
    assert cells(read(text.encode(encoding))) == ROWS


@pytest.mark.parametrize("declared", ["sep=;", '"sep=;"', "SEP=;"])
def test_declared_separator(read, declared):
    table = read(f"{declared}\r\n" + TEXT.replace(",", ";"))
    assert (cells(table), [row.line for row in table.rows]) == (ROWS, [3, 4])


def test_marks_within_the_text_and_ids_as_formulas(read):
    assert cells(read("Patient ID,image,side\n\u200b007,a,L\u200b\nMüller,b,R\n")) == ROWS
    assert cells(read('\ufeff\ufeffPatient ID,image,side\n="007",a,L\n\ufeffMüller,b,R\n')) == ROWS
    assert cells(read('patient_id;image;side\n"=""007""";a;L\nMüller;b;R\n')) == ROWS


@pytest.mark.parametrize("header", ["PatientID,IMAGE,Side", "patientid,Image ,side", "patient-id,i_mage,_side_"])
def test_spelling_of_the_header_does_not_matter(read, header):
    assert cells(read(f"{header},more\n007,a,L,x\nMüller,b,R,y")) == ROWS


def test_lines_are_those_of_the_file(read):
    table = read('\npatient_id;image;side;note\n1;"a\nb";L;"x;\r\ny"\n\n;;;\n2;"c, d";R;\n\n')
    assert [(row.line, row.cells["image"]) for row in table.rows] == [(3, "a\nb"), (8, "c, d")]


def test_a_quoted_cell_may_hold_other_separators(read):
    assert cells(read('"patient_id";"image";"side"\n"a, b";"c";"L"\n')) == [("a, b", "c", "L")]


def test_letters_that_nobody_knows_are_refused_where_they_matter(read):
    with pytest.raises(ReadError, match=r"line 3, patient_id: got 'M\\udcfcller', whose letters are not UTF-8"):
        read(TEXT.encode("cp1252"))
    table = read("patient_id,image,side,Größe\n1,a,L,übel\n".encode("cp1252"))
    assert cells(table) == [("1", "a", "L")]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", r"has the columns of an empty file, expected also patient_id, image, side"),
        ("patient,image,side\n", r"expected also patient_id\. Rename 'patient' to patient_id\."),
        ("Patinet Id,imgae,side\n", "Rename 'Patinet Id' to patient_id and rename 'imgae' to image"),
        ("MRN,image,side\n", r"expected also patient_id\. Give the table a header with patient_id, image, side"),
        ("patient_id,image,side,Side\n", "has the column side twice: 'side' and 'Side'"),
        (
            "patient_id,image,side\n1,a,L,,\n2,b\n3,a,b,L\n",
            "line 2, cells: got 5, .* or leave out the separators at its end\n.*line 4, cells: got 4, expected 3",
        ),
        ('patient_id,image,side\n1,"a,L\n2,b,R\n', "is no table at line 2"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "is a binary file"),
        (b"\xff\xfep\0a", "is damaged text in utf-16-le"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook of Excel 2003"),
        (b"PK\x03\x04nothing", "is a damaged workbook"),
        ("patient_id,image,side" + 10_000 * ",more", "has 10003 columns, expected at most 10000"),
    ],
)
def test_table_that_is_none_is_refused(read, content, match):
    with pytest.raises(ReadError, match=match):
        read(content)


def test_a_message_names_a_hundred_of_many_problems(read):
    with pytest.raises(ReadError, match=r"line 101, cells: got 4, expected 3.*\n  and so on\n") as caught:
        read("patient_id,image,side\n" + 5000 * "1,a,L,x\n")
    assert len(str(caught.value).splitlines()) == 103


def test_thousands_of_further_columns_are_read(read):
    names = [f"feature_{number}" for number in range(9000)]
    table = read(",".join((*REQUIRED, *names)) + "\n1,a,L" + 9000 * ",0.5" + "\n")
    assert table.rows[0].further == dict.fromkeys(names, "0.5")


def test_a_misspelt_optional_column_is_warned_of_and_others_are_not(read):
    header = "patient_id,image,side,seires,label-necrosis,sex,size,age"
    with pytest.warns(OnfhWarning, match="the column 'seires' is not read; rename it to series if that is meant"):
        table = read(f"{header}\n1,a,L,x,y,f,3,60", "series", "label_necrosis")
    assert table.columns == ("patient_id", "image", "side", "label_necrosis")
    read(f"{header}\n1,a,L,x,y,f,3,60", "label_necrosis", "grade")  # a warning would be an error here


SPLIT = "patient_id,image,side,percent,comment\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (SPLIT + "1,a,L,12,5\n2,b,R,7,smooth\n", [2]),
        (SPLIT + "1,a,L,12,5\n2,b,R,7\n", [2]),
        (SPLIT + "1,a,L,12,5\n2,b,R,20,1\n", [2, 3]),
        (SPLIT.replace("comment", "age,notes") + "1,a,L,12,5,60\n2,b,R,7,55,x\n", [2]),
        (SPLIT + '1,a,L,"12,5"\n2,b,R,7,smooth\n', []),
        (SPLIT.replace("comment", "age") + "1,a,L,12,57\n2,b,R,7,60\n", []),
        (SPLIT.replace("comment", "age") + "1,a,L,12,57\n2,b,R,7,\n", []),
        (SPLIT.replace(",", ";") + "1;a;L;12,5\n2;b;R;7;smooth\n", []),
        (SPLIT + "1,a,L,12.5,3\n2,b,R,7,smooth\n", []),
    ],
)
def test_a_number_that_the_separator_may_have_split_is_refused(tmp_path, text, lines):
    path = tmp_path / "table.csv"
    path.write_text(text)
    if not lines:
        assert len(read_table(path, REQUIRED, numbers=("percent",)).rows) == 2
        return
    with pytest.raises(
        ReadError, match=r"percent: got 12 and then 5, which may be 12\.5 with a decimal comma"
    ) as refused:
        read_table(path, REQUIRED, ("percent",), numbers=("percent",))
    assert [line for line in (2, 3) if f"line {line}, percent" in str(refused.value)] == lines


@pytest.mark.parametrize(
    ("text", "value"),
    [("12.5", 12.5), ("12,5", 12.5), ("-0,125", -0.125), ("1.0", 1), ("12.345", 12.345), (",5", 0.5), ("1e-3", 0.001)],
)
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["1,234", "-12,345", "1.234,5", "1,234.5", "1_0", "nan", "inf", "١٢", "", "1 2", "--1"]
)
def test_what_is_no_number_or_two(text):
    with pytest.raises(ValueError, match="which may be" if text.lstrip("-") in ("1,234", "12,345") else "no number"):
        number(text)


@given(st.floats(-1000, 1000, allow_subnormal=False))
def test_each_number_comes_back(value):
    assert number(repr(value)) == value


def workbook(*sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for at, row in enumerate(rows, start=1):
            for place, value in enumerate(row, start=1):
                text, *shape = value if isinstance(value, tuple) else (value,)
                cell = sheet.cell(at, place, text)
                cell.number_format = shape[0] if shape else cell.number_format
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


HEADER = ["Patient ID", "image", "side"]


def test_workbook_is_read_as_it_is_shown(read):
    rows = [HEADER, [(7, "000"), "a", "L"], [], ["007", (0.125, "0.0%"), 1.0]]
    table = read(workbook([["a legend"]], rows, []))
    assert cells(table) == [("007", "a", "L"), ("007", "12.5%", "1")]
    assert [row.line for row in table.rows] == [2, 4]


@pytest.mark.parametrize(
    ("sheets", "match"),
    [
        ([[HEADER, [1, "a", "L"]]] * 2, "has two sheets with these columns"),
        ([[HEADER, ["=A1&1", "a", "L"]]], "line 2, patient_id: got a formula without a value"),
        ([[HEADER, [1234567890123456789, "a", "L"]]], "line 2, patient_id: .*whose digits Excel has rounded"),
        ([[HEADER, [(7, '"MRN"000'), "a", "L"]]], "line 2, patient_id: got 7 in the format"),
        ([[]], "has the columns of an empty file"),
    ],
)
def test_workbook_that_may_mean_something_else_is_refused(read, sheets, match):
    with pytest.raises(ReadError, match=match):
        read(workbook(*sheets))


def test_date_is_no_id(read):
    from datetime import datetime

    with pytest.raises(ReadError, match="line 2, patient_id: got the date 2024-02-01"):
        read(workbook([HEADER, [datetime(2024, 2, 1), "a", "L"]]))


def zipped(name, size=1):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return content.getvalue()


def test_a_workbook_of_an_unknown_version_of_zip_is_refused(read):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    listed = content.getvalue().rindex(b"PK\x01\x02")
    with pytest.raises(ReadError, match=r"is a damaged workbook\. Save it as"):
        read(content.getvalue()[: listed + 6] + b"\xff" + content.getvalue()[listed + 7 :])


def test_archives_and_absent_openpyxl_are_named(read, monkeypatch):
    with pytest.raises(ReadError, match="is a zip archive, expected a table"):
        read(zipped("scan.dcm"))
    with pytest.raises(ReadError, match="unfolds to more than 256 MiB"):
        read(zipped("xl/workbook.xml", 2**28 + 1))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ReadError, match="Run pip install openpyxl, or save the table as 'CSV UTF-8'"):
        read(zipped("xl/workbook.xml"))
