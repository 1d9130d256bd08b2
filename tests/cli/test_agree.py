import csv

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import SquareTable

from onfh_nnunet.cli.agree import agree
from onfh_nnunet.core.errors import CohortError, ReadError
from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.inter_rater import reader_agreement, stuart_maxwell
from postprocessing.statistics.reader_tables import Grading, pair_gradings, read_gradings

# Stuart, Biometrika 1955;42:412: unaided vision of 7477 women, right eye by left, four grades; chi-squared 11.96.
VISION = np.array([[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]], float)


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def tables(tmp_path):
    """Two readers of twelve hips; the second gives a higher grade twice."""
    hips = [f"P{i // 2:03d}_{'LR'[i % 2]}" for i in range(12)]
    percents = [2, 6, 10, 14, 16, 20, 24, 29, 31, 35, 40, 0]
    first = ["A", "A", "A", "A", "B", "B", "B", "B", "C", "C", "C", "none"]
    second = ["A", "A", "A", "B", "B", "B", "B", "C", "C", "C", "C", "none"]
    rows = [f"{hip},{grade},{percent}" for hip, grade, percent in zip(hips, first, percents, strict=True)]
    others = [f"x,{grade},{hip}" for hip, grade in zip(hips, second, strict=True)]
    a = write(tmp_path / "a.csv", "case_id,steinberg_grade,necrosis_percent", *rows)
    b = write(tmp_path / "b.csv", "comment,grade,case_id", *reversed(others))
    return a, b


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def readings(table):
    grades = [Grade(name) for name in ("none", "A", "B", "C")]
    return [
        GradePair(f"P{i}{j}{n}", first, second, None, None)
        for i, first in enumerate(grades)
        for j, second in enumerate(grades)
        for n in range(int(table[i][j]))
    ]


def found(readings):
    return {row.statistic: row for row in reader_agreement(readings)}


def test_two_tables_become_agreement_confusion_and_figures(tables, tmp_path, capsys):
    agree(*tables, tmp_path / "out")
    table = {row["statistic"]: row for row in rows_of(tmp_path / "out" / "agreement.csv")}
    assert float(table["accuracy"]["value"]) == pytest.approx(10 / 12)
    assert float(table["share_b_or_c_difference"]["value"]) == pytest.approx(1 / 12)
    assert (table["icc_2_1_percent"]["n"], table["icc_2_1_percent"]["note"]) == ("0", "no hips")
    confusion = [list(row.values()) for row in rows_of(tmp_path / "out" / "confusion.csv")]
    assert confusion == [
        ["A", "3", "1", "0", "0"],
        ["B", "0", "3", "1", "0"],
        ["C", "0", "0", "3", "0"],
        ["none", "0", "0", "0", "1"],
    ]
    assert (tmp_path / "out" / "figures" / "confusion.svg").is_file()
    assert "12 hips" in capsys.readouterr().out


def test_percentages_are_compared_where_both_readers_have_them(tables):
    a = read_gradings(tables[0])
    assert {row.percent_pred for row in pair_gradings(a, read_gradings(tables[1]))} == {None}
    both = found(pair_gradings(a, a))
    assert (both["icc_2_1_percent"].value, both["bland_altman_bias_points"].value) == (pytest.approx(1), 0)


def read(tmp_path, *lines):
    return read_gradings(write(tmp_path / "reader.csv", *lines))


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (
            ["P1_L,B,0.22", "P2_L,A,9"],
            r"line 2, case 'P1_L': has grade B beside 0\.22 %, which is A, or 22 % if .* fraction",
        ),
        (["P1_L,A,40"], r"line 2, .* has grade A beside 40 %, which is C; correct one of them"),
        (["P1_L,none,12", "P2_L,C,31"], "has grade none beside 12 %, which is A"),
        (["P1_L,C,0", "P2_L,C,40"], "has grade C beside 0 %, which is none; correct"),
        (["P1_L,A,0.05", "P2_L,A,0.12"], r"got at most 0\.12 of hips with a grade, which look like fractions"),
    ],
)
def test_grade_beside_the_percentage_of_another_grade_is_refused(tmp_path, rows, match):
    with pytest.raises(ReadError, match=match):
        read(tmp_path, "case_id,grade,necrosis_percent", *rows)


@pytest.mark.parametrize(
    "rows",
    [
        ["P1_L,A,15", "P2_L,B,15", "P3_L,B,30", "P4_L,C,30"],  # 14.6 and 30.4, rounded
        ["P1_L,none,0.3", "P2_L,none,0"],  # less than the least lesion
        ["P1_L,A,0.8%", "P2_L,A,"],
    ],
)
def test_rounded_percentages_and_specks_are_no_contradiction(tmp_path, rows):
    assert len(read(tmp_path, "case_id,grade,necrosis_percent", *rows)) == len(rows)


def test_hips_may_be_named_by_patient_and_side(tmp_path):
    by_case = read(tmp_path, "case_id,grade", "Müller 7_L,A", "8_R,B")
    by_patient = read(tmp_path, "Patient ID;side;grade", "Müller 7;left;B", "8;R;B")
    assert by_patient.keys() == by_case.keys()
    assert [pair.patient for pair in pair_gradings(by_case, by_patient)] == ["8", "Müller 7"]
    with pytest.raises(ReadError, match="has patient '8' and side 'both', expected a patient's id, and L or R"):
        read(tmp_path, "patient_id,side,grade", "8,both,A")


def test_a_hip_that_was_scanned_twice_is_one_row_a_visit(tmp_path):
    by_case = read(tmp_path, "case_id,grade", "P1_L,A", "P1+2_L,B")
    by_column = read(tmp_path, "case_id,visit,grade", "P1_L,,A", "P1_L,2,B")
    by_patient = read(tmp_path, "patient_id,side,Visit,grade", "P1,L,2,B", "P1,left,,A")
    assert by_case.keys() == by_column.keys() == by_patient.keys()
    pairs = pair_gradings(by_case, by_patient)
    assert [(pair.patient, pair.grade_true, pair.grade_pred) for pair in pairs] == [("P1", "B", "B"), ("P1", "A", "A")]
    with pytest.raises(ReadError, match=r"holds more than once: P1\+2_L"):
        read(tmp_path, "case_id,visit,grade", "P1_L,2,A", "P1+2_L,2,B")
    with pytest.raises(
        ReadError, match=r"has the visit '3', and its case id says '2'(?s:.*)line 3, .* the visit 'a/b'"
    ):
        read(tmp_path, "case_id,visit,grade", "P1+2_L,3,A", "P2_L,a/b,B")


def test_two_grades_of_one_hip_are_refused(tmp_path):
    header = "case_id,steinberg_grade,grade"
    with pytest.raises(ReadError, match="line 3, case 'P2_L': has the grades 'B' and 'C', expected one"):
        read(tmp_path, header, "P1_L,A,", "P2_L,B,C", "P3_L,C,c")


def test_a_missing_column_is_one_message(tmp_path, onfh):
    table = write(tmp_path / "grades.csv", "caseid,steinberg_grad,necrosis_percent", "P1_L,A,12")
    done = onfh("agree", table, table, "--out", tmp_path / "out", check=False)
    assert done.stderr.count("grades.csv") == 1
    assert "expected also grade" in done.stderr


def test_split_percentages_and_misspelt_columns_are_not_passed_over(tmp_path, onfh):
    with pytest.raises(ReadError, match="got 12 and then 5"):
        read(tmp_path, "case_id,grade,necrosis_percent,comment", "P1_L,A,12,5")
    table = write(tmp_path / "reader.csv", "case_id,grade,necrosis_precent", "P1_L,A,12", "P2_L,B,20")
    done = onfh("agree", table, table, "--out", tmp_path / "out")
    assert "warning: " in done.stderr
    assert "the column 'necrosis_precent' is not read; rename it to necrosis_percent if that is meant" in done.stderr


def test_patient_is_that_of_the_case_id(tables):
    a = read_gradings(tables[0])
    assert [row.patient for row in pair_gradings(a, a)] == [f"P{i // 2:03d}" for i in range(12)]
    with pytest.raises(CohortError, match=r"'scan 1': .*does not end with _L or _R"):
        pair_gradings(*[{"scan 1": Grading(Grade.A, None)}] * 2)


def test_hips_of_one_reader_only_are_all_named(tables):
    a, b = read_gradings(tables[0]), read_gradings(tables[1])
    del a["P001_L"], a["P002_R"], b["P000_R"]
    with pytest.raises(CohortError, match="only in the first: P000_R; only in the second: P001_L, P002_R"):
        pair_gradings(a, b)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["case_id,grade", "P1_L,D"], r"line 2, case 'P1_L': has the grade 'D', expected A, B, C or none"),
        (["case_id,grade", "P1_L,A", "P2_L,"], r"line 3, case 'P2_L': has the grade ''"),
        (["case_id,grade", "P1_L"], r"line 2, case 'P1_L': has the grade ''"),
        (["case_id,grade", "P1_L,A", "P1_L,B"], r"holds more than once: P1_L"),
        (["case_id/grade", "P1_L/A"], r"has the columns case_id/grade"),
        (["case_id,percent", "P1_L,12"], r"has the columns case_id, percent"),
        (["case_id,grade,necrosis_percent", "P1_L,A,101"], r"has the percentage '101', expected 0 to 100"),
        (["case_id,grade,necrosis_percent", "P1_L,A,nan"], r"has the percentage 'nan'"),
        (["case_id,grade,necrosis_percent", "P1_L,A,ten"], r"has the percentage 'ten'"),
        (["case_id;grade;necrosis_percent", "P1_L;A;1,234"], r"has the percentage '1,234', which may be 1.234 or 1234"),
        (
            ["case_id;grade;necrosis_percent", "P1_L;A;" + "9" * 5000],
            r"has the percentage '9{80}\.\.\.', expected 0 to",
        ),
        ([""], r"has the columns of an empty file"),
    ],
)
def test_unusable_table_is_refused_by_file_and_line(tmp_path, lines, message):
    with pytest.raises(ReadError, match=message):
        read_gradings(write(tmp_path / "a.csv", *lines))


def test_a_german_spreadsheet_is_read(tmp_path):
    path = write(
        tmp_path / "a.csv", "sep=;", "Case ID;Grade;Necrosis percent;Kommentar", "P1_L;a;12,5;x", "P1_R;None;0 %;"
    )
    assert read_gradings(path) == {"P1_L": Grading(Grade.A, 12.5), "P1_R": Grading(Grade.NONE, 0)}


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"none\.csv: cannot be read as a table"):
        read_gradings(tmp_path / "none.csv")


def test_marginal_homogeneity_is_the_published_one():
    statistic, freedom, p = stuart_maxwell(VISION)
    assert (statistic, freedom) == (pytest.approx(11.96, abs=0.005), 3)
    theirs = SquareTable(VISION, shift_zeros=False).homogeneity()
    assert (statistic, p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_grades_that_nobody_disagrees_on_do_not_matter_to_homogeneity():
    inner = np.array([[9, 4, 1], [0, 8, 5], [2, 1, 7]], float)
    padded = np.pad(inner, ((1, 0), (1, 0)))
    padded[0, 0] = 6
    assert stuart_maxwell(padded) == pytest.approx(stuart_maxwell(inner))
    theirs = SquareTable(inner, shift_zeros=False).homogeneity()
    assert stuart_maxwell(padded) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))


def test_homogeneity_of_separate_groups_is_the_sum_of_their_mcnemar_statistics():
    table = np.array([[5, 6, 0, 0], [1, 5, 0, 0], [0, 0, 5, 9], [0, 0, 3, 5]], float)
    statistic, freedom, _ = stuart_maxwell(table)
    assert (statistic, freedom) == (pytest.approx((6 - 1) ** 2 / 7 + (9 - 3) ** 2 / 12), 2)


def test_mcnemar_is_the_binomial_of_the_discordant_hips():
    # Between A and B 1 hip against 7: p = 2 (1 + 8) / 2^8. Between B and C 2 against 2: p = 1.
    table = found(readings([[3, 0, 0, 0], [0, 9, 7, 0], [0, 1, 9, 2], [0, 0, 2, 9]]))
    assert table["mcnemar_b_or_c_p"].value == pytest.approx(18 / 256)
    assert table["mcnemar_c_p"].value == 1
    assert table["share_b_or_c_difference"].value == pytest.approx((7 - 1) / 42)
    assert table["share_c_difference"].value == 0
    assert "independent" in table["mcnemar_c_p"].note


def test_readers_who_never_disagree_have_no_homogeneity_and_the_reason():
    table = found(readings(np.diag([0, 5, 5, 5])))
    row = table["stuart_maxwell_p"]
    assert (row.value, row.note) == (None, "undefined: the readers disagree on no hip")
    assert table["mcnemar_c_p"].value == 1


def test_no_hips_have_no_values():
    assert all((row.value, row.n, row.note) == (None, 0, "no hips") for row in reader_agreement([]))
