import numpy as np
import pytest

from onfh_nnunet.core.errors import CohortError, OnfhError, WorkspaceError
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from onfh_nnunet.study.workspace import Workspace


def test_case_id_says_patient_and_side():
    hip = Hip("P_1-a", Side.LEFT)
    assert hip.case_id == "P_1-a_L"
    assert Hip.parse(hip.case_id) == hip
    assert hip.mirrored
    assert not Hip("P_1-a", Side.RIGHT).mirrored


@pytest.mark.parametrize("patient", ["", "a b", "../x", "ä", "-a", "a_"])
def test_unsafe_patient_is_refused(patient):
    with pytest.raises(CohortError, match="is not a valid patient name"):
        Hip(patient, Side.LEFT)


@pytest.mark.parametrize("case_id", ["P001", "P001_B", "_L"])
def test_text_that_is_no_case_is_refused(case_id):
    with pytest.raises(CohortError):
        Hip.parse(case_id)


def test_head_includes_the_necrosis():
    labels = np.array([0, 1, 2, 3])
    assert Region.HEAD.mask(labels).tolist() == [False, True, True, False]
    assert Region.NECROSIS.mask(labels).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("necrosis", "head", "grade"),
    [
        (0, 1000, Grade.NONE),
        (1, 1000, Grade.A),
        (149, 1000, Grade.A),
        (150, 1000, Grade.B),  # both ties fall in B
        (300, 1000, Grade.B),
        (301, 1000, Grade.C),
        (1000, 1000, Grade.C),
        (14999999, 100000000, Grade.A),
    ],
)
def test_steinberg_thresholds(necrosis, head, grade):
    assert steinberg_grade(necrosis, head) is grade


@pytest.mark.parametrize(("necrosis", "head"), [(0, 0), (2, 1), (-1, 1), (float("nan"), 1)])
def test_grade_of_no_head_is_refused(necrosis, head):
    with pytest.raises(ValueError, match="not part of a head"):
        steinberg_grade(necrosis, head)


def test_message_says_case_problem_and_remedy():
    assert str(OnfhError("P001_R", "has no head", "Label it")) == "P001_R: has no head. Label it."


def test_workspace_without_or_with_two_datasets_is_refused(tmp_path):
    with pytest.raises(WorkspaceError, match="no dataset"):
        Workspace.open(tmp_path)
    for number in (711, 712):
        Workspace(tmp_path, number).raw.mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="Dataset711_ONFH"):
        Workspace.open(tmp_path)
    with pytest.raises(WorkspaceError, match="number"):
        Workspace(tmp_path, 1000)
