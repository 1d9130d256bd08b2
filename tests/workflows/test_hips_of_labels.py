"""Which hips a label holds, and of which side: by name, segment, option and place, in files and in memory alike."""

import re
from dataclasses import replace

import numpy as np
import pytest

from onfh_nnunet.core.errors import CohortError, LabelError, OnfhError, SideError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.compare import compare
from onfh_nnunet.workflows.grade import grade
from onfh_nnunet.workflows.predicted_hip import PredictedHip
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, ball, both_heads, head, noise
from tests.helpers.segmentation_files import segment_keys, write_seg_nrrd

BOTH = both_heads()
ONE = Volume(head(PELVIS, RIGHT, 12.0), PELVIS)
NARROW = Volume(ONE.array[:, :, 2:42], PELVIS.part((0, 0, 2), (24, 28, 40)))
"""The same in a field of view of 160 mm, as scans of one hip have."""

UNPLACED = Volume(NARROW.array, replace(NARROW.grid, origin_mm=(0.0, 0.0, 0.0)))
HALVES = {side: Volume(np.where(half, BOTH.array, np.uint8(0)), PELVIS) for side, half in (
    ("R", np.arange(72) < 36), ("L", np.arange(72) >= 36),
)}  # fmt: skip


def saved(folder, name, mask=ONE):
    mask.write(folder / name)
    return folder / name


def test_name_that_contradicts_the_place_is_refused_where_the_place_is_certain(tmp_path):
    with pytest.raises(SideError, match=r"P001_L\.nii\.gz: has side L, and its head lies in the other half .* 86 mm"):
        grade(saved(tmp_path, "P001_L.nii.gz"))
    with pytest.raises(SideError, match="has side L"):
        grade(saved(tmp_path, "hip.nrrd"), side="L")
    with pytest.raises(SideError, match="P001_L: has side L"):
        grade(ONE, side="L")
    saved(tmp_path / "a", "hip left.nii.gz")
    saved(tmp_path / "b", "hip left.nii.gz")
    with pytest.raises(SideError, match=r"hip left\.nii\.gz: has side L"):
        compare(tmp_path / "a", tmp_path / "b")
    assert grade(saved(tmp_path, "P001_R.nii.gz"))[0].side == "R"


def test_name_that_contradicts_a_likely_place_is_warned_of(tmp_path, onfh):
    (row,) = grade(saved(tmp_path / "a", "P001_L.nii.gz", NARROW))
    assert row.side == "L"
    warning = "side L, and the head lies 86 mm to the patient's right of the scanner's middle: check the side"
    assert warning in row.warnings
    for silent in (grade(NARROW, side="R"), grade(UNPLACED, side="L"), grade(UNPLACED, side="R")):
        assert "check the side" not in silent[0].warnings
    (compared,) = compare(tmp_path / "a", tmp_path / "a")
    assert (compared.side, compared.warnings) == ("L", warning)
    done = onfh("compare", tmp_path / "a", tmp_path / "a", "--out", tmp_path / "out")
    assert f"P001_L: {warning}" in done.stderr
    assert "warnings" not in (tmp_path / "out" / "cases.csv").read_text()


def test_side_that_nobody_states_is_that_of_a_certain_place(tmp_path):
    assert grade(saved(tmp_path, "hip.nii.gz"))[0].side == "R"
    assert grade(saved(tmp_path, "narrow.nii.gz", NARROW))[0].side is None


def test_label_of_both_hips_is_split_into_two(tmp_path):
    """As `convert` splits it, with the rows of the two halves."""
    both = saved(tmp_path, "P001.nii.gz", BOTH)
    halves = [saved(tmp_path, f"P001_{side}.nii.gz", mask) for side, mask in HALVES.items()]
    rows = grade(both)
    assert [(row.case_id, row.side) for row in rows] == [("P001_R", "R"), ("P001_L", "L")]
    assert [replace(row, source="") for row in rows] == [replace(row, source="") for row in grade(halves)]
    assert [row.necrosis_percent for row in grade(BOTH)] == [row.necrosis_percent for row in rows]
    with pytest.raises(CohortError, match="P001_R: is in several masks"):
        grade([both, halves[0]])
    with pytest.raises(LabelError, match="two heads, expected that of side R"):
        grade(both, side="R")


def test_segments_of_both_hips_are_split_into_two(tmp_path):
    parts = [HALVES["L"].array > 0, HALVES["R"].array > 0, HALVES["L"].array == 2, HALVES["R"].array == 2]
    keys = {}
    for index, name in enumerate(("head left", "head right", "AVN left", "AVN right")):
        keys |= segment_keys(index, name, index, 1)
    label = write_seg_nrrd(tmp_path / "P001.seg.nrrd", [part.astype(np.uint8) for part in parts], PELVIS, keys)
    expected = [(row.case_id, row.necrosis_percent) for row in grade(saved(tmp_path, "P001.nii.gz", BOTH))]
    assert [(row.case_id, row.necrosis_percent) for row in grade(label)] == expected
    assert [(row.side, row.necrosis_percent) for row in grade(label, side="L")] == [("L", expected[1][1])]


@pytest.mark.parametrize("in_memory", [False, True])
def test_both_hips_are_compared_each_with_its_own_prediction(tmp_path, in_memory):
    """The left head is not predicted; a stray component goes with the nearer head."""
    predicted = HALVES["R"].array | ball(PELVIS, (85, 0, 24), 6).astype(np.uint8)
    answer = Volume(predicted, PELVIS)
    saved(tmp_path / "truth", "P001.nii.gz", BOTH)
    saved(tmp_path / "answer", "P001.nii.gz", answer)
    right, left = compare(BOTH, answer) if in_memory else compare(tmp_path / "truth", tmp_path / "answer")
    assert (right.head_dice, right.necrosis_dice) == (1, 1)
    assert left.necrosis_dice == 0
    assert 0 < left.head_ml_pred < 2
    if not in_memory:
        assert [(row.case_id, row.patient, row.side) for row in (right, left)] == [
            *(("P001_R", "P001", "R"), ("P001_L", "P001", "L")),
        ]


def test_label_of_both_hips_is_compared_with_a_mask_of_each(tmp_path):
    """As `predict` writes them; a mask or a label that is lacking is an error and no smaller sample."""
    saved(tmp_path / "truth", "P001.nrrd", BOTH)
    for side, mask in HALVES.items():
        saved(tmp_path / "answer", f"P001_{side}.nii.gz", mask)
    rows = compare(tmp_path / "truth", tmp_path / "answer")
    assert [(row.case_id, row.patient, row.side, row.necrosis_dice) for row in rows] == [
        *(("P001_R", "P001", "R", 1), ("P001_L", "P001", "L", 1)),
    ]
    (tmp_path / "answer" / "P001_L.nii.gz").unlink()
    with pytest.raises(LabelError, match=r"P001: has predictions of side R, and its label .*P001.nrrd is of R, L"):
        compare(tmp_path / "truth", tmp_path / "answer")
    saved(tmp_path / "truth", "P001.nrrd", HALVES["R"])
    assert [row.case_id for row in compare(tmp_path / "truth", tmp_path / "answer")] == ["P001_R"]
    saved(tmp_path / "answer", "P001_L.nii.gz", HALVES["L"])
    with pytest.raises(LabelError, match=r"P001: has predictions of side L, R, and its label .*P001.nrrd is of R"):
        compare(tmp_path / "truth", tmp_path / "answer")
    saved(tmp_path / "truth", "P001_L.nrrd", HALVES["L"])
    assert [row.case_id for row in compare(tmp_path / "truth", tmp_path / "answer")] == ["P001_R", "P001_L"]


ARRAYS = {
    "head alone": ((ONE.array > 0).astype(np.uint8), "draws a head"),
    "swapped": (np.where(ball(PELVIS, RIGHT, 14), 1, 2 * (ONE.array > 0)), "as if the values were swapped"),
    "another value": (ONE.array * np.uint8(3), "unknown label values 3, 6"),
    "fractions": (ONE.array * 0.5, "not whole, such as 0.5"),
    "no numbers": (ONE.array * np.float32(np.nan), "values from nan to nan"),
    "negative": (ONE.array.astype(np.int16) - 1, "values from -1 to 1"),
    "lesion alone": (np.where(ONE.array == 2, 2, 0), "has no head"),
    "lesion outside": (np.where(ball(PELVIS, LEFT, 10), 2, ONE.array), "lesion outside the head"),
    "empty": (np.zeros(PELVIS.size), "has no head"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_masks_in_memory_have_the_checks_of_files(tmp_path, name):
    array, match = ARRAYS[name]
    mask = Volume(array, PELVIS)
    with pytest.raises(OnfhError, match=match):
        grade(mask)
    with pytest.raises(OnfhError, match=match):
        compare(mask, ONE)
    if name != "no numbers":  # refused as an image, in other words
        with pytest.raises(OnfhError, match=match):
            grade(saved(tmp_path, "hip.nrrd", Volume(array.astype(np.float32), PELVIS)))


def test_cleaned_masks_have_the_rows_of_sound_ones_and_say_what_was_done(tmp_path, onfh):
    stray = Volume(np.where(ball(PELVIS, (0, 0, 22), 6), np.uint8(2), BOTH.array), PELVIS)
    stray.write(tmp_path / "P001.nii.gz")
    with pytest.raises(LabelError, match="lesion outside"):
        grade(tmp_path / "P001.nii.gz")
    onfh("grade", tmp_path / "P001.nii.gz", "--clean", "--out", tmp_path / "grades.csv")
    assert "cleaned: dropped 1 part of necrosis outside the head" in (tmp_path / "grades.csv").read_text()
    cleaned, sound = grade(tmp_path / "P001.nii.gz", clean=True), grade(BOTH)
    assert [row.necrosis_percent for row in cleaned] == [row.necrosis_percent for row in sound]
    assert [row.warnings for row in grade(BOTH, clean=True)] == [row.warnings for row in sound]
    assert np.array_equal(Volume.read(tmp_path / "P001.nii.gz").array, stray.array)


def test_options_hold_for_masks_in_memory():
    swapped = Volume(np.where(ONE.array > 0, 3 - ONE.array, 0), PELVIS)
    expected = grade(ONE)[0].necrosis_percent
    assert grade(swapped, head_label="2", necrosis_label="1")[0].necrosis_percent == expected
    assert grade(Volume(ONE.array > 0, PELVIS), necrosis_label="none")[0].steinberg_grade == "none"


def test_predicted_hip_without_necrosis_is_graded_from_memory():
    """Its mask carries the mark that its file would; a changed one is asked about."""
    healthy = Volume((ONE.array > 0).astype(np.uint8), PELVIS)
    (row,) = grade(healthy, necrosis_label="2", side="R")
    mask = PredictedHip(row, healthy).mask
    assert grade(mask, side=Side.RIGHT)[0].steinberg_grade == "none"
    cut = Volume(np.where(ball(PELVIS, (-85, 0, 22), 8), np.uint8(0), mask.array), PELVIS, mask.mark)
    with pytest.raises(LabelError, match="draws a head"):
        grade(cut)


def test_the_advice_for_values_that_are_sides_works_as_it_is_printed(tmp_path, onfh, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sides = Volume(np.where(BOTH.array > 0, np.where(np.arange(72) < 36, 1, 2), 0).astype(np.uint8), PELVIS)
    saved(tmp_path, "label.nii.gz", sides)
    noise(PELVIS).write(tmp_path / "scan.nrrd")
    (tmp_path / "cohort.csv").write_text("patient_id,image,side,label\np,scan.nrrd,B,label.nii.gz\n")
    assert onfh("check", "cohort.csv", check=False).returncode == 1
    said = onfh("grade", "label.nii.gz", "--out", "grades.csv", check=False).stderr
    assert "value 1 as a head right and value 2 as a head left" in said
    lines = re.findall(r'"([12] head (?:right|left))"', said)
    (tmp_path / "labels.txt").write_text("\n".join(lines))
    options = re.search(r"and give (--label-names labels.txt --necrosis-label none)\.", said)[1].split()
    onfh("check", "cohort.csv", *options)
    onfh("grade", "label.nii.gz", *options, "--out", "grades.csv")
    assert [line.split(",")[0] for line in (tmp_path / "grades.csv").read_text().splitlines()[1:]] == [
        *("label_R", "label_L"),
    ]


def test_a_lesion_that_is_one_side_of_its_head_is_no_other_head():
    """Its values meet at a plane of the patient's axes, and share no x."""
    lateral = np.where(ONE.array > 0, np.where(np.arange(72) < 14, 2, 1), 0).astype(np.uint8)
    assert 20 < grade(Volume(lateral, PELVIS))[0].necrosis_percent < 70
