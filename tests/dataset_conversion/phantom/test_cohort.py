"""The folder that the phantom writes: tables, series, label maps, reproducibility."""

import csv
from collections import Counter

import numpy as np
import pytest

from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import PhantomForm, Plane, Vendor
from onfh_nnunet.core.errors import CohortError, GeometryError, WorkspaceError
from onfh_nnunet.core.grid import same_grid
from onfh_nnunet.core.volume import Volume

COARSE = (3.0, 2.5, 2.0)
TRUTH = "patient_id side head_ml necrosis_ml necrosis_percent grade head_radius_mm centre_x_mm centre_y_mm centre_z_mm"


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def cohort(out, form=PhantomForm.NIFTI, *, hips=1, seed=3, **options):
    protocol = ScanProtocol(**{"spacing_mm": COARSE} | options)
    return write_phantom_cohort(out, hips=hips, seed=seed, form=form, protocol=protocol)


@pytest.fixture(scope="module")
def one_sided(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantom") / "one_sided"
    assert cohort(out, PhantomForm.DICOM, hips=5, tilt_deg=12.0) == 5
    return out


@pytest.fixture(scope="module")
def two_sided(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantom") / "two_sided"
    assert cohort(out, hips=5, bilateral=True) == 3
    return out


def read_series(folder):
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def test_tables_have_the_columns_of_the_contract(one_sided):
    scans, truth = table(one_sided / "cohort.csv"), table(one_sided / "truth.csv")
    assert list(scans[0]) == ["patient_id", "image", "side", "label", "grade"]
    assert " ".join(truth[0]) == TRUTH
    assert [(row["patient_id"], row["side"], row["grade"]) for row in scans] == [
        (row["patient_id"], row["side"], row["grade"]) for row in truth
    ]
    for row in truth:
        percent = 100 * float(row["necrosis_ml"]) / float(row["head_ml"])
        assert float(row["necrosis_percent"]) == pytest.approx(percent, rel=1e-6)


def test_bilateral_scan_shows_both_hips_and_an_odd_one_comes_alone(two_sided):
    scans, truth = table(two_sided / "cohort.csv"), table(two_sided / "truth.csv")
    assert [row["side"] == "B" for row in scans] == [True, True, False]
    assert [row["grade"] == "" for row in scans] == [True, True, False]
    assert len(truth) == 5
    healthy = [row for row in truth if row["grade"] == "none"]
    assert [float(row["necrosis_ml"]) for row in healthy] == [0.0]
    assert set(Counter((row["patient_id"], row["side"]) for row in truth).values()) == {1}


@pytest.mark.parametrize("which", ["one_sided", "two_sided"])
def test_label_lies_around_the_centre_on_the_patients_side(which, request):
    folder = request.getfixturevalue(which)
    truth = table(folder / "truth.csv")
    for scan in table(folder / "cohort.csv"):
        labels = Volume.read(folder / scan["label"])
        position = labels.grid.to_mm(np.argwhere(labels.array > 0))
        shown = [r for r in truth if r["patient_id"] == scan["patient_id"] and scan["side"] in ("B", r["side"])]
        for hip in shown:
            mine = position[(position[:, 0] > 0) == (hip["side"] == "L")]
            centre = np.array([float(hip[f"centre_{axis}_mm"]) for axis in "xyz"])
            radius = float(hip["head_radius_mm"])
            distance = np.linalg.norm(mine - centre, axis=1)
            assert distance.max() <= radius + 1e-3
            # the cut is at the lateral, lower side: the label's centroid lies medial of and above the centre
            medial = -1 if hip["side"] == "L" else 1
            assert medial * (mine - centre)[:, 0].mean() > 0
            assert (mine - centre)[:, 2].mean() > 0
        if scan["side"] != "B":
            assert (position[:, 0] > 0).all() == (scan["side"] == "L")


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("thick", [False, True])
def test_label_of_each_plane_has_the_centroid_of_the_true_head(tmp_path, plane, thick):
    cohort(tmp_path / "out", plane=plane, thick=thick, spacing_mm=(1.5, 1.25, 1.0))
    (hip,), (scan,) = table(tmp_path / "out" / "truth.csv"), table(tmp_path / "out" / "cohort.csv")
    labels = Volume.read(tmp_path / "out" / scan["label"])
    centroid = labels.grid.to_mm(np.argwhere(labels.array > 0)).mean(axis=0)
    centre = np.array([float(hip[f"centre_{axis}_mm"]) for axis in "xyz"])
    # closed form: a sphere cut at half its radius has its centroid an eighth of it off its centre, away from the cut
    assert np.linalg.norm(centroid - centre) == pytest.approx(float(hip["head_radius_mm"]) / 8, abs=0.1)
    medial = -1 if hip["side"] == "L" else 1
    assert medial * (centroid - centre)[0] > 0
    assert (centroid - centre)[2] > 0
    assert labels.array.shape == Volume.read(tmp_path / "out" / scan["image"]).array.shape


def test_series_lies_on_the_grid_of_its_label(one_sided):
    import SimpleITK as sitk

    for scan in table(one_sided / "cohort.csv"):
        image, label = read_series(one_sided / scan["image"]), sitk.ReadImage(str(one_sided / scan["label"]))
        assert image.GetSize() == label.GetSize()
        assert np.allclose(image.GetSpacing(), label.GetSpacing(), atol=1e-5)
        assert np.allclose(image.GetOrigin(), label.GetOrigin(), atol=1e-3)
        assert np.allclose(image.GetDirection(), label.GetDirection(), atol=1e-6)
        assert image.GetSpacing()[::-1] == pytest.approx(COARSE, abs=1e-5)
        assert image.GetDirection()[7] == pytest.approx(-np.cos(np.deg2rad(12)), abs=1e-6)  # z of the row step


def test_nifti_image_lies_on_the_grid_of_its_label(two_sided):
    for scan in table(two_sided / "cohort.csv"):
        image, label = (Volume.read(two_sided / scan[name]) for name in ("image", "label"))
        same_grid(scan["image"], image.grid, label.grid)
        assert image.array.dtype == np.uint16
        assert image.array.max() < 4096


# DICOM PS3.3, type 1 and 2 of the modules that A.4 demands of an MR Image; those of type 2 may be empty.
MANDATORY = [
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
    "ReferringPhysicianName", "StudyID", "AccessionNumber", "Modality", "SeriesInstanceUID", "SeriesNumber",
    "Laterality", "FrameOfReferenceUID", "PositionReferenceIndicator", "Manufacturer", "PatientPosition",
    "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness", "InstanceNumber",
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelData", "ImageType", "ScanningSequence", "SequenceVariant", "ScanOptions",
    "MRAcquisitionType", "EchoTime", "RepetitionTime", "EchoTrainLength", "SOPClassUID", "SOPInstanceUID",
]  # fmt: skip


def test_series_is_valid_mr_image_storage(one_sided):
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    for scan in table(one_sided / "cohort.csv"):
        slices = [pydicom.dcmread(path) for path in sorted((one_sided / scan["image"]).iterdir())]
        for number, one in enumerate(slices, start=1):
            assert [name for name in MANDATORY if name not in one] == []
            assert one.SOPClassUID == one.file_meta.MediaStorageSOPClassUID == MRImageStorage
            assert one.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
            assert (one.ScanningSequence, one.SequenceVariant, one.MRAcquisitionType) == ("GR", "SP", "3D")
            assert (one.SliceThickness, one.SpacingBetweenSlices) == (COARSE[0], COARSE[0])
            assert one.ImagingFrequency == pytest.approx(42.577 * float(one.MagneticFieldStrength), abs=0.01)
            assert one.InstanceNumber == number
            assert one.PatientID == scan["patient_id"]
            assert one.pixel_array.dtype == np.uint16
        assert len({one.SOPInstanceUID for one in slices}) == len(slices)
        assert len({one.SeriesInstanceUID for one in slices}) == 1


def test_scans_of_one_patient_are_series_of_one_study(one_sided):
    import pydicom

    scans = table(one_sided / "cohort.csv")
    first = [pydicom.dcmread(one_sided / scan["image"] / "IM0001.dcm") for scan in scans]
    assert len({one.SeriesInstanceUID for one in first}) == len(scans)
    assert len({one.StudyInstanceUID for one in first}) == len({scan["patient_id"] for scan in scans})
    assert len({str(one.PatientName) for one in first}) == len({scan["patient_id"] for scan in scans})


@pytest.mark.parametrize("form", PhantomForm)
def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path, form):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        cohort(tmp_path / name, form, seed=seed)
    one, same, other = (content(tmp_path / name) for name in "abc")
    assert one == same
    assert all(other.get(name) != data for name, data in one.items() if name != "cohort.csv")


def test_same_cohort_is_left_as_it_is_and_another_does_not_replace_it(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    assert cohort(out) == 1
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert cohort(out) == 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    with pytest.raises(WorkspaceError, match="is not empty"):
        cohort(out, seed=4)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"hips": 0}, CohortError, "0 hips"),
        ({"seed": -1}, CohortError, "seed -1"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, GeometryError, "spacing"),
        ({"tilt_deg": float("nan")}, GeometryError, "tilt"),
        ({"vendor": Vendor.GE}, CohortError, "vendor ge and format nifti"),
    ],
)
def test_impossible_cohort_is_refused(tmp_path, change, error, match):
    with pytest.raises(error, match=match):
        cohort(tmp_path / "out", **change)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        cohort(tmp_path / "file" / "out")
