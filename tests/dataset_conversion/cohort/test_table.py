import pytest

from dataset_conversion.cohort.table import read_cohort
from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade

HEADER = "patient_id,image,side,label,grade\n"


@pytest.fixture
def table(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz", "a-label.nii.gz"):
        (tmp_path / name).touch()
    (tmp_path / "series").mkdir()

    def write(text, encoding="utf-8"):
        path = tmp_path / "cohort.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_rows_are_read_relative_to_the_table(table, tmp_path):
    scans = read_cohort(table(HEADER + "p1,a.nii.gz,L,a-label.nii.gz,B\np2,series,B,,\n"))
    assert [scan.line for scan in scans] == [2, 3]
    assert (scans[0].image, scans[0].label, scans[0].grade) == (
        tmp_path / "a.nii.gz",
        tmp_path / "a-label.nii.gz",
        Grade.B,
    )
    assert (scans[1].label, scans[1].grade, scans[1].hips) == (None, None, (Side.RIGHT, Side.LEFT))


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + "p1,a.nii.gz,L,,\n",
        (HEADER + "p1,a.nii.gz,L,,\n\n\n").replace("\n", "\r\n"),
        (HEADER + "p1,a.nii.gz,L,,\n,,,,\n").replace(",", ";"),
        " patient_id , image, side ,label\n p1 , a.nii.gz , L ,",
        'extra,patient_id,image,side,label\nx,"p1","a.nii.gz",L\n',
    ],
    ids=["byte order mark", "CRLF and blank lines", "semicolons", "spaces, no grade", "quotes, short row"],
)
def test_spreadsheets_habits_are_accepted(table, text):
    (scan,) = read_cohort(table(text))
    assert (scan.patient_id, scan.side, scan.image.name) == ("p1", "L", "a.nii.gz")


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (",a.nii.gz,L,,", "line 2, patient_id: got nothing"),
        ("p,a.nii.gz,gauche,,", r"line 2, side: got 'gauche', expected L, R or B \(patient 'p'\)"),
        ("p,a.nii.gz,,,", "line 2, side: got ''"),
        ("p,a.nii.gz,L,,D", "line 2, grade: got 'D', expected A, B, C"),
        ("p,absent.nii.gz,L,,", "line 2, image: got 'absent.nii.gz', which does not exist"),
        ("p,,L,,", "line 2, image: got ''"),
        ("p,a.nii.gz,L,absent.nrrd,", "line 2, label: got 'absent.nrrd', which does not exist"),
        (
            "p,a.nii.gz,L,,\np,b.nii.gz,L,,",
            r"line 3, side: got hip L of this patient again, expected once a visit \(line 2\)",
        ),
        ("p,a.nii.gz,B,,\np,b.nii.gz,R,,", "line 3, side: got hip R"),
        ("p,a.nii.gz,L,,\nq,a.nii.gz,R,,", "line 3, image: got the image of another patient"),
        ("p,series, of a,L,,", "got 6, expected 5; quote a cell"),
    ],
)
def test_bad_cell_is_named(table, rows, match):
    with pytest.raises(CohortError, match=match):
        read_cohort(table(HEADER + rows + "\n"))


def test_all_bad_rows_are_named_at_once(table):
    with pytest.raises(CohortError) as caught:
        read_cohort(table(HEADER + "p,a.nii.gz,X,,\np,b.nii.gz,L,,Z\n,a.nii.gz,R,,\n"))
    assert all(text in str(caught.value) for text in ("line 2, side", "line 3, grade", "line 4, patient_id"))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("patient_id,image,side\np,a.nii.gz,L\n", r"expected also label"),
        ("patient_id,image,side,side,label\np,a.nii.gz,L,L,\n", "column side twice"),
        (HEADER, "no rows"),
        (HEADER + "\n,,,,\n", "no rows"),
        ("", "expected also"),
        (HEADER + 'p,"' + "x" * 200_000 + '",L,,\n', "is no table at line 2"),
        (HEADER + "p,a\0b.nii.gz,L,,\n", "which does not exist"),
    ],
)
def test_bad_table_is_refused(table, text, match):
    with pytest.raises(CohortError, match=match):
        read_cohort(table(text))


def test_table_that_is_no_text_is_refused(table, tmp_path):
    with pytest.raises(CohortError, match="UTF-8"):
        read_cohort(table(HEADER + "Müller,a.nii.gz,L,,\n", "latin-1"))
    with pytest.raises(CohortError, match="cannot be read"):
        read_cohort(tmp_path / "absent.csv")


def test_a_hundred_thousand_rows(table):
    rows = "".join(f"p{number},series,{'LRB'[number % 3]},a-label.nii.gz,\n" for number in range(100_000))
    with pytest.raises(CohortError, match="line 3, image: got the image of another patient"):
        read_cohort(table(HEADER + rows))


def test_series_of_one_folder_are_images_of_their_own(table):
    header = "patient_id,image,side,label,series,label_necrosis\n"
    first, second = read_cohort(table(header + "p,series,L,,a,\nq,series,R,a.nii.gz,b,b.nii.gz\n"))
    assert (first.series, second.series, first.label_necrosis) == ("a", "b", None)
    assert second.label_necrosis.name == "b.nii.gz"
    with pytest.raises(CohortError, match="label: got nothing beside a mask of the necrosis"):
        read_cohort(table(header + "p,series,L,,a,b.nii.gz\n"))


@pytest.mark.parametrize(
    ("written", "side"),
    [("l", "L"), ("Left", "L"), ("LEFT", "L"), ("links", "L"), ("right", "R"), ("Rechts", "R"), ("both", "B")],
)
def test_sides_in_words(table, written, side):
    assert read_cohort(table(HEADER + f"p1,a.nii.gz,{written},,b\n"))[0].side == side


def test_paths_with_backslashes_are_read_on_any_system(table, tmp_path):
    (tmp_path / "series" / "x1b.nii.gz").touch()
    (scan,) = read_cohort(table(HEADER + "p1,series\\x1b.nii.gz,L,.\\a-label.nii.gz,\n"))
    assert (scan.image, scan.label) == (tmp_path / "series" / "x1b.nii.gz", tmp_path / "a-label.nii.gz")


def test_ids_keep_their_zeros_and_a_shortened_number_is_no_id(table):
    (scan,) = read_cohort(table(HEADER + "007,a.nii.gz,L,,\n"))
    assert scan.patient_id == "007"
    with pytest.raises(CohortError, match=r"got 1,23E\+12, a number that a spreadsheet shortened"):
        read_cohort(table((HEADER + "1.23E+12,a.nii.gz,L,,\n").replace(",", ";").replace(".23", ",23")))


def test_hip_may_stand_once_a_visit(table):
    header = "patient_id,visit,image,side,label\n"
    first, second = read_cohort(table(header + "p,1,a.nii.gz,L,\np,2,b.nii.gz,B,\n"))
    assert (first.visit, second.visit) == ("1", "2")
    with pytest.raises(CohortError, match=r"hip L of this patient again, expected once a visit \(line 2\)"):
        read_cohort(table(header + "p,1,a.nii.gz,L,\np,1,b.nii.gz,B,\n"))
    with pytest.raises(CohortError, match="visit: got '2/3', expected letters and digits, or nothing"):
        read_cohort(table(header + "p,2/3,a.nii.gz,L,\n"))
