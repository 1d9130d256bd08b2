"""Shapes, contrast and truth of the phantom against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from dataset_conversion.phantom.anatomy.ground_truth import SAMPLE_MM, head_and_necrosis_ml, lesion_of_share, samples
from dataset_conversion.phantom.anatomy.head import FemoralHead, PhysealScar
from dataset_conversion.phantom.anatomy.lesion import Lesion
from dataset_conversion.phantom.anatomy.patient import Patient
from dataset_conversion.phantom.anatomy.random_field import RandomField
from dataset_conversion.phantom.anatomy.shapes import Capsule, Ellipsoid, LocalFrame, Union, positions
from dataset_conversion.phantom.anatomy.tissue import PROTONS, Tissue
from dataset_conversion.phantom.cohort_plan import PAPER_MIX, PERCENT_RANGES, draw_shares, plan_patients
from dataset_conversion.phantom.mri.protocol import THICK_SPACING_MM, ScanProtocol
from dataset_conversion.phantom.mri.render import render
from dataset_conversion.phantom.mri.spgr_sequence import FIELDS_T, Sequence
from dataset_conversion.phantom.mri.spgr_signal import fat_table, fat_turn, magnitude, steady_state, water_table
from dataset_conversion.phantom.mri.voxelize import voxelize_labels
from onfh_nnunet.core.choices import Plane
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade, steinberg_grade


def rng(seed=0):
    return np.random.default_rng(seed)


def counting_tolerance_ml(radius_mm, spacing_mm):
    """Three standard deviations of a count of voxel centres: each voxel of the surface is in or out by chance."""
    on_surface = 4 * math.pi * radius_mm**2 / math.prod(spacing_mm) ** (2 / 3)
    return 3 * 0.5 * math.sqrt(on_surface) * math.prod(spacing_mm) / 1000


@pytest.mark.parametrize(
    ("shape", "ml"),
    [
        (Ellipsoid((1, 2, 3), (10, 14, 8)), 4 / 3 * math.pi * 10 * 14 * 8 / 1000),
        (Capsule((0.3, 0.1, -10), (0.3, 0.1, 10), (6, 6)), math.pi * 36 * (20 + 4 / 3 * 6) / 1000),
        (Union((Ellipsoid((-20, 0, 0), (5, 5, 5)), Ellipsoid((20, 0, 0), (5, 5, 5)))), 8 / 3 * math.pi * 125 / 1000),
    ],
)
@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (1.0, 0.4, 0.7)])
def test_shape_has_its_volume_and_lies_in_its_box(shape, ml, spacing):
    size = tuple(int(70 / s) for s in spacing)
    turned = direction_of(np.eye(3)[:, ::-1])
    grid = Grid(size, spacing, (-35.0, -35.0, -35.0), turned)
    inside = shape.signed_distance(positions(grid)) < 0
    assert inside.sum() * grid.voxel_ml == pytest.approx(ml, abs=counting_tolerance_ml(14, spacing))
    found = grid.to_mm(np.argwhere(inside))
    low, high = shape.box
    assert (found >= low).all()
    assert (found <= high).all()


def test_positions_broadcast_to_those_of_the_grid():
    grid = ScanProtocol(spacing_mm=(2.0, 1.5, 1.0), tilt_deg=25).grid((5.0, 6.0, 7.0), (10.0, 12.0, 14.0))
    x, y, z = np.broadcast_arrays(*positions(grid))
    index = np.argwhere(np.ones(grid.size))
    assert np.allclose(np.stack([x, y, z], -1).reshape(-1, 3), grid.to_mm(index), atol=1e-4)
    assert positions(grid)[0].size == grid.size[2]


def test_frames_of_left_and_right_are_mirror_images():
    left, right = LocalFrame((90.0, 1.0, 2.0), 1), LocalFrame((-90.0, 1.0, 2.0), -1)
    points = tuple(np.array([value], np.float32) for value in (100, 5, 7))
    mirrored = (-points[0], points[1], points[2])
    assert all(np.array_equal(a, b) for a, b in zip(left.local(points), right.local(mirrored), strict=True))
    assert left.local(points)[0] == 10


def test_waves_have_mean_0_and_variance_1_and_do_not_depend_on_the_grid():
    waves = RandomField.draw(rng(), (4, 12), 20)
    grid = ScanProtocol(spacing_mm=(1.0, 1.0, 1.0)).grid((0.0, 0.0, 0.0), (100.0, 100.0, 100.0))
    field = waves(positions(grid))
    assert field.mean() == pytest.approx(0, abs=0.02)
    assert field.std() == pytest.approx(1, abs=0.02)
    points = [np.array(value, np.float32) for value in grid.to_mm(np.argwhere(np.ones(grid.size))[::997]).T]
    assert np.allclose(waves(tuple(points)), field.reshape(-1)[::997], atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_head_is_a_sphere_cut_across_the_neck(seed):
    head = FemoralHead.draw(rng(seed), male=bool(seed))
    r = head.radius_mm
    assert head.volume_ml == pytest.approx(27 / 32 * 4 / 3 * math.pi * r**3 / 1000)  # cut at half a radius
    head_ml, necrosis_ml = head_and_necrosis_ml(head, None)
    assert head_ml == pytest.approx(head.volume_ml, abs=counting_tolerance_ml(r, (SAMPLE_MM,) * 3))
    assert necrosis_ml == 0
    assert 22 < head_ml < 65
    assert np.linalg.norm(head.neck) == pytest.approx(1)
    lateral, posterior, superior = head.neck
    assert lateral > 0.5
    assert 0 < posterior < 0.4
    assert superior < -0.4


@pytest.mark.parametrize("share", [0.04, 0.15, 0.29, 0.38])
@pytest.mark.parametrize("seed", range(2))
def test_lesion_fills_its_share_in_front_and_above(share, seed):
    generator = rng(seed)
    head = FemoralHead.draw(generator, male=True)
    lesion = lesion_of_share(Lesion.draw(generator, head), share)
    head_ml, necrosis_ml = head_and_necrosis_ml(head, lesion)
    assert 100 * necrosis_ml / head_ml == pytest.approx(100 * share, abs=0.1)
    points = samples(head, 1.0)
    inside = lesion.signed_distance(points) < 0
    _, posterior, superior = (np.broadcast_to(p, inside.shape)[inside].mean() for p in points)
    assert posterior < 0
    assert superior > 0


@pytest.mark.parametrize("seed", range(4))
def test_band_is_closed_around_the_inside_of_the_lesion(seed):
    generator = rng(seed)
    head = FemoralHead.draw(generator, male=False)
    lesion = lesion_of_share(Lesion.draw(generator, head), 0.25)
    level = np.pad(lesion.signed_distance(samples(head, 0.5)), 1, constant_values=1)
    inside = level < -lesion.band_mm
    band = (level < 0) & ~inside
    assert inside.any()
    flooded = ndimage.binary_propagation(inside, np.ones((3, 3, 3)), mask=~band)
    assert np.array_equal(flooded, inside)
    depth = ndimage.distance_transform_edt(level < 0, sampling=0.5)[inside]
    assert depth.min() > 1.0  # two voxels of the default grid see it


def test_scar_is_thin_and_in_the_head():
    head = FemoralHead.draw(rng(), male=True)
    points = samples(head, 0.5)
    scar = PhysealScar(head, 1.0, 4.0).signed_distance(points) < 0
    assert not (scar & (head.signed_distance(points) >= 0)).any()
    assert 0 < scar.mean() < 0.05


def test_lesion_inside_looks_like_marrow_in_most_hips():
    head = FemoralHead.draw(rng(), male=True)
    generator = rng(1)
    insides = [Lesion.draw(generator, head).inside for _ in range(200)]
    assert insides.count(Tissue.DEAD_LIKE_MARROW) / 200 == pytest.approx(0.71, abs=0.1)  # three standard errors
    dead, living = PROTONS[Tissue.DEAD_LIKE_MARROW], PROTONS[Tissue.MARROW]
    assert replace(dead, patches=living.patches) == living  # but for the islands of red marrow
    assert dead.patches == 0 < living.patches


def test_ernst_angle_gives_most_signal():
    tr, t1 = 15.0, 300.0
    ernst = math.degrees(math.acos(math.exp(-tr / t1)))
    flips = np.linspace(1, 89, 1761)
    signal = [steady_state(1.0, t1, 1e9, Sequence(tr, 0.0, flip)) for flip in flips]
    assert flips[np.argmax(signal)] == pytest.approx(ernst, abs=0.05)
    e1 = math.exp(-tr / t1)
    assert max(signal) == pytest.approx(math.sqrt((1 - e1) / (1 + e1)), rel=1e-6)  # closed form at the Ernst angle


def test_signal_decays_with_t2star_and_grows_with_density():
    sequence = Sequence(15.0, 5.0, 20.0)
    one = steady_state(1.0, 800.0, 20.0, sequence)
    assert steady_state(1.0, 800.0, 20.0, replace(sequence, te_ms=25.0)) == pytest.approx(one / math.e)
    assert steady_state(0.5, 800.0, 20.0, sequence) == pytest.approx(one / 2)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("field_t", FIELDS_T)
@pytest.mark.parametrize("thick", [False, True])
def test_fat_is_bright_muscle_between_and_the_band_dark(seed, field_t, thick):
    sequence = Sequence.draw(rng(seed), field_t, thick=thick)
    grey = magnitude(water_table(sequence), fat_table(sequence), fat_turn(sequence))
    assert grey[Tissue.FAT] > grey[Tissue.MUSCLE] > grey[Tissue.BAND] > grey[Tissue.CORTEX] > grey[Tissue.AIR] == 0
    assert grey[Tissue.MARROW] > 1.5 * grey[Tissue.MUSCLE]
    assert grey[Tissue.ARTERY] > grey[Tissue.VEIN] > 1.2 * grey[Tissue.MUSCLE]


@pytest.mark.parametrize("te_ms", [2.3, 3.4, 4.6])
def test_darker_lesions_are_darker_at_every_echo_alike(te_ms):
    sequence = Sequence(15.0, te_ms, 20.0)
    grey = magnitude(water_table(sequence), fat_table(sequence), fat_turn(sequence))
    density = PROTONS[Tissue.DEAD_DARKER].density / PROTONS[Tissue.MARROW].density
    assert grey[Tissue.DEAD_DARKER] / grey[Tissue.MARROW] == pytest.approx(density)
    assert density < 0.95


def test_fat_and_water_oppose_each_other_at_the_published_echo_times():
    for field_t, opposed_ms in ((1.5, 2.3), (3.0, 1.15)):  # half a turn of 217 and of 434 Hz
        sequence = Sequence(15.0, opposed_ms, 20.0, field_t, 300.0)
        assert fat_turn(sequence) == pytest.approx(math.pi, rel=0.01)
        assert sequence.fat_shift_pixels == pytest.approx(217.1 * field_t / 1.5 / 300, rel=0.001)


@pytest.mark.parametrize("hips", [1, 2, 3, 8, 31, 63, 126])
def test_grades_have_the_published_mix(hips):
    grades = [steinberg_grade(share, 1) for share in draw_shares(hips, rng())]
    for grade, count in PAPER_MIX.items():
        assert abs(grades.count(grade) - hips * count / 63) < 1
    if hips == 63:
        assert [grades.count(grade) for grade in (Grade.A, Grade.B, Grade.C)] == [22, 23, 18]


def test_lesion_sizes_keep_their_distance_from_the_limits_of_the_grades():
    percents = [100 * share for share in draw_shares(300, rng())]
    assert all(any(low <= p <= high for low, high in PERCENT_RANGES.values()) for p in percents)


@pytest.mark.parametrize("hips", range(1, 14))
@pytest.mark.parametrize("bilateral", [False, True])
def test_plan_shows_as_many_hips_as_asked(hips, bilateral):
    patients = plan_patients(hips, rng(), bilateral=bilateral)
    scans = [sides for patient in patients for sides in patient.scans]
    assert sum(map(len, scans)) == hips
    assert len(scans) == (hips // 2 + hips % 2 if bilateral else hips)
    assert len({patient.patient_id for patient in patients}) == len(patients)
    assert all(patient.shares and set(patient.shares) <= set(patient.listed) for patient in patients)


@pytest.mark.parametrize("hips", [*range(1, 14), 30, 63])
def test_the_other_hip_of_a_patient_who_is_ill_on_one_side_is_healthy_and_listed(hips):
    patients = plan_patients(hips, rng(), bilateral=True)
    pairs = hips // 2
    assert [len(patient.listed) for patient in patients] == [2] * pairs + [1] * (hips % 2)
    assert sum(len(patient.listed) - len(patient.shares) for patient in patients) == pairs - round(0.6 * pairs)


@pytest.mark.parametrize("bilateral", [False, True])
def test_most_patients_are_ill_on_both_sides_and_sides_are_balanced(bilateral):
    patients = plan_patients(80, rng(), bilateral=bilateral)
    assert np.mean([len(patient.shares) == 2 for patient in patients]) == pytest.approx(0.6, abs=0.01)
    left = sum(Side.LEFT in patient.shares for patient in patients)
    right = sum(Side.RIGHT in patient.shares for patient in patients)
    assert abs(left - right) <= 1


@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.AXIAL])
@pytest.mark.parametrize("tilt", [0.0, 17.0])
def test_grid_shows_the_right_on_the_left_and_turns_about_left_right(plane, tilt):
    grid = ScanProtocol(plane, (2.0, 1.5, 1.0), tilt).grid((1.0, 2.0, 3.0), (30.0, 36.0, 42.0))
    columns = np.array(grid.direction)
    assert np.array_equal(columns[:, 2], [1, 0, 0])
    row, slices = (columns[1, 1], columns[2, 0]) if plane is Plane.AXIAL else (-columns[2, 1], columns[1, 0])
    assert row == pytest.approx(math.cos(math.radians(tilt)))
    assert slices == pytest.approx(math.cos(math.radians(tilt)))


@pytest.mark.parametrize("plane", Plane)
def test_grid_of_each_plane_is_right_handed_around_its_centre(plane):
    grid = ScanProtocol(plane, (2.0, 1.5, 1.0), 5.0).grid((1.0, 2.0, 3.0), (30.0, 36.0, 42.0))
    columns = np.array(grid.direction)
    assert np.linalg.det(columns[:, ::-1]) == pytest.approx(1)
    assert np.allclose(grid.to_mm((np.array(grid.size) - 1) / 2), (1, 2, 3), atol=1e-3)


def test_sagittal_shows_the_front_on_the_left_and_oblique_is_turned_about_two_axes():
    sagittal, oblique = (
        np.array(ScanProtocol(plane).grid((0.0, 0.0, 0.0), (30.0, 30.0, 30.0)).direction)
        for plane in (Plane.SAGITTAL, Plane.OBLIQUE)
    )
    assert np.array_equal(sagittal[:, 1:], [[0, 0], [0, 1], [-1, 0]])
    assert (np.abs(oblique[:, 0]) > 0.1).all()  # the normal has a part along each axis of the patient
    assert np.argmax(np.abs(oblique[:, 0])) == 1  # and lies nearest to front-back


@pytest.mark.parametrize(
    ("spacing", "tilt"),
    [((0.0, 1.0, 1.0), 0.0), ((1.0, -1.0, 1.0), 0.0), ((1.0, 1.0, math.nan), 0.0), ((1, 1, 1), math.inf)],
)
def test_impossible_protocol_is_refused(spacing, tilt):
    with pytest.raises(GeometryError, match="Use a spacing above 0"):
        ScanProtocol(spacing_mm=spacing, tilt_deg=tilt)


@pytest.mark.parametrize(
    "protocol",
    [
        ScanProtocol(),
        ScanProtocol(spacing_mm=(3.0, 0.8, 0.8), tilt_deg=20.0),
        ScanProtocol(Plane.AXIAL, (2.0, 1.25, 1.25), -15.0),
        ScanProtocol(Plane.SAGITTAL, (1.5, 2.0, 1.0)),
        ScanProtocol(Plane.OBLIQUE, THICK_SPACING_MM, thick=True),
    ],
)
def test_voxel_counts_agree_with_the_truth(protocol):
    patient = Patient.draw(rng(2), {Side.LEFT: 0.2})
    hip = patient.hips[Side.LEFT]
    grid = protocol.grid(hip.frame.centre_mm, (60.0, 60.0, 60.0))
    labels = voxelize_labels([hip], grid)
    tolerance = counting_tolerance_ml(hip.head.radius_mm, protocol.spacing_mm)
    for region, truth_ml in zip(Region, head_and_necrosis_ml(hip.head, hip.lesion), strict=True):
        assert region.mask(labels).sum() * grid.voxel_ml == pytest.approx(truth_ml, abs=tolerance)


def best_threshold_dice(image, labels):
    """Dice with the lesion of the best set of voxels of the true head below, or above, one grey value."""
    head = labels > 0
    order = np.argsort(image[head], kind="stable")
    necrosis = (labels[head] == 2)[order]
    chosen = np.arange(1, necrosis.size + 1)
    return max((2 * np.cumsum(part) / (chosen + necrosis.sum())).max() for part in (necrosis, necrosis[::-1]))


def threshold_dice(hips, seed, protocol):
    for plan in plan_patients(hips, rng(seed), bilateral=False):
        patient, generator = Patient.draw(rng([seed, plan.number]), plan.shares), rng([seed, plan.number, 0])
        for side in plan.shares:
            hip = patient.hips[side]
            grid = protocol.grid(hip.frame.centre_mm, (64.0, 64.0, 64.0))  # the head and little more: a fast scan
            sequence = Sequence.draw(generator, patient.field_t, thick=protocol.thick)
            image = render(patient.parts(), grid, sequence, protocol.profile, generator)
            yield best_threshold_dice(image, voxelize_labels([hip], grid))


@pytest.mark.parametrize(
    ("hips", "protocol"), [(12, ScanProtocol()), (4, ScanProtocol(Plane.AXIAL, THICK_SPACING_MM, thick=True))]
)
def test_no_threshold_finds_the_lesion(hips, protocol):
    dice = list(threshold_dice(hips, 31, protocol))
    pairs = hips // 2
    assert len(dice) == pairs + round(0.6 * pairs)  # the ill ones
    assert max(dice) <= 0.6
    assert np.mean(dice) < 0.5


def test_whole_head_is_no_answer_even_for_the_largest_lesion():
    largest = max(high for _, high in PERCENT_RANGES.values()) / 100
    assert 2 * largest / (1 + largest) < 0.52  # the Dice of a lesion with its whole head
