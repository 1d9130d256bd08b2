import pytest

from dataset_conversion.cohort.scan_table import read_scan_table
from onfh_nnunet.core.errors import CohortError


@pytest.fixture
def table(tmp_path):
    """Write a table beside two images and the folder of a study."""
    for name in ("a.nii.gz", "b.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "study" / "mr").mkdir(parents=True)

    def write(text, encoding="utf-8"):
        path = tmp_path / "cohort.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_only_the_image_is_needed_and_paths_are_relative_to_the_table(table, tmp_path):
    first, second = read_scan_table(table("image\na.nii.gz\nstudy\n"))
    assert (first.path, first.series, first.side, first.title) == (tmp_path / "a.nii.gz", None, None, "")
    assert second.path == tmp_path / "study"


def test_side_and_series_are_those_of_the_row(table, tmp_path):
    text = "Patient ID;image;side;series;label;remark\n007;study\\mr;right;cor T1;none.nii;x\n8;a.nii.gz;Both;;;\n"
    first, second = read_scan_table(table(text, "utf-16"))
    assert (first.path, first.side, first.series, first.title) == (tmp_path / "study/mr", "R", "cor T1", "007")
    assert (second.side, second.patient, second.visit) == ("B", "8", "")


def test_a_row_a_hip_is_a_scan_of_both(table):
    (scan,) = read_scan_table(table("patient_id,image,side\np,a.nii.gz,R\np,a.nii.gz,L\n"))
    assert scan.side == "B"


def test_scans_of_a_patient_differ_in_visit_or_side(table):
    text = "patient_id,image,side,series,visit\np,study,R,T1,\np,study,R,T2,T2\np,a.nii.gz,L,,\nq,b.nii.gz,R,,\n"
    scans = read_scan_table(table(text))
    told = [(scan.patient, scan.visit, scan.one_side, scan.series) for scan in scans]
    assert told == [("p", "", "R", "T1"), ("p", "T2", "R", "T2"), ("p", "", "L", None), ("q", "", "R", None)]


def test_scans_of_nobody_are_scans_of_their_own(table):
    assert [scan.patient for scan in read_scan_table(table("image,side\na.nii.gz,R\nb.nii.gz,R\n"))] == ["", ""]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("patient_id,side\np,L\n", r"expected also image"),
        ("image,side\n", "has no rows"),
        (
            "image,side\na.nii.gz,X\nz.nii,L\n",
            "line 2, side: got 'X', expected L, R, B or nothing\n.*line 3, image: got",
        ),
        ("image,side\na.nii.gz,L\na.nii.gz,L\n", "lines 2, 3, side: got L, L for one image, expected one row, or"),
        ("image,side\na.nii.gz,\na.nii.gz,L\n", "lines 2, 3, side: got nothing, L for one image"),
        (
            "patient_id,image\np,a.nii.gz\nq,a.nii.gz\n",
            r"line 3, image: got the image of another patient \(line 2, 'p'\)",
        ),
        (
            "patient_id,image,side\np,a.nii.gz,R\np,b.nii.gz,B\np,study,L\n",
            r"line 3, visit: got nothing for another scan of this patient \(line 2\), expected a visit of its own, "
            r"such as 2 or T2, or sides R and L \(patient 'p'\)\n  line 4, visit: .* \(line 3\)",
        ),
        ("patient_id,image\np,a.nii.gz\np,b.nii.gz\n", r"line 3, visit: got nothing for another scan"),
        ("patient_id,image,visit\np,a.nii.gz,2\np,b.nii.gz,2\n", r"line 3, visit: got '2' for another scan"),
        ("patient_id,image,visit\np,a.nii.gz,a\np,b.nii.gz,A\n", r"line 3, visit: got 'A' for another scan"),
        ("patient_id,image,visit\np,a.nii.gz,2 b\n", r"line 2, visit: got '2 b', expected letters and digits"),
        ("image,visit\na.nii.gz,2\n", r"line 2, patient_id: got nothing beside visit '2'"),
        (
            "patient_id,image,side,visit\np,a.nii.gz,R,1\np,a.nii.gz,L,2\n",
            "lines 2, 3, visit: got several for one image, expected one",
        ),
    ],
)
def test_bad_table_is_refused_by_line(table, text, match):
    with pytest.raises(CohortError, match=match):
        read_scan_table(table(text))
