"""The synthetic cohort is what its tables say: volumes, sides, grades, DICOM; and no threshold solves it."""

import csv
from collections import Counter

import numpy as np
import pytest

from dataset_conversion.phantom.cohort import PhantomForm, write_phantom_cohort
from dataset_conversion.phantom.head import NECK_CUT_RADII, Head
from dataset_conversion.phantom.plan import PAPER_MIX, draw_shares, plan_patients
from dataset_conversion.phantom.signal import Sequence, steady_state
from dataset_conversion.readers import read_volume
from onfh_nnunet.errors import OnfhError
from onfh_nnunet.hip import Side
from onfh_nnunet.steinberg import Grade, steinberg_grade
from onfh_nnunet.volume import Volume, same_grid

NIFTI, DICOM = PhantomForm.NIFTI, PhantomForm.DICOM


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eight") / "cohort"
    write_phantom_cohort(folder, hips=8, seed=11, form=NIFTI)
    return folder


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both") / "cohort"
    write_phantom_cohort(folder, hips=3, seed=4, form=DICOM, spacing_mm=(3.0, 2.0, 2.5), bilateral=True, tilt_deg=20)
    return folder


def test_truth_is_the_labels_volume_to_a_tenth_of_a_voxel_layer(eight):
    """A label counts voxel centres; the error of a surface is a small part of a voxel times its area."""
    scans = {(row["patient_id"], row["side"]): row for row in table(eight / "cohort.csv")}
    for truth in table(eight / "truth.csv"):
        label = Volume.read(eight / scans[truth["patient_id"], truth["side"]]["label"])
        radius = float(truth["head_radius_mm"])
        tolerance_ml = 0.1 * max(label.grid.spacing_mm) * 4 * np.pi * radius**2 / 1000
        assert (label.array > 0).sum() * label.grid.voxel_ml == pytest.approx(float(truth["head_ml"]), abs=tolerance_ml)
        necrosis_ml = (label.array == 2).sum() * label.grid.voxel_ml
        assert necrosis_ml == pytest.approx(float(truth["necrosis_ml"]), abs=tolerance_ml)


def test_head_is_a_cut_sphere(eight):
    for truth in table(eight / "truth.csv"):
        radius = float(truth["head_radius_mm"])
        height = radius * (1 - NECK_CUT_RADII)
        cap = np.pi * height**2 * (3 * radius - height) / 3
        assert float(truth["head_ml"]) == pytest.approx((4 / 3 * np.pi * radius**3 - cap) / 1000, rel=2e-3)
        assert Head(radius, (1.0, 0.0, 0.0)).volume_ml == pytest.approx((4 / 3 * np.pi * radius**3 - cap) / 1000)


def test_head_lies_where_the_truth_says(eight):
    scans = {(row["patient_id"], row["side"]): row for row in table(eight / "cohort.csv")}
    for truth in table(eight / "truth.csv"):
        label = Volume.read(eight / scans[truth["patient_id"], truth["side"]]["label"])
        centre = np.array([float(truth[f"centre_{axis}_mm"]) for axis in "xyz"])
        farthest = np.linalg.norm(label.grid.to_mm(np.argwhere(label.array)) - centre, axis=1).max()
        assert farthest == pytest.approx(float(truth["head_radius_mm"]), abs=max(label.grid.spacing_mm))


def test_grade_is_the_one_of_the_volumes_and_in_the_cohort(eight):
    scans = {(row["patient_id"], row["side"]): row["grade"] for row in table(eight / "cohort.csv")}
    for truth in table(eight / "truth.csv"):
        grade = steinberg_grade(float(truth["necrosis_ml"]), float(truth["head_ml"]))
        assert grade == truth["grade"] == scans[truth["patient_id"], truth["side"]]


def test_left_is_left(eight, both):
    for truth in (*table(eight / "truth.csv"), *table(both / "truth.csv")):
        assert (float(truth["centre_x_mm"]) > 0) == (truth["side"] == "L")  # LPS: x runs to the patient's left


def test_best_threshold_inside_the_true_head_does_not_find_the_lesion(eight):
    best = []
    for row in table(eight / "cohort.csv"):
        image, label = (Volume.read(eight / row[what]).array for what in ("image", "label"))
        grey, lesion = image[label > 0], label[label > 0] == 2
        order = np.argsort(grey)
        for values in (lesion[order], lesion[order[::-1]]):
            found = np.cumsum(values)
            best.append((2 * found / (np.arange(1, values.size + 1) + lesion.sum())).max())
    per_hip = np.max(np.reshape(best, (-1, 2)), axis=1)
    assert per_hip.mean() < 0.6
    assert per_hip.max() < 0.6


@pytest.mark.parametrize("hips", [1, 2, 7, 24, 63])
def test_mix_of_grades_is_the_papers(hips):
    shares = draw_shares(hips, np.random.default_rng(0))
    got = Counter(steinberg_grade(share, 1) for share in shares)
    for grade, n in PAPER_MIX.items():
        assert abs(got[grade] - n * hips / 63) < 1


@pytest.mark.parametrize("bilateral", [False, True])
@pytest.mark.parametrize("hips", [1, 2, 5, 24, 63])
def test_cohort_has_as_many_hips_as_asked_for(hips, bilateral):
    patients = plan_patients(hips, np.random.default_rng(3), bilateral=bilateral)
    assert sum(len(scan) for patient in patients for scan in patient.scans) == hips
    if hips == 63:
        assert np.mean([len(patient.shares) == 2 for patient in patients]) == pytest.approx(0.6, abs=0.05)


def test_scan_of_both_hips_is_one_row_and_a_healthy_hip_has_no_grade(both):
    assert [row["side"] for row in table(both / "cohort.csv")] == ["B", table(both / "truth.csv")[2]["side"]]
    for truth in table(both / "truth.csv"):
        assert (truth["grade"] == Grade.NONE) == (float(truth["necrosis_ml"]) == 0)


def test_dicom_series_lies_on_the_grid_of_its_label_however_tilted(both):
    import SimpleITK as sitk

    for row in table(both / "cohort.csv"):
        image, label = read_volume(both / row["image"]), Volume.read(both / row["label"])
        same_grid(row["image"], image.grid, label.grid)
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(both / row["image"])))
        itk = reader.Execute()
        assert np.array_equal(sitk.GetArrayFromImage(itk), image.array)
        assert np.allclose(itk.GetSpacing(), image.grid.spacing_mm[::-1], atol=1e-4)
        assert np.allclose(itk.GetOrigin(), image.grid.origin_mm, atol=1e-3)
        assert np.allclose(np.reshape(itk.GetDirection(), (3, 3))[:, ::-1], image.grid.direction, atol=1e-5)


def test_dicom_file_has_what_the_standard_requires(both):
    import pydicom

    folder = both / table(both / "cohort.csv")[0]["image"]
    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    first = slices[0]
    assert first.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert first.SOPClassUID.name == "MR Image Storage"
    assert (first.Modality, first.ScanningSequence, first.SequenceVariant, first.MRAcquisitionType) == (
        "MR",
        "GR",
        "SP",
        "3D",
    )
    assert len({one.SOPInstanceUID for one in slices}) == len(slices)
    assert len({one.SeriesInstanceUID for one in slices}) == 1
    for required in (
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "FrameOfReferenceUID",
        "PatientPosition",
        "EchoTime",
    ):
        assert required in first


@pytest.mark.parametrize("form", [NIFTI, DICOM])
def test_same_seed_same_bytes(tmp_path, form):
    def made(name, seed):
        write_phantom_cohort(tmp_path / name, hips=2, seed=seed, form=form, spacing_mm=(4.0, 4.0, 4.0))
        folder = tmp_path / name
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert made("a", 1) == made("b", 1)
    assert made("c", 2) != made("a", 1)


def test_signal_peaks_at_the_ernst_angle():
    tr, t1 = 15.0, 280.0
    ernst = np.degrees(np.arccos(np.exp(-tr / t1)))
    at = [steady_state(1.0, t1, 1e9, Sequence(tr, 0.0, flip)) for flip in (ernst - 2, ernst, ernst + 2)]
    assert at[1] == max(at)
    assert at[1] == pytest.approx(np.sqrt((1 - np.exp(-tr / t1)) / (1 + np.exp(-tr / t1))))


@pytest.mark.parametrize(
    "bad", [{"hips": 0}, {"seed": -1}, {"spacing_mm": (0.0, 1.0, 1.0)}, {"spacing_mm": (1.0, -1.0, 1.0)}]
)
def test_impossible_cohort_is_refused_and_nothing_is_written(tmp_path, bad):
    with pytest.raises(OnfhError):
        write_phantom_cohort(tmp_path / "c", **({"hips": 1, "seed": 0, "form": NIFTI} | bad))
    assert list(tmp_path.iterdir()) == []


def test_neck_of_a_hip_is_lateral_and_of_the_other_side_mirrored(eight):
    """The head's label is cut off where the neck begins, so its centroid lies medial of the sphere's centre."""
    scans = {(row["patient_id"], row["side"]): row for row in table(eight / "cohort.csv")}
    for truth in table(eight / "truth.csv"):
        label = Volume.read(eight / scans[truth["patient_id"], truth["side"]]["label"])
        centroid_x = label.grid.to_mm(np.argwhere(label.array)).mean(axis=0)[0]
        medial = -1 if Side(truth["side"]) is Side.LEFT else 1
        assert (centroid_x - float(truth["centre_x_mm"])) * medial > 1
