import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onfh_nnunet.core.csv_rows import columns, read_rows
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.steinberg import Grade, printed_percent, steinberg_grade
from onfh_nnunet.core.volume import Volume
from postprocessing.measurement.grade_rows import GradeRow, grade_row, write_grades
from postprocessing.uncertainty.margin_interval import IntervalMethod, PercentInterval, margin_interval, possible_grades

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
RADIUS_MM = 23.0
GRADES_CSV = (
    "case_id,source,side,head_ml,necrosis_ml,necrosis_percent,percent_low,percent_high,steinberg_grade,"
    "possible_grades,necrosis_percent_of_sphere,head_diameter_mm,kerboul_coronal_deg,kerboul_sagittal_deg,kerboul_deg,"
    "kerboul_grade,necrotic_surface_percent,warnings"
)


def volume(labels, spacing=(1.0, 1.0, 1.0)):
    return Volume(np.asarray(labels, np.uint8), Grid(np.shape(labels), spacing, (0.0, 0.0, 0.0), IDENTITY))


def sphere_with_cap(height_mm, spacing, axis):
    """A sphere whose part above a plane at a height over the centre, across an axis (z, y, x), is necrotic."""
    size = tuple(round(52 / step) for step in spacing)
    along = [(np.arange(n) - (n - 1) / 2 + 0.13) * step for n, step in zip(size, spacing, strict=True)]
    places = np.stack(np.meshgrid(*along, indexing="ij"), -1)
    head = np.linalg.norm(places, axis=-1) <= RADIUS_MM
    return volume(head * (1 + (places @ (np.array(axis) / np.linalg.norm(axis)) > height_mm)), spacing)


def block(necrotic, of=20, spacing=(1.0, 1.0, 1.0)):
    """A block whose first slices are necrotic: every margin is a plane across the first axis."""
    labels = np.zeros((of + 4, 12, 13))
    labels[2:-2, 2:-2, 2:-2] = 1
    labels[2 : 2 + necrotic, 2:-2, 2:-2] = 2
    return volume(labels, spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.25, 1.0, 1.25), (0.5, 2.0, 2.0)])
def test_flat_margin_moves_by_half_the_mean_spacing(spacing):
    interval = margin_interval(HipMask(block(8, spacing=spacing)))
    moved = 100 * np.mean(spacing) / 2 / (20 * spacing[0])
    # The area of a plane along the grid is met within 2 %; its edges, and the cap that it is taken for, cost the rest.
    assert (interval.high - interval.low) / 2 == pytest.approx(moved, rel=0.2)
    assert interval.low < 40 < interval.high


def cap_ml(height):
    return math.pi * height**2 * (3 * RADIUS_MM - height) / 3000 if height > 0 else 0.0


@pytest.mark.parametrize("axis", [(1, 0, 0), (1, -1, 0), (0.7, -0.5, 0.3), (0, 0.2, 1)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.25, 1.0, 1.25), (2.0, 0.8, 0.8)])
@pytest.mark.parametrize(("thick", "rel"), [(2.0, 0.35), (5.0, 0.25), (13.0, 0.15), (19.0, 0.15), (40.0, 0.25)])
def test_width_is_that_of_the_cap_whose_margin_moves_both_ways(thick, rel, spacing, axis):
    interval = margin_interval(HipMask(sphere_with_cap(RADIUS_MM - thick, spacing, axis)))
    moved = np.mean(spacing) / 2
    exact = 100 * (cap_ml(thick + moved) - cap_ml(thick - moved)) / cap_ml(2 * RADIUS_MM)
    assert interval.high - interval.low == pytest.approx(exact, rel=rel)


SPACINGS = st.tuples(*[st.sampled_from([0.6, 1.0, 1.25, 2.0, 3.0])] * 3)


def random_hip(seed, necrotic, size=(5, 6, 7)):
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.9) * (1 + (rng.random(size) < necrotic))
    labels[0, 0, :2] = 1, 2
    return labels


@given(st.integers(0, 2**32 - 1), SPACINGS, st.integers(0, 2))
def test_mirrored_hip_has_the_same_interval(seed, spacing, axis):
    labels = random_hip(seed, 0.2)
    one, other = (margin_interval(HipMask(volume(each, spacing))) for each in (labels, np.flip(labels, axis)))
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)


def test_lesion_far_from_viable_bone_has_a_certain_percentage():
    labels = np.zeros((20, 6, 6))
    labels[2:5, 2:4, 2:4], labels[15:18, 2:4, 2:4] = 1, 2
    assert margin_interval(HipMask(volume(labels))) == PercentInterval(50, 50, IntervalMethod.MARGIN)


@given(st.integers(0, 2**32 - 1), st.tuples(*[st.floats(0.4, 3)] * 3))
def test_interval_holds_the_percentage(seed, spacing):
    labels = np.random.default_rng(seed).integers(0, 3, (4, 5, 6))
    labels[0, 0, 0] = 1
    interval = margin_interval(HipMask(volume(labels, spacing)))
    percent = 100 * np.count_nonzero(labels == 2) / np.count_nonzero(labels)
    assert 0 <= interval.low <= percent <= interval.high <= 100


def test_without_a_margin_the_percentage_is_certain():
    assert margin_interval(HipMask(block(0))) == PercentInterval(0, 0, IntervalMethod.MARGIN)
    assert margin_interval(HipMask(block(20))) == PercentInterval(100, 100, IntervalMethod.MARGIN)


def test_lesion_of_one_voxel_is_a_lesion_at_half_a_voxels_shift():
    labels = np.ones((7, 7, 7))
    labels[3, 3, 3] = 2
    interval = margin_interval(HipMask(volume(labels)))
    assert 0 <= interval.low < 100 / 343 < interval.high
    assert Grade.A in possible_grades(interval)


def test_mask_without_a_head_is_refused():
    with pytest.raises(LabelError, match="no femoral head"):
        margin_interval(HipMask(volume(np.zeros((3, 3, 3)))))


@pytest.mark.parametrize(
    ("low", "high", "grades"),
    [
        (0, 0, "none"),
        (0, 3, "none A"),
        (0.001, 3, "A"),
        (0, 15, "none A B"),
        (10, 14.999, "A"),
        (14.999, 15, "A B"),
        (15, 15, "B"),
        (15, 30, "B"),
        (30, 30, "B"),
        (30, 30.001, "B C"),
        (30.001, 100, "C"),
        (14, 31, "A B C"),
        (0, 100, "none A B C"),
    ],
)
def test_interval_meets_its_grades_and_ties_fall_in_b(low, high, grades):
    assert " ".join(possible_grades(PercentInterval(low, high, IntervalMethod.CONFORMAL))) == grades


@pytest.mark.parametrize(
    ("low", "high", "grades"),
    [
        (0, 0.2, "none"),
        (0.1, 0.249, "none"),
        (0, 0.25, "none A"),
        (0.1, 16, "none A B"),
        (0.25, 3, "A"),
        (15, 31, "B C"),
    ],
)
def test_below_the_least_lesion_there_is_no_grade(low, high, grades):
    assert " ".join(possible_grades(PercentInterval(low, high, IntervalMethod.CONFORMAL), 0.25)) == grades


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (5.0, 1.0, 1.0), (3.0, 3.0, 3.0)])
def test_least_lesion_is_by_volume_and_by_voxels(spacing):
    """0.1 ml, and at least 8 voxels; below, the volume stays in the row, and the interval names no other grade."""
    voxel_ml = math.prod(spacing) / 1000
    least = max(math.ceil(round(0.1 / voxel_ml, 9)), 8)
    for necrotic, grade in ((least - 1, Grade.NONE), (least, Grade.A)):
        labels = np.zeros((24, 24, 24))
        labels[2:-2, 2:-2, 2:-2] = 1
        labels.reshape(-1)[np.flatnonzero(labels)[:necrotic]] = 2
        row = grade_row("P001_R", "m.nii.gz", HipMask(volume(labels, spacing), Side.RIGHT))
        assert row.steinberg_grade is grade
        assert grade in row.possible_grades.split("/")
        assert row.necrosis_ml == pytest.approx(necrotic * voxel_ml)
        assert ("less than the least lesion that is graded" in row.warnings) == (grade is Grade.NONE)
        assert (row.lesion_latitude_deg is None) == (grade is Grade.NONE)


@given(st.floats(0, 100))
def test_printed_percentage_has_the_grade_of_the_exact_one(percent):
    text = printed_percent(percent)
    assert float(text) == pytest.approx(percent, abs=0.05001)
    assert steinberg_grade(float(text), 100) is steinberg_grade(percent, 100)


@pytest.mark.parametrize(
    ("percent", "text"),
    [(0, "0.0"), (0.04, "0.04"), (7.26, "7.3"), (14.94, "14.9"), (14.96, "14.96"), (15, "15.0"), (30.004, "30.004")],
)
def test_printed_percentage_keeps_to_its_side_of_a_limit(percent, text):
    assert printed_percent(percent) == text


@pytest.mark.parametrize(("low", "high"), [(2, 1), (-1, 1), (1, 101), (float("nan"), 1)])
def test_impossible_interval_is_refused(low, high):
    with pytest.raises(ValueError, match="not an interval"):
        PercentInterval(low, high, IntervalMethod.MARGIN)


@pytest.mark.parametrize(("necrotic", "grade", "grades"), [(3, "B", "A/B"), (6, "B", "B/C"), (0, "none", "none")])
def test_row_grades_the_voxel_counts_and_names_every_possible_grade(necrotic, grade, grades):
    row = grade_row("P001_R", "P001.nii.gz", HipMask(block(necrotic), Side.RIGHT))  # 15.0 and 30.0 %: ties
    assert (row.steinberg_grade, row.possible_grades) == (grade, grades)
    assert row.percent_low <= row.necrosis_percent <= row.percent_high


def test_table_has_the_columns_of_the_contract_and_reads_back(tmp_path):
    row = grade_row("P001_R", "P001.nii.gz", HipMask(block(3)), ["seen before"])
    write_grades(tmp_path / "grades.csv", [row])
    header = (tmp_path / "grades.csv").read_text().splitlines()[0]
    assert header == ",".join(columns(GradeRow))
    assert f"{header},".startswith(f"{GRADES_CSV},")
    (again,) = read_rows(tmp_path / "grades.csv", GradeRow)
    assert again.warnings.startswith("seen before; head of ")
    assert again.side is None
    assert again.necrosis_percent == pytest.approx(row.necrosis_percent)


def test_what_cannot_be_computed_is_an_empty_cell_with_a_warning(tmp_path):
    voxel = HipMask(volume([[[2]]], (1.0, 2.0, 30.0)), Side.LEFT)
    write_grades(tmp_path / "grades.csv", [grade_row("P001_L", "m.nrrd", voxel)])
    with (tmp_path / "grades.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["steinberg_grade"], row["kerboul_deg"], row["kerboul_grade"]) == ("none", "", "")
    assert "no sphere fits" in row["warnings"]
