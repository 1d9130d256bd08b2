"""A hip without necrosis is a case like any other, and is never made of an ill one in silence."""

import pytest

from dataset_conversion.convert import check, convert
from dataset_conversion.hips.findings import Severity
from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, both_heads, head, noise

HEADER = "patient_id,image,side,label,grade\n"
BY_VALUE = LabelRules(necrosis="2")
"""2 is the necrosis wherever there is one."""


@pytest.fixture
def cohort(tmp_path):
    """Write a table of one scan; its right hip is healthy, its left hip has a lesion of so many mm."""

    def write(side="B", grade="", right_mm=0.0, left_mm=18.0):
        noise().write(tmp_path / "scan.nii.gz")
        one = {"R": (RIGHT, right_mm), "L": (LEFT, left_mm)}
        labels = both_heads(PELVIS, right_mm, left_mm) if side == "B" else Volume(head(PELVIS, *one[side]), PELVIS)
        labels.write(tmp_path / "label.nii.gz")
        (tmp_path / "cohort.csv").write_text(f"{HEADER}p,scan.nii.gz,{side},label.nii.gz,{grade}\n")
        return tmp_path / "cohort.csv"

    return write


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "work")


def of_level(findings, level):
    return [(one.case_id, one.check) for one in findings if one.level is level]


@pytest.mark.parametrize(("grade", "of_ill"), [("", "B"), ("B", "B"), ("C", "C")])
def test_a_scan_of_both_hips_with_one_ill_hip_is_ordinary(cohort, workspace, grade, of_ill):
    """Nothing must be said beside the label; a reader's letter is that of the ill hip."""
    conversion = convert(cohort("B", grade, left_mm=14.0), workspace)
    left, right = conversion.dataset.cases
    assert (left.grade, right.grade) == (of_ill, "none")
    assert (right.necrosis_ml, right.necrosis_percent) == (0, 0)
    assert right.head_ml == pytest.approx(left.head_ml, rel=0.05)  # voxels of 4 mm
    read = Volume.read(conversion.dataset.label(right)).array
    assert set(read.ravel().tolist()) == {Label.BACKGROUND, Label.VIABLE_HEAD}
    assert of_level(conversion.findings, Severity.NOTE) == [("cohort", "lesion")]
    warned = [] if of_ill == "B" else [("P001_L", "grade")]
    assert of_level(conversion.findings, Severity.WARNING) == warned


@pytest.mark.parametrize("side", ["B", "R"])
def test_none_in_the_table_makes_heads_alone_healthy_hips(cohort, workspace, side):
    cases = convert(cohort(side, "none", left_mm=0.0), workspace).dataset.cases
    assert [(case.grade, case.necrosis_ml) for case in cases] == [("none", 0)] * len(cases)
    with pytest.raises(OnfhError, match="a healthy hip, or a label whose necrosis is in another file"):
        convert(cohort(side, "", left_mm=0.0), workspace)


@pytest.mark.parametrize(
    ("side", "grade", "left_mm"),
    [("R", "A", 0.0), ("L", "none", 18.0), ("B", "none", 18.0), ("B", "C", 0.0)],
)
def test_a_lesion_that_only_the_table_or_only_the_label_knows_is_an_error(cohort, workspace, side, grade, left_mm):
    """With a lost lesion an ill hip would train as a healthy one."""
    with pytest.raises(OnfhError, match=f"the cohort says grade {grade}, the label .*taken for a healthy one"):
        convert(cohort(side, grade, left_mm=left_mm), workspace, BY_VALUE)
    assert not workspace.cases_csv.exists()


def test_check_warns_of_a_cohort_without_a_healthy_hip(cohort):
    (warning,) = check(cohort("L", ""))
    assert (warning.level, warning.case_id, warning.check) == (Severity.WARNING, "cohort", "lesion")
    assert "every hip has necrosis" in warning.message
    (note,) = check(cohort("B", ""))
    assert (note.level, note.message) == (Severity.NOTE, "1 hip of 2 without necrosis, taken for healthy: P001_R")


def test_a_changed_letter_is_the_ill_hips_in_the_next_conversion(cohort, workspace):
    """The cache knows which grade a case was made with."""
    convert(cohort("B", ""), workspace)
    again = convert(cohort("B", "B"), workspace)
    assert [case.grade for case in again.dataset.cases] == ["B", "none"]
