"""Masks become rows: the columns, files good and bad, many of them, and the options of ``onfh grade``."""

import csv
import struct
from dataclasses import fields, replace

import numpy as np
import pytest

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.csv_rows import columns, read_rows
from onfh_nnunet.core.errors import GeometryError, LabelError, OnfhError, SideError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.grade import add_landmarks, grade_file, grade_files
from onfh_nnunet.workflows.mask_files import MaskFile
from postprocessing.measurement.grade_rows import GradeRow, grade_row, write_grades
from postprocessing.measurement.landmarks import LandmarkRow, Landmarks
from postprocessing.uncertainty.margin_interval import IntervalMethod, PercentInterval
from tests.helpers.solid_hips import cap, cone, hip, mirrored

CONTRACT = [
    "case_id", "source", "side", "head_ml", "necrosis_ml", "necrosis_percent", "percent_low", "percent_high",
    "steinberg_grade", "possible_grades", "necrosis_percent_of_sphere", "head_diameter_mm", "kerboul_coronal_deg",
    "kerboul_sagittal_deg", "kerboul_deg", "kerboul_grade", "necrotic_surface_percent", "warnings",
]  # fmt: skip
ADDED = [
    "interval_method", "sphere_residual_mm", "head_centre_x_mm", "head_centre_y_mm", "head_centre_z_mm",
    "lesion_latitude_deg", "lesion_longitude_deg", "lateral_necrotic_angle_deg", "anterior_necrotic_angle_deg",
    "necrosis_depth_mm", "superior_anterior_lateral_percent", "superior_anterior_medial_percent",
    "superior_posterior_lateral_percent", "superior_posterior_medial_percent", "inferior_anterior_lateral_percent",
    "inferior_anterior_medial_percent", "inferior_posterior_lateral_percent", "inferior_posterior_medial_percent",
    "arco_2021_type", "jic_type", "surface_residual_mm", "collapse_depth_mm", "kerboul_low_deg", "kerboul_high_deg",
    "possible_kerboul_grades", "lateral_necrotic_angle_low_deg", "lateral_necrotic_angle_high_deg",
    "possible_arco_2021_types", "possible_jic_types", "thickest_mm", "head_grey_sd", "head_score", "unsure_percent",
]  # fmt: skip

SAID = LabelRules(necrosis="2")
"""A hip without it is healthy."""


@pytest.fixture(scope="module")
def right():
    """A right hip with an anterosuperolateral lesion, and its centre."""
    return hip(cone(40, (-0.4, -0.5, 0.75)), neck=(-0.5, 0.2, -0.8))


def untold(*_):
    """No progress."""


def with_necrosis(mask, voxels, of):
    """The first `voxels` of the first `of` voxels of a head are necrotic, and there are no others."""
    labels = np.zeros(mask.array.size, np.uint8)
    labels[np.flatnonzero(mask.array)[:of]] = 1
    labels[np.flatnonzero(mask.array)[:voxels]] = 2
    return Volume(labels.reshape(mask.array.shape), mask.grid)


def test_first_columns_are_the_contracts_and_later_ones_come_after():
    assert columns(GradeRow) == CONTRACT + ADDED


def test_table_reads_back(tmp_path, right):
    row = grade_row("P001_R", "m.nii.gz", HipMask(right[0], Side.RIGHT))
    write_grades(tmp_path / "grades.csv", [row])
    (again,) = read_rows(tmp_path / "grades.csv", GradeRow)
    for name, value in vars(row).items():
        assert getattr(again, name) == (pytest.approx(value, rel=1e-8) if isinstance(value, float) else value)
    of_predictions = {field.name for field in fields(HipTraits)}
    assert {name for name, value in vars(row).items() if value is None and "jic" not in name} == of_predictions


def test_interval_is_the_margins_unless_a_calibrated_one_is_given(right):
    assert grade_row("P001_R", "m.nii.gz", HipMask(right[0], Side.RIGHT)).interval_method == "margin"
    calibrated = PercentInterval(4.0, 31.0, IntervalMethod.CONFORMAL)
    row = grade_row("P001_R", "m.nii.gz", HipMask(right[0], Side.RIGHT), interval=calibrated)
    assert (row.interval_method, row.percent_low, row.percent_high) == ("conformal", 4.0, 31.0)
    assert row.possible_grades == "A/B/C"


@pytest.mark.parametrize(
    ("necrotic", "grade"),
    [
        (0, "none"),
        (1, "none"),
        (2000, "A"),
        (5999, "A"),
        (6000, "B"),
        (6001, "B"),
        (12000, "B"),
        (12001, "C"),
        (40000, "C"),
    ],
)
def test_ties_at_15_and_30_percent_are_b_to_the_voxel(right, necrotic, grade):
    row = grade_row("P001_R", "m.nii.gz", HipMask(with_necrosis(right[0], necrotic, 40000), Side.RIGHT))
    assert row.steinberg_grade == grade


@pytest.mark.parametrize("name", ["P001_R.nii.gz", "P001_R.nrrd", "P001_R.mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_file_of_any_format_and_type_has_the_row_of_its_mask(tmp_path, right, name, dtype):
    Volume(right[0].array.astype(dtype), right[0].grid).write(tmp_path / name)
    (row,) = grade_file(MaskFile(tmp_path / name, "P001_R", Side.RIGHT))
    expected = grade_row("P001_R", str(tmp_path / name), HipMask(right[0], Side.RIGHT))
    for column, value in vars(expected).items():
        assert getattr(row, column) == (pytest.approx(value, abs=1e-3) if isinstance(value, float) else value)


BAD = {
    "empty": (lambda mask: 0 * mask.array, "has no head: .*it holds nothing"),
    "lesion_alone": (lambda mask: 2 * (mask.array == 2), "has no head: .*it holds 2"),
    "fractions": (lambda mask: mask.array * np.float32(0.5), "not whole, such as 0.5"),
    "other_labels": (lambda mask: mask.array * 3, "unknown label values 3, 6"),
    "negative": (lambda mask: mask.array.astype(np.int16) - 1, "values from -1 to 1, expected labels"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_mask_is_refused_by_name(tmp_path, right, kind):
    damage, message = BAD[kind]
    path = tmp_path / f"{kind}.nii.gz"
    Volume(damage(right[0]), right[0].grid).write(path)
    with pytest.raises(LabelError, match=message) as refused:
        grade_file(MaskFile(path, kind, None))
    assert kind in refused.value.subject


def test_two_heads_in_one_mask_are_refused(tmp_path, right):
    labels = np.concatenate([right[0].array] * 2, axis=2)
    Volume(labels, replace(right[0].grid, size=labels.shape)).write(tmp_path / "both.nii.gz")
    with pytest.raises(SideError, match=r"both\.nii\.gz: has two heads 56 mm apart from right to left"):
        grade_file(MaskFile(tmp_path / "both.nii.gz", "both", None))


def test_spacing_that_is_no_number_is_refused(tmp_path, right):
    path = tmp_path / "m.nii"
    right[0].write(path)
    raw = bytearray(path.read_bytes())
    raw[80:84] = struct.pack("<f", np.nan)  # pixdim[1]
    path.write_bytes(raw)
    with pytest.raises(GeometryError, match=r"m\.nii: does not state its spacing .*nan"):
        grade_file(MaskFile(path, "m", None))


@pytest.fixture
def masks(tmp_path, right):
    """More masks than most machines have cores; the first hip is healthy, each next one has 2.5 % more necrosis."""
    files = [MaskFile(tmp_path / f"P{n:03}_R.nii.gz", f"P{n:03}_R", Side.RIGHT) for n in range(17)]
    for n, file in enumerate(files):
        with_necrosis(right[0], 1000 * n, 40000).write(file.path)
    return files


def test_masks_are_graded_in_order_and_told(masks):
    told = []
    rows = grade_files(masks[:4], lambda *step: told.append(step), SAID)
    assert [row.necrosis_percent for row in rows] == pytest.approx([0, 2.5, 5, 7.5])
    assert told == [(f"P00{done - 1}_R", done, 4) for done in range(1, 5)]


def test_all_bad_masks_are_named_at_once(masks, right):
    Volume(0 * right[0].array, right[0].grid).write(masks[0].path)
    masks[2].path.write_text("no image")
    with pytest.raises(OnfhError, match=r"(?s)hips: 2 of 17 are refused:.*P000_R.*has no head.*P002_R.*not one of"):
        grade_files(masks, untold, SAID)


def test_rows_from_several_threads_are_those_of_one(masks):
    assert grade_files(masks, untold, SAID) == [row for file in masks for row in grade_file(file, SAID)]


def test_landmarks_that_fit_no_head_are_all_named(right):
    rows = [grade_row(f"P00{number}_R", "m.nii.gz", HipMask(right[0], Side.RIGHT)) for number in range(3)]
    far = Landmarks((500.0, 0.0, 0.0), (450.0, 0.0, -50.0))
    with pytest.raises(OnfhError, match=r"(?s)hips: 2 of 3 are refused:.*P000_R: has landmarks.*P002_R: has landmarks"):
        add_landmarks(rows, {"P000_R": far, "P002_R": far}, JicTies.MINISTRY)


def graded(onfh, tmp_path, *arguments, check=True):
    done = onfh("grade", *arguments, "--out", tmp_path / "grades.csv", check=check)
    if not check:
        return done
    with (tmp_path / "grades.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_command_takes_side_and_landmarks(tmp_path, onfh, right):
    mask, centre = right
    mask.write(tmp_path / "hip.nii.gz")
    mirrored(mask).write(tmp_path / "P001_L.nrrd")
    x, y, z = (float(value) for value in centre)
    points = [
        f"hip,{x - 22},{y},{z + 17},{x + 25},{y},{z - 24}",
        f"P001_L,{-x + 22},{y},{z + 17},{-x - 25},{y},{z - 24}",
    ]
    (tmp_path / "points.csv").write_text("\n".join([",".join(columns(LandmarkRow)), *points]))
    options = ("--side", "R", "--landmarks", tmp_path / "points.csv", "--jic-ties", "english-2001")
    (first,) = graded(onfh, tmp_path, tmp_path / "hip.nii.gz", *options)
    (second,) = graded(onfh, tmp_path, tmp_path / "P001_L.nrrd", *options[2:])
    assert (first["side"], second["side"]) == ("R", "L")
    of_masks = [name for name in ADDED[5:] if name not in {field.name for field in fields(HipTraits)}]
    for name in (*of_masks, "steinberg_grade"):
        if name.endswith(("type", "types", "grade", "grades")):
            assert first[name] == second[name] != ""
        else:
            assert float(first[name]) == pytest.approx(float(second[name]), abs=0.5)


def test_command_refuses_a_side_against_the_name(tmp_path, onfh, right):
    right[0].write(tmp_path / "P001_R.nii.gz")
    done = graded(onfh, tmp_path, tmp_path / "P001_R.nii.gz", "--side", "L", check=False)
    assert (done.returncode, "is named as side R, and --side says L" in done.stderr) == (1, True)
    assert not (tmp_path / "grades.csv").exists()


def test_command_writes_nothing_when_one_mask_is_bad(tmp_path, onfh, right):
    right[0].write(tmp_path / "good_R.nii.gz")
    hip(cap(99))[0].write(tmp_path / "healthy_R.nii.gz")
    (tmp_path / "bad_R.nii.gz").write_text("no image")
    masks = [tmp_path / f"{name}_R.nii.gz" for name in ("good", "bad", "healthy")]
    done = graded(onfh, tmp_path, *masks, check=False)
    assert done.returncode == 1
    assert "bad_R.nii.gz" in done.stderr
    assert not (tmp_path / "grades.csv").exists()
