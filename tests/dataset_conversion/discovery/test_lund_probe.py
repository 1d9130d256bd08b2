"""LUND-PROBE's published layout; the data set itself may not be passed on, so its files are made here."""

import csv

import numpy as np
import pytest

from dataset_conversion.cohort.table import read_cohort
from dataset_conversion.convert import check, convert
from dataset_conversion.discovery.propose import propose
from dataset_conversion.hips.findings import Severity
from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, head, noise

OTHERS = [
    "MR_StorT2/mask_Bladder.nii.gz",
    "MR_StorT2/dose_interpolated.nii.gz",
    "MR_StorT2/nnUNetOutput/mask_CTVT_427_nnUNet.nii.gz",
    "MR_StorT2/observerData/mask_Rectum_step1_obsB.nii.gz",
    "sCT/image.nii.gz",
    "sCT/image_reg2MRI.nii.gz",
    "sCT/mask_FemoralHead_L.nii.gz",
    "sCT/mask_FemoralHead_R.nii.gz",
]


def patient(folder, seed=0, right=RIGHT, left=LEFT):
    """A patient's folder as the authors list it; masks are 0 and 1, and no two patients have the same file."""
    voxels = np.int16 if seed else np.uint8
    noise(seed=seed).write(folder / "MR_StorT2" / "image.nii.gz")
    for name in OTHERS:
        Volume(head(PELVIS, (0, 0, 0)), PELVIS).write(folder / name)
    for side, centre in (("R", right), ("L", left)):
        Volume(head(PELVIS, centre).astype(voxels), PELVIS).write(
            folder / "MR_StorT2" / f"mask_FemoralHead_{side}.nii.gz"
        )


@pytest.fixture
def lund(tmp_path):
    for number, name in enumerate(["newAcq_0a5", "oldAcq_91c"]):
        patient(tmp_path / "basePart" / name, number)
    return tmp_path


def table(folder):
    (folder / "cohort.csv").write_text(propose(folder, folder).csv(), encoding="utf-8")
    return folder / "cohort.csv"


def test_layout_gives_a_row_a_hip(lund):
    made = propose(lund, lund)
    found = [(row.patient_id, row.side, row.image, row.label, row.label_necrosis) for row in made.rows]
    assert found == [
        (
            name,
            side,
            f"basePart/{name}/MR_StorT2/image.nii.gz",
            f"basePart/{name}/MR_StorT2/mask_FemoralHead_{side}.nii.gz",
            "",
        )
        for name in ("newAcq_0a5", "oldAcq_91c")
        for side in "RL"
    ]
    assert made.notes == ("2 patients in the layout of LUND-PROBE: MR_StorT2 is read, all else left out",)


@pytest.mark.parametrize("below", ["", "basePart", "basePart/newAcq_0a5", "basePart/newAcq_0a5/MR_StorT2"])
def test_layout_is_known_from_any_folder_above_the_images(lund, below):
    made = propose(lund / below, lund)
    assert {row.patient_id for row in made.rows} >= {"newAcq_0a5"}
    assert all((lund / row.label).is_file() for row in made.rows)


def test_layout_is_known_from_within(lund, monkeypatch):
    monkeypatch.chdir(lund / "basePart" / "newAcq_0a5" / "MR_StorT2")
    rows = propose(type(lund)(), lund).rows
    assert [(row.patient_id, row.side) for row in rows] == [("newAcq_0a5", "R"), ("newAcq_0a5", "L")]


def test_absent_head_is_noted(lund):
    (lund / "basePart" / "oldAcq_91c" / "MR_StorT2" / "mask_FemoralHead_L.nii.gz").unlink()
    made = propose(lund, lund)
    assert [row.side for row in made.rows] == ["R", "L", "R"]
    assert any(note.endswith("oldAcq_91c/MR_StorT2: no mask of head L") for note in made.notes)


def test_image_of_that_name_elsewhere_is_no_lund_probe(lund):
    (lund / "basePart").rename(lund / "other")
    for folder in (lund / "other").iterdir():
        (folder / "MR_StorT2").rename(folder / "T2")
    assert all("LUND-PROBE" not in note for note in propose(lund, lund).notes)


def test_heads_without_necrosis_convert(lund):
    made = convert(table(lund), Workspace(lund / "work"), LabelRules(necrosis="none"))
    assert [(case.side, case.grade, case.necrosis_ml) for case in made.dataset.cases] == [
        (side, Grade.NONE, 0.0) for side in "LRLR"
    ]
    for case in made.dataset.cases:
        voxels = np.count_nonzero(head(PELVIS, LEFT if case.side == "L" else RIGHT))
        assert case.head_ml == pytest.approx(voxels * PELVIS.voxel_ml)
    assert [finding.check for finding in made.findings if finding.level is Severity.ERROR] == []
    with (lund / "work" / "cases.csv").open(encoding="utf-8") as file:
        assert {row["patient"] for row in csv.DictReader(file)} == {"P001", "P002"}


def test_masks_of_swapped_sides_are_errors(tmp_path):
    patient(tmp_path / "newAcq_1", right=LEFT, left=RIGHT)
    errors = [
        finding for finding in check(table(tmp_path), LabelRules(necrosis="none")) if finding.level is Severity.ERROR
    ]
    assert len(errors) == 2
    assert all("lies in the other half of the scan" in finding.message for finding in errors)
    with pytest.raises(OnfhError, match="other half"):
        convert(tmp_path / "cohort.csv", Workspace(tmp_path / "work"), LabelRules(necrosis="none"))


def test_table_is_read_back(lund):
    scans = read_cohort(table(lund))
    assert [(scan.patient_id, scan.side) for scan in scans] == [
        ("newAcq_0a5", "R"),
        ("newAcq_0a5", "L"),
        ("oldAcq_91c", "R"),
        ("oldAcq_91c", "L"),
    ]
