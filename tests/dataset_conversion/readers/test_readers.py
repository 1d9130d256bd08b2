import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from dataset_conversion.readers import read_scan, read_volume
from dataset_conversion.readers.downcast import downcast
from dataset_conversion.readers.headers import DIRECTORY
from onfh_nnunet.core.errors import GeometryError, ReadError, SideError
from onfh_nnunet.core.grid import Grid, direction_of, same_grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import PELVIS, noise, write_series
from tests.helpers.paths import REAL

PROSTATEX = REAL / "prostatex-pelvis-mr" / "dicom"


def oblique():
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_euler("xyz", [70, 12, -5], degrees=True).as_matrix() @ np.array(PELVIS.direction)
    flipped = turned * np.where(np.linalg.det(turned[:, ::-1]) < 0, -1, 1)  # slices along the right-handed normal
    return Grid((5, 6, 8), (2.5, 0.75, 1.25), (-12.5, 3.0, 40.25), direction_of(flipped))


def small(**kwargs):
    return noise(Grid((5, 6, 8), (2.5, 0.75, 1.25), (-12.5, 3.0, 40.25), PELVIS.direction), **kwargs)


def real(*parts):
    path = REAL.joinpath(*parts[:-1])
    found = sorted(path.glob(parts[-1])) if path.is_dir() else []
    if not found:
        pytest.skip(f"no {path}: set ONFH_TEST_DATA")
    return found[0]


@pytest.mark.parametrize("grid", [small().grid, oblique()], ids=["axial", "oblique"])
def test_series_is_read_on_its_grid_whatever_its_files_are_called(tmp_path, grid):
    scan = noise(grid)
    names = ["e.dcm", "a.dcm", "d.dcm", "c.dcm", "b.dcm"]
    for file, name in zip(write_series(tmp_path, scan), names, strict=True):
        file.rename(tmp_path / name)
    volume = read_volume(tmp_path)
    same_grid("scan", volume.grid, grid)
    assert np.array_equal(volume.array, scan.array)
    assert volume.array.dtype == np.int16


def test_slices_against_the_normal_are_turned_and_keep_their_places(tmp_path):
    columns = np.array(small().grid.direction) * [-1, 1, 1]
    against = Grid((5, 6, 8), (2.5, 0.75, 1.25), (-12.5, 3.0, 40.25), direction_of(columns))
    scan = noise(against)
    write_series(tmp_path, scan)
    volume = read_volume(tmp_path)
    assert np.array_equal(HipCrop.whole(volume.grid).extract(volume).array, HipCrop.whole(against).extract(scan).array)


def test_rescale_of_each_slice_is_applied(tmp_path):
    scan = small()

    def slopes(dataset, number):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(0.5 + number), "-10"

    write_series(tmp_path, scan, change=slopes)
    volume = read_volume(tmp_path)
    expected = scan.array * (0.5 + np.arange(5))[:, None, None] - 10
    assert np.allclose(volume.array, expected)
    assert volume.array.dtype == np.float32


def test_whole_rescaled_values_stay_integer(tmp_path):
    scan = small()
    write_series(tmp_path, scan, RescaleSlope="2.0", RescaleIntercept="-5")
    volume = read_volume(tmp_path)
    assert volume.array.dtype == np.int16
    assert np.array_equal(volume.array, scan.array * 2 - 5)


@pytest.mark.parametrize(
    ("values", "kind"),
    [([-5, 32767], np.int16), ([0, 40000], np.uint16), ([-1, 40000], np.float32), ([0.0, 2.0], np.int16)],
)
def test_smallest_type_that_keeps_the_values(values, kind):
    assert downcast(np.array(values)).dtype == kind
    assert np.array_equal(downcast(np.array(values)), values)


def test_halves_stay_floating():
    assert downcast(np.array([0.5, 1.0])).dtype == np.float32


@pytest.mark.parametrize("keyword", ["Laterality", "ImageLaterality"])
def test_side_of_the_header_is_told(tmp_path, keyword):
    write_series(tmp_path, small(), **{keyword: "L"})
    assert read_scan(tmp_path).laterality is Side.LEFT


def test_header_without_a_side_or_with_two(tmp_path):
    write_series(tmp_path / "none", small(), Laterality="", ImageLaterality="B")
    assert read_scan(tmp_path / "none").laterality is None
    write_series(tmp_path / "two", small(), Laterality="L", ImageLaterality="R")
    with pytest.raises(SideError, match="left and of the right"):
        read_scan(tmp_path / "two")


def test_files_beside_the_series_are_passed_over(tmp_path):
    def directory(dataset, number):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DIRECTORY

    write_series(tmp_path, small())
    write_series(tmp_path / "media", small(), change=directory)[0].rename(tmp_path / "DICOMDIR")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    assert read_volume(tmp_path).grid.size == (5, 6, 8)


def test_volume_file_is_read(tmp_path):
    small().write(tmp_path / "v.nii.gz")
    scan = read_scan(tmp_path / "v.nii.gz")
    assert scan.laterality is None
    assert np.array_equal(scan.volume.array, small().array)


@pytest.mark.parametrize("keep", [40, 300, 900, -2])
def test_truncated_file_is_named(tmp_path, keep):
    files = write_series(tmp_path, small())
    files[-1].write_bytes(files[-1].read_bytes()[:keep])
    with pytest.raises(ReadError, match=r"IM0004\.dcm: "):
        read_volume(tmp_path)


def differ(keyword, value, only=None):
    def change(dataset, number):
        if only is None or number == only:
            setattr(dataset, keyword, value)

    return change


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        (differ("Modality", "CT"), ReadError, "has Modality CT, expected MR"),
        (differ("SeriesInstanceUID", "1.2.3", only=2), ReadError, "holds 2 MR series, expected one"),
        (differ("NumberOfFrames", 3), ReadError, "holds 3 frames and is no Enhanced MR Image"),
        (differ("PhotometricInterpretation", "RGB"), ReadError, "is a RGB image"),
        (differ("PixelSpacing", [0.8, 1.25], only=3), ReadError, r"\[0.8, 1.25\] mm at instance 4"),
        (
            differ("ImageOrientationPatient", [0, 1, 0, 0, 0, 1], only=1),
            ReadError,
            r"(?s)holds 2 stacks .*axial.* 4 .*sagittal.* 1 ",
        ),
        (differ("ImagePositionPatient", [-12.5, 3, 40.25], only=1), ReadError, r"position of another.*instance 2"),
        (differ("ImagePositionPatient", [-12.5, 3, 50.75], only=4), GeometryError, "3.000 mm between instance 4"),
        (
            differ("ImagePositionPatient", [-12.5, 4, 45.25], only=2),
            GeometryError,
            r"0\.80 mm from their place",
        ),
        (differ("ImagePositionPatient", None), ReadError, "lacks ImagePositionPatient"),
    ],
)
def test_folder_that_is_no_single_stack_is_refused(tmp_path, change, kind, match):
    write_series(tmp_path, small(), change=change)
    with pytest.raises(kind, match=match):
        read_volume(tmp_path)


def test_missing_slice_is_refused(tmp_path):
    write_series(tmp_path, small())[2].unlink()
    with pytest.raises(GeometryError, match="a slice is missing"):
        read_volume(tmp_path)


def test_sheared_stack_is_refused(tmp_path):
    def tilt(dataset, number):
        dataset.ImagePositionPatient = [-12.5, 3 + 0.6 * number, 40.25 + 2.5 * number]

    write_series(tmp_path, small(), change=tilt)
    with pytest.raises(GeometryError, match=r"2.40 mm within their plane: a sheared stack"):
        read_volume(tmp_path)


def test_what_is_no_series_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="holds no DICOM image"):
        read_volume(tmp_path / "empty")
    files = write_series(tmp_path / "one", small())
    with pytest.raises(ReadError, match="is one DICOM file, expected the folder"):
        read_volume(files[0])
    for file in files[1:]:
        file.unlink()
    with pytest.raises(ReadError, match="a single image"):
        read_volume(tmp_path / "one")


@pytest.mark.real_data
def test_real_series_equals_its_nifti():
    volume = read_volume(real("prostatex-pelvis-mr", "dicom", "ProstateX-0218", "02-18-2011", "26.*"))
    nifti = Volume.read(real("prostatex-pelvis-mr", "derived-weak", "vibe_fa20.nii.gz"))
    ours, theirs = (HipCrop.whole(one.grid).extract(one) for one in (volume, nifti))
    same_grid("vibe", ours.grid, theirs.grid)
    assert np.array_equal(ours.array, theirs.array)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ge", "philips", "siemens"])
def test_vendors_series_equal_their_reference(name):
    folder = real("dicom2nifti-traps", name, "anatomical", "001")
    reference = Volume.read(folder.with_name("001_ground_truth.nii.gz"))
    ours, theirs = (HipCrop.whole(one.grid).extract(one) for one in (read_volume(folder), reference))
    same_grid(name, ours.grid, theirs.grid)
    assert np.allclose(ours.array, theirs.array, rtol=1e-5)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["compressed_j2k", "compressed_jpeg", "compressed_jpegls"])
def test_compressed_series_equal_the_plain_one(name):
    plain = read_volume(real("dicom2nifti-traps", "siemens", "anatomical", "001"))
    packed = read_volume(real("dicom2nifti-traps", "generic", name, "001"))
    assert packed.grid.size == plain.grid.size
    assert packed.array.std() > 0


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("parts", "kind", "match"),
    [
        (
            ("prostatex-pelvis-mr", "dicom", "ProstateX-0218", "02-18-2011", "3.*"),
            ReadError,
            "holds 3 stacks of MR images",
        ),
        (("prostatex-pelvis-mr", "dicom", "ProstateX-0001", "07-08-2011", "1.*"), ReadError, r"t2_localizer +axial"),
        (
            ("prostatex-pelvis-mr", "dicom", "ProstateX-0218", "02-18-2011", "20.*"),
            ReadError,
            r"(?s)TE 2\.4 +36 .*TE 4\.8 +36",
        ),
        (
            ("prostatex-pelvis-mr", "dicom", "ProstateX-0000", "07-07-2011", "6.*"),
            ReadError,
            r"(?s)b 50 .*b 400 .*b 800 .*",
        ),
        (("prostatex-pelvis-mr", "dicom", "ProstateX-0218", "02-18-2011", "2.*"), ReadError, "a single image"),
        (
            ("prostatex-pelvis-mr", "dicom-missing-slice", "ProstateX-0000", "07-07-2011", "8.*"),
            GeometryError,
            "6.000 mm between instance 7.*and instance 5.*expected 3.000 mm",
        ),
        (
            ("dcmqa-multivendor", "philips_dual_echo_mag_phase", "1301*"),
            ReadError,
            r"(?s)holds 2 stacks .*echo 1 magnitude .*echo 2 magnitude",
        ),
        (("dicom2nifti-traps", "failing", "gantrytilting", "001"), ReadError, "has Modality CT, expected MR"),
        (("highdicom-seg",), ReadError, "has Modality CT, SEG, expected MR"),
    ],
)
def test_real_trap_is_refused_by_name(parts, kind, match):
    with pytest.raises(kind, match=match):
        read_volume(real(*parts))


def tilted(n=12):
    """An oblique grid whose cosines have no short decimals."""
    turned = Rotation.from_euler("xyz", [23, 7, 0], degrees=True).as_matrix()
    return Grid((n, 90, 200), (3.0, 1.6, 1.6), (-150.0, -70.0, -40.0), direction_of(turned[:, ::-1]))


def rounded(grid, cosines, positions):
    def change(dataset, number):
        columns = np.array(grid.direction)
        axes = [*columns[:, 2], *columns[:, 1]]
        dataset.ImageOrientationPatient = [f"{value:.{cosines}f}" for value in axes]
        dataset.ImagePositionPatient = [f"{value:.{positions}f}" for value in grid.to_mm((number, 0, 0))]

    return change


@pytest.mark.parametrize(("cosines", "positions"), [(4, 4), (9, 1), (4, 1)])
def test_rounded_header_lies_within_a_tenth_of_a_voxel_of_the_exact_one(tmp_path, cosines, positions):
    scan = noise(tilted())
    write_series(tmp_path, scan, change=rounded(scan.grid, cosines, positions))
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array)
    apart = np.linalg.norm(volume.grid.corners_mm() - scan.grid.corners_mm(), axis=1).max()
    # half a unit of the last place: of three coordinates, and of cosines over half of 320 mm in each of two axes
    assert apart < np.sqrt(3) * 0.5 * 10.0**-positions * 2 + np.sqrt(3) * 0.5 * 10.0**-cosines * (320 + 144 + 36)
    itk = sitk.ImageSeriesReader()
    itk.SetFileNames(sorted(map(str, tmp_path.iterdir())))
    expected = np.array(itk.Execute().GetOrigin())
    assert np.allclose(volume.grid.origin_mm, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("angles", [(23, 7, 0), (-11, 4, 31), (2, 3, 1)])
def test_cosines_of_three_decimals_are_read_where_the_slices_tell_the_normal(tmp_path, angles):
    """No voxel lies farther off than half a unit of each last place turns it."""
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    scan = noise(Grid((40, 90, 200), (3.0, 1.6, 1.6), (-150.0, -70.0, -40.0), direction_of(turned[:, ::-1])))
    write_series(tmp_path, scan, change=rounded(scan.grid, 3, 5))
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array)
    apart = np.linalg.norm(volume.grid.corners_mm() - scan.grid.corners_mm(), axis=1).max()
    assert apart < np.sqrt(3) * 0.0005 * (320 + 144)
    normal = np.array(volume.grid.direction)[:, 0]
    assert abs(normal @ turned[:, 2]) > 1 - 1e-8  # told by the slices: the cosines alone leave 1e-6


def test_sheared_stack_of_three_decimals_is_refused(tmp_path):
    def sheared(dataset, number):
        dataset.ImageOrientationPatient = ["0.707", "0.707", "0", "0", "0", "-1"]
        place = np.array([0.5, -0.5, 0.0]) * np.sqrt(2) * 3 * number + [0, 0, 0.1 * number]
        dataset.ImagePositionPatient = [f"{value:.6f}" for value in place]

    write_series(tmp_path, noise(tilted()), change=sheared)
    with pytest.raises(GeometryError, match=r"direction cosines|a sheared stack"):
        read_volume(tmp_path)


def test_cosines_of_two_decimals_are_refused(tmp_path):
    write_series(tmp_path, noise(tilted()), change=rounded(tilted(), 2, 6))
    with pytest.raises(GeometryError, match=r"direction cosines .* that are not perpendicular"):
        read_volume(tmp_path)


def test_two_slabs_are_called_two_stacks(tmp_path):
    def apart(dataset, number):
        dataset.ImagePositionPatient = [0, 0, 3 * number + (120 if number >= 6 else 0)]

    write_series(tmp_path, noise(tilted()), change=apart, ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    with pytest.raises(GeometryError, match=r"holds 2 stacks of 6 and 6 slices, 123\.0 mm apart between instance 6"):
        read_volume(tmp_path)
