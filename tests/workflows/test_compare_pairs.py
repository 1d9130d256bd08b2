import numpy as np
import pytest

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.errors import GeometryError, GridMismatch, LabelError, OnfhError, ReadError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.compare import compare_pair, compare_pairs
from onfh_nnunet.workflows.mask_matching import MaskPair, match_masks
from tests.helpers.mask_pairs import ball

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
SAID = LabelRules(necrosis="2")
"""A hip without it is healthy."""
SPACING = (2.0, 2.0, 2.0)


def judged(one):
    (row,) = compare_pair(one, SAID)
    return row


def head(lesion_from=99.0, spacing=SPACING, dtype=np.uint8):
    """A ball of 24 mm, necrotic beyond a plane."""
    mask = ball(SPACING, 24, 26)
    height = (np.arange(mask.shape[0]) - mask.shape[0] / 2) * SPACING[0]
    labels = mask.astype(dtype)
    labels[mask & (height > lesion_from)[:, None, None]] = 2
    return on_grid(labels, spacing)


def on_grid(labels, spacing=SPACING):
    return Volume(labels, Grid(labels.shape, spacing, (3.0, -20.0, 10.0), IDENTITY))


def pair(tmp_path, reference, prediction, case_id="P001_R", suffix=".nii.gz"):
    for folder, mask in (("ref", reference), ("pred", prediction)):
        mask.write(tmp_path / folder / f"{case_id}{suffix}")
    return MaskPair(case_id, tmp_path / "ref" / f"{case_id}{suffix}", tmp_path / "pred" / f"{case_id}{suffix}")


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_masks_are_matched_by_name_whatever_the_format(tmp_path):
    ref = touch(tmp_path / "ref", "b_L.nii.gz", "a.b_R.nrrd", "grades.csv", ".a.nii.gz", "c.mha")
    pred = touch(tmp_path / "pred", "a.b_R.mhd", "a.b_R.raw", "c.NII", "b_L.nii", "report.html")
    assert match_masks(ref, pred) == [
        MaskPair("a.b_R", ref / "a.b_R.nrrd", pred / "a.b_R.mhd"),
        MaskPair("b_L", ref / "b_L.nii.gz", pred / "b_L.nii"),
        MaskPair("c", ref / "c.mha", pred / "c.NII"),
    ]


def test_all_missing_and_surplus_masks_are_listed(tmp_path):
    ref = touch(tmp_path / "ref", "a.nii", "b.nii", "c.nii")
    pred = touch(tmp_path / "pred", "b.nii", "d.nii", "e.nii")
    with pytest.raises(ReadError, match=r"pred: lacks a, c and holds without a reference d, e \(references: .*ref\)"):
        match_masks(ref, pred)
    with pytest.raises(ReadError, match=r"lacks a, b, c and holds"):
        match_masks(ref, touch(tmp_path / "other", "x.nii"))


def test_two_masks_of_one_name_are_refused(tmp_path):
    ref, pred = touch(tmp_path / "ref", "a.nii"), touch(tmp_path / "pred", "a.nii", "a.nrrd")
    with pytest.raises(ReadError, match=r"pred: holds a\.nii and a\.nrrd"):
        match_masks(ref, pred)


def test_folder_without_masks_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"ref: is not a folder"):
        match_masks(tmp_path / "ref", tmp_path)
    with pytest.raises(ReadError, match=r"holds no mask"):
        match_masks(touch(tmp_path / "ref", "cases.csv"), tmp_path)


def test_hip_is_judged_from_its_files(tmp_path):
    row = judged(pair(tmp_path, head(lesion_from=11), head(lesion_from=99, dtype=np.float32)))
    assert (row.case_id, row.patient, row.side, row.fold) == ("P001_R", "P001", Side.RIGHT, None)
    assert (row.head_dice, row.necrosis_dice, row.necrosis_ml_pred) == (1, 0, 0)
    cap = 1 - 3 / 4 * (1 + 11 / 24) + 1 / 4 * (1 + (11 / 24) ** 3)  # of a ball, beyond a plane
    assert row.necrosis_percent_true == pytest.approx(100 * cap, abs=4)
    assert (row.grade_true, row.grade_pred) == (Grade.B, Grade.NONE)


def test_name_without_a_side_is_a_patient_of_its_own(tmp_path):
    row = judged(pair(tmp_path, head(), head(), case_id="hip 7", suffix=".nrrd"))
    assert (row.case_id, row.patient, row.side) == ("hip 7", "hip 7", None)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_empty_prediction_is_a_missed_hip(tmp_path, dtype):
    row = judged(pair(tmp_path, head(11), on_grid(np.zeros(head().grid.size, dtype))))
    assert (row.head_dice, row.head_assd_mm, row.head_ml_pred, row.necrosis_dice) == (0, None, 0, 0)
    assert (row.necrosis_percent_pred, row.grade_pred) == (None, Grade.NONE)


def test_head_of_ten_voxels_is_compared(tmp_path):
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[3:5, 3, 1:6] = 1
    row = judged(pair(tmp_path, on_grid(labels), on_grid(np.roll(labels, 1, axis=1))))
    assert (row.head_ml_true, row.head_dice, row.head_assd_mm) == pytest.approx((0.08, 0, 2))


def test_prediction_without_its_empty_slices_is_laid_on_its_reference(tmp_path):
    assert judged(pair(tmp_path, head(11), on_grid(head(11).array[:-1]))).head_dice == 1
    assert judged(pair(tmp_path, on_grid(head(11).array[:-1]), head(11))).head_dice == 1


def no_head():
    return on_grid(np.zeros(head().grid.size, np.uint8))


def lesion_alone():
    return on_grid(np.where(head(11).array == 2, 2, 0).astype(np.uint8))


def two_heads():
    return on_grid(np.concatenate([head().array, head().array]))


@pytest.mark.parametrize(
    ("reference", "prediction", "error", "message"),
    [
        (on_grid(head().array, (2.0, 2.0, 2.1)), on_grid(head().array[:-1]), GridMismatch, r"P001_R: size .* expected"),
        (head(), head(spacing=(2.0, 2.0, 2.1)), GridMismatch, r"P001_R: spacing"),
        (
            head(),
            on_grid(head().array * 3),
            LabelError,
            r"pred.P001_R.nii.gz: has the unknown label values 3",
        ),
        (on_grid(head(11).array + 3), head(), LabelError, r"ref.P001_R.nii.gz: has the unknown label values 3, 4, 5"),
        (head(), on_grid(head().array * np.float32(0.5)), LabelError, r"pred.*values that are not whole, such as 0\.5"),
        (
            head(),
            on_grid(head().array.astype(np.int16) * -1),
            LabelError,
            r"pred.*int16 values from -1 to 0",
        ),
        (no_head(), head(), LabelError, r"ref.P001_R.nii.gz: has no head: no label or segment '1'; it holds nothing"),
        (
            lesion_alone(),
            head(),
            LabelError,
            r"ref.P001_R.nii.gz: has no head: .*; it holds 2\.",
        ),
        (head(), two_heads(), LabelError, r"pred.P001_R.nii.gz: holds two separate heads"),
        (head(), on_grid(head().array * np.float32(np.nan)), ReadError, r"pred.*NaN"),
    ],
    ids=[
        "size",
        "grid",
        "labels",
        "labels of the reference",
        "half",
        "negative",
        "no head",
        "lesion alone",
        "two heads",
        "NaN",
    ],
)
def test_unusable_masks_are_refused_by_name(tmp_path, reference, prediction, error, message):
    with pytest.raises(error, match=message):
        judged(pair(tmp_path, reference, prediction))


def test_lesion_alone_is_a_bad_prediction_and_no_error(tmp_path):
    row = judged(pair(tmp_path, head(11), lesion_alone()))
    assert 0 < row.head_dice < 0.5
    assert row.necrosis_dice == 1
    assert (row.necrosis_percent_pred, row.grade_pred) == (100, Grade.C)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x1f\x8b no gzip"])
def test_file_that_is_no_image_is_refused(tmp_path, content):
    bad = pair(tmp_path, head(), head())
    bad.prediction.write_bytes(content)
    with pytest.raises(ReadError, match=r"pred.P001_R\.nii\.gz"):
        judged(bad)


def test_impossible_spacing_is_refused(tmp_path):
    bad = pair(tmp_path, head(), head(), suffix=".mha")
    bad.prediction.write_bytes(
        bad.prediction.read_bytes().replace(b"ElementSpacing = 2 2 2", b"ElementSpacing = 2 2 0")
    )
    with pytest.raises((GeometryError, ReadError), match=r"pred.P001_R\.mha"):
        judged(bad)


def test_every_refused_hip_is_named_and_progress_goes_on(tmp_path):
    pairs = [pair(tmp_path, head(), head(), case_id=f"P{number:03d}_L") for number in range(4)]
    for number in (1, 3):
        pairs[number].prediction.write_bytes(b"no image")
    told = []
    with pytest.raises(OnfhError, match=r"hips: 2 of 4 are refused:(?s:.*)P001_L(?s:.*)P003_L"):
        compare_pairs(pairs, lambda *step: told.append(step), SAID)
    assert told == [(f"P{number:03d}_L", number + 1, 4) for number in range(4)]


def test_many_hips_on_several_threads_are_judged_as_one_by_one(tmp_path):
    small = np.zeros((6, 6, 6), np.uint8)
    small[2:4, 2:4, 1:4] = 1
    lesions = [on_grid(np.where(np.arange(6) < 2 + number % 2, 2 * small, small)) for number in range(17)]
    pairs = [pair(tmp_path, lesion, lesions[0], case_id=f"P{i:03d}_L") for i, lesion in enumerate(lesions)]
    told = []
    rows = compare_pairs(pairs, lambda *step: told.append(step), SAID)
    assert rows == [row for one in pairs for row in compare_pair(one, SAID)]
    assert told == [(one.case_id, number, len(pairs)) for number, one in enumerate(pairs, start=1)]
    on_grid(small, (2.0, 2.0, 2.1)).write(pairs[5].prediction)
    with pytest.raises(GridMismatch, match=r"P005_L: spacing"):
        compare_pairs(pairs, lambda *_: None, SAID)
