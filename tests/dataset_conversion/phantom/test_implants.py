"""Implants: known volume, nothing changed elsewhere, real geometry, refusals."""

import csv
from pathlib import Path

import numpy as np
import pytest

from dataset_conversion.convert import convert
from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.phantom.implants.grey_levels import GreyLevels
from dataset_conversion.phantom.implants.implant import Implant
from dataset_conversion.phantom.implants.implant_cohort import write_implants
from dataset_conversion.phantom.implants.labelled_head import LabelledHead
from dataset_conversion.phantom.implants.painting import Canvas, paint, profile_of
from onfh_nnunet.core.choices import Weighting
from onfh_nnunet.core.errors import CohortError, LabelError, OnfhError, WorkspaceError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import write_series
from tests.helpers.paths import REAL

RADIUS_MM, MARROW, MUSCLE, CORTEX, NOISE = 22.0, 400.0, 200.0, 40.0, 6.0
AXES = ((0, 0, 1), (1, 0, 0), (0, -1, 0))  # slices to the back, rows to the feet, columns to the left: a coronal scan


def grid_of(spacing, field=(80.0, 80.0, 80.0), centre=(0.0, 0.0, 0.0)):
    size = tuple(round(mm / step) for mm, step in zip(field, spacing, strict=True))
    columns = np.array(AXES) * spacing
    origin = np.array(centre) - columns @ (np.array(size) - 1) / 2
    return Grid(size, spacing, tuple(origin.tolist()), AXES)


def ball_scan(grid, centres=((0.0, 0.0, 0.0),), seed=0):
    """Balls of marrow in a shell of cortex, in muscle with fat around it; and the labels of the balls."""
    mm = grid.to_mm(np.stack(np.indices(grid.size), axis=-1))
    distance = np.min([np.linalg.norm(mm - np.array(one), axis=-1) for one in centres], axis=0)
    grey = np.select(
        [distance < RADIUS_MM, distance < RADIUS_MM + 2, mm[..., 2] < -15], [MARROW, CORTEX, 600.0], MUSCLE
    )
    grey = grey + np.random.default_rng(seed).normal(0, NOISE, grid.size)
    return Volume(grey.astype(np.int16), grid), Volume((distance < RADIUS_MM).astype(np.uint8), grid)


def painted_ball(spacing, share, weighting=Weighting.T1, seed=0, change=None):
    scan, label = ball_scan(grid_of(spacing))
    if change:
        scan, label = change(scan, label)
    head = Volume(label.array > 0, label.grid)
    canvas = Canvas.of(head, LabelledHead.of(head, Side.LEFT))
    levels = GreyLevels.measure(scan, head.array)
    grey = scan.array.astype(np.float32)
    return scan, canvas, paint(grey, canvas, share, levels, weighting, np.random.default_rng(seed))


def test_grey_levels_are_those_of_the_tissues():
    scan, label = ball_scan(grid_of((2.0, 1.0, 1.0)))
    levels = GreyLevels.measure(scan, label.array > 0)
    assert levels.marrow == pytest.approx(MARROW, abs=2)
    assert levels.muscle == pytest.approx(MUSCLE, abs=5)
    assert levels.cortex == pytest.approx(CORTEX, abs=20)
    assert levels.noise == pytest.approx(NOISE, rel=0.3)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.2, 0.9, 0.9)], ids=["3D", "thick"])
def test_head_between_its_voxels_has_the_volume_of_the_ball(spacing):
    _, canvas, _ = painted_ball(spacing, 0.2)
    assert canvas.head_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.03)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.2, 0.9, 0.9)], ids=["3D", "thick"])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.4])
def test_volume_of_the_lesion_is_the_share_and_that_of_the_label(spacing, share):
    _, canvas, painted = painted_ball(spacing, share, seed=3)
    assert painted.necrosis_ml / canvas.head_ml == pytest.approx(share, rel=0.02)
    voxels_ml = np.count_nonzero(painted.labels == Label.NECROSIS) * canvas.viable.grid.voxel_ml
    assert voxels_ml == pytest.approx(painted.necrosis_ml, rel=0.12 if share < 0.05 else 0.05)


def test_lesions_of_training_lie_anywhere_also_deep_and_behind():
    _, canvas, _ = painted_ball((2.0, 2.0, 2.0), 0.1)
    depths, behind = [], []
    for seed in range(40):
        parts = Implant.anywhere(np.random.default_rng(seed), canvas.head, 0.1, canvas.points).parts(canvas.points, 0.0)
        assert np.count_nonzero(parts) * canvas.sample_ml / canvas.head_ml == pytest.approx(0.1, rel=0.02)
        depths.append(-canvas.head.distances[parts > 0].max())
        behind.append(float(np.broadcast_to(canvas.points[1], parts.shape)[parts > 0].mean()) > 0)
    assert 4 < sum(depth > 2 for depth in depths) < 36  # marrow all around the lesion
    assert 8 < sum(behind) < 32


def test_label_keeps_the_head_and_grey_changes_only_near_the_lesion():
    from scipy import ndimage

    scan, canvas, painted = painted_ball((2.0, 1.0, 1.0), 0.15)
    assert np.array_equal(painted.labels > 0, canvas.viable.array)
    near = ndimage.binary_dilation(painted.labels == Label.NECROSIS, iterations=4)
    assert np.array_equal(painted.grey[~near], scan.array.astype(np.float32)[~near])


def test_band_is_dark_and_lies_on_the_border_of_the_lesion():
    from scipy import ndimage

    scan, _, painted = painted_ball((1.0, 1.0, 1.0), 0.3)
    lesion = painted.labels == Label.NECROSIS
    rim = lesion & ~ndimage.binary_erosion(lesion)
    assert np.median(painted.grey[rim]) < 0.75 * MARROW
    far = (painted.labels == Label.VIABLE_HEAD) & ~ndimage.binary_dilation(lesion, iterations=3)
    assert np.median(painted.grey[far]) == pytest.approx(np.median(scan.array[far]), abs=1)


def test_rim_is_bright_where_fat_is_suppressed():
    from scipy import ndimage

    _, _, painted = painted_ball((2.0, 1.0, 1.0), 0.3, Weighting.FAT_SUPPRESSED, seed=1, change=suppressed)
    lesion = painted.labels == Label.NECROSIS
    rim = lesion & ~ndimage.binary_erosion(lesion)
    assert np.median(painted.grey[rim]) > 1.5 * 120


def suppressed(scan, label):
    return Volume(np.where(label.array > 0, np.int16(120), scan.array), scan.grid), label


def test_profiles_have_weights_of_sum_one_and_cover_each_slice_once():
    for spacing in ((0.8, 0.8, 0.8), (1.0, 1.25, 1.25), (3.6, 0.7, 0.7), (5.2, 0.91, 0.91)):
        grid = grid_of(spacing)
        profile = profile_of(grid)
        assert sum(profile.weights) == pytest.approx(1)
        assert profile.sampled(grid).voxel_ml * profile.per_step * profile.per_pixel**2 == pytest.approx(grid.voxel_ml)


CENTRES = ((-90.0, 0.0, 0.0), (90.0, 0.0, 0.0))


def cohort(folder: Path, *, change=None, spacing=(5.0, 1.5, 1.5), side="B", centre=(0.0, 0.0, 0.0)):
    grid = grid_of(spacing, (80.0, 80.0, 270.0), centre)
    scan, label = ball_scan(grid, CENTRES)
    if change:
        scan, label = change(scan, label)
    folder.mkdir()
    scan.write(folder / "scan.nii.gz")
    label.write(folder / "label.nii.gz")
    (folder / "cohort.csv").write_text(f"patient_id,image,side,label\nMRN1,scan.nii.gz,{side},label.nii.gz\n")
    return folder / "cohort.csv"


def write(table, out, *, per_hip=1, seed=0, weighting=Weighting.T1):
    return write_implants(table, out, weighting, LabelRules(), per_hip=per_hip, seed=seed)


def test_cohort_holds_each_scan_as_it_is_and_with_implants(tmp_path):
    table = cohort(tmp_path / "healthy")
    assert write(table, tmp_path / "out", per_hip=2) == 4
    rows = list(csv.DictReader((tmp_path / "out" / "cohort.csv").read_text().splitlines()))
    truth = list(csv.DictReader((tmp_path / "out" / "truth.csv").read_text().splitlines()))
    assert [(row["patient_id"], row["visit"], row["side"]) for row in rows] == [("P001", str(n), "B") for n in range(3)]
    healthy = Volume.read(tmp_path / "out" / rows[0]["image"])
    assert np.array_equal(healthy.array, Volume.read(tmp_path / "healthy" / "scan.nii.gz").array)
    assert [row["grade"] for row in truth[:2]] == ["none", "none"]
    assert {row["grade"] for row in truth[2:]} == {"A", "B", "C"}
    for row in truth[2:]:
        label = Volume.read(tmp_path / "out" / rows[int(row["visit"])]["label"])
        x_mm = label.grid.to_mm(np.argwhere(label.array == Label.NECROSIS))[:, 0]
        own = np.count_nonzero(x_mm < 0 if row["side"] == "R" else x_mm > 0) * label.grid.voxel_ml
        assert own == pytest.approx(float(row["necrosis_ml"]), rel=0.1, abs=0.05)
    assert "MRN1" not in "".join(path.name for path in (tmp_path / "out").rglob("*"))


def test_head_has_one_volume_in_all_visits(tmp_path):
    write(cohort(tmp_path / "healthy"), tmp_path / "out", per_hip=2)
    truth = list(csv.DictReader((tmp_path / "out" / "truth.csv").read_text().splitlines()))
    for side in "RL":
        assert len({row["head_ml"] for row in truth if row["side"] == side}) == 1


def test_scans_of_two_visits_stay_apart(tmp_path):
    table = cohort(tmp_path / "healthy")
    rows = "".join(f"MRN1,{visit},scan.nii.gz,B,label.nii.gz\n" for visit in (1, 2))
    table.write_text(f"patient_id,visit,image,side,label\n{rows}")
    assert write(table, tmp_path / "out") == 4
    made = list(csv.DictReader((tmp_path / "out" / "cohort.csv").read_text().splitlines()))
    assert [row["visit"] for row in made] == ["1x0", "1x1", "2x0", "2x1"]
    assert len(list((tmp_path / "out" / "images").iterdir())) == 4


def test_side_is_the_one_that_the_header_states(tmp_path):
    """Checked as `convert` checks it."""
    table = cohort(tmp_path / "healthy")
    header = {"Laterality": "L"}
    write_series(tmp_path / "healthy" / "series", Volume.read(tmp_path / "healthy" / "scan.nii.gz"), **header)
    table.write_text("patient_id,image,side,label\nMRN1,series,R,label.nii.gz\n")
    with pytest.raises(OnfhError, match="has side R in the cohort and L in the DICOM header"):
        write(table, tmp_path / "out")


def test_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    table = cohort(tmp_path / "healthy")
    made = {}
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        write(table, tmp_path / name, seed=seed)
        made[name] = {path.name: path.read_bytes() for path in (tmp_path / name / "images").iterdir()}
    assert made["first"] == made["again"]
    assert made["first"] != made["other"]


def test_implants_of_one_hip_are_cases_of_one_patient(tmp_path):
    write(cohort(tmp_path / "healthy"), tmp_path / "out", per_hip=2)
    made = convert(tmp_path / "out" / "cohort.csv", Workspace(tmp_path / "work"))
    assert [case.case_id for case in made.dataset.cases] == [f"P001+{n}_{side}" for n in range(3) for side in "LR"]
    assert {case.patient for case in made.dataset.cases} == {"P001"}
    assert [case.hip for case in made.dataset.cases][:2] == [Hip("P001", Side.LEFT, "0"), Hip("P001", Side.RIGHT, "0")]
    assert made.dataset.cases[0].grade is Grade.NONE
    assert len(set(made.dataset.scans.values())) == 1  # a model that learned from one of them is known to have seen all


def with_lesion(scan, label):
    array = label.array.copy()
    array[tuple(np.argwhere(array)[500])] = 2
    return scan, Volume(array, label.grid)


def metal(scan, label):
    return Volume(np.where(label.array > 0, np.int16(30), scan.array), scan.grid), label


def dark_marrow(scan, label):
    return Volume(np.where(label.array > 0, np.int16(150), scan.array), scan.grid), label


def mirrored_values(scan, label):
    return scan, Volume(np.zeros_like(label.array), label.grid)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"change": with_lesion}, "has necrosis in its label"),
        ({"change": metal}, "dark as metal"),
        ({"change": dark_marrow}, "Give `weighting` fat-suppressed"),
        ({"change": mirrored_values}, "empty|no label|holds no"),
        ({"spacing": (8.0, 1.5, 1.5)}, "slices 8.0 mm apart"),
        ({"spacing": (3.0, 3.0, 3.0)}, "voxels of 3.0 mm, expected less than 3 mm"),
        ({"side": "L"}, "two heads"),
        ({"centre": (0.0, 0.0, 18.0)}, "may cut it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_scan_that_cannot_be_used_is_refused_and_nothing_is_written(tmp_path, settings, message):
    table = cohort(tmp_path / "healthy", **settings)
    with pytest.raises(OnfhError, match=message):
        write(table, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bright_marrow_is_no_suppressed_fat(tmp_path):
    with pytest.raises(OnfhError, match="Give `weighting` t1 or t2"):
        write(cohort(tmp_path / "healthy"), tmp_path / "out", weighting=Weighting.FAT_SUPPRESSED)


def test_arguments_that_make_no_cohort_are_refused(tmp_path):
    table = cohort(tmp_path / "healthy")
    with pytest.raises(CohortError, match="0 a hip"):
        write(table, tmp_path / "out", per_hip=0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="is not empty"):
        write(table, tmp_path / "full")
    (tmp_path / "healthy" / "bare.csv").write_text("patient_id,image,side,label\nMRN1,scan.nii.gz,B,\n")
    with pytest.raises(LabelError, match="has no label in any row"):
        write(tmp_path / "healthy" / "bare.csv", tmp_path / "out")


@pytest.mark.real_data
def test_real_heads_get_lesions_of_the_wanted_grades(tmp_path):
    source = REAL / "cptac-ucec-coronal-t1"
    weak = Volume.read(source / "C3N-00858_heads_weak.nii.gz")
    Volume((weak.array > 0).astype(np.uint8), weak.grid).write(tmp_path / "heads.nii.gz")
    row = f"C3N-00858,{source / 'C3N-00858.nii.gz'},B,heads.nii.gz\n"
    (tmp_path / "cohort.csv").write_text(f"patient_id,image,side,label\n{row}")
    assert write(tmp_path / "cohort.csv", tmp_path / "out", per_hip=1) == 2
    truth = list(csv.DictReader((tmp_path / "out" / "truth.csv").read_text().splitlines()))
    for row, grade in zip(truth[2:], "BC", strict=True):
        assert row["grade"] == grade
        assert 30 < float(row["head_ml"]) < 50
