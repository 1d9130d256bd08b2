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
    assert (first.path, first.side, first.series, first.title) == (tmp_path / "study/mr", "R", "cor T1", "007 cor T1")
    assert (second.side, second.title) == ("B", "8")


def test_a_row_a_hip_is_a_scan_of_both(table):
    (scan,) = read_scan_table(table("patient_id,image,side\np,a.nii.gz,R\np,a.nii.gz,L\n"))
    assert scan.side == "B"


def test_two_series_of_a_folder_and_two_scans_of_a_patient_are_scans_of_their_own(table):
    scans = read_scan_table(table("patient_id,image,side,series\np,study,R,T1\np,study,R,T2\np,a.nii.gz,R,\n"))
    assert [(scan.series, scan.side) for scan in scans] == [("T1", "R"), ("T2", "R"), (None, "R")]


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
    ],
)
def test_bad_table_is_refused_by_line(table, text, match):
    with pytest.raises(CohortError, match=match):
        read_scan_table(table(text))
