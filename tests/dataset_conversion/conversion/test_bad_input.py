"""What hospitals really send: each is refused by name and leaves nothing behind, or is read as it is meant."""

import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import FileDataset, dcmread
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from dataset_conversion.convert import convert
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, both_heads, head, noise, write_enhanced, write_series

HEADER = "patient_id,image,side,label\n"
AFFINE = np.diag([-4.0, -4.0, 4.0, 1.0]) + np.array([[0, 0, 0, 142], [0, 0, 0, 54], [0, 0, 0, -46], [0, 0, 0, 0]])
"""Of PELVIS, in NIfTI's axes."""


@pytest.fixture
def study(tmp_path):
    """A right hip: `image.nii.gz`, `series` and `label.nii.gz`."""
    noise().write(tmp_path / "image.nii.gz")
    write_series(tmp_path / "series", noise())
    Volume(head(PELVIS, RIGHT, 20.0), PELVIS).write(tmp_path / "label.nii.gz")
    return tmp_path


def converted(study, image, label="label.nii.gz", side="R"):
    (study / "cohort.csv").write_text(HEADER + f"p,{image},{side},{label}\n")
    return convert(study / "cohort.csv", Workspace(study / "work")).dataset


def series(change=None, **tags):
    """A DICOM series that is changed as it is written."""

    def make(study):
        write_series(study / "bad", noise(), change=change, **tags)
        return "bad"

    return make


def at(number, **tags):
    """Tags of one slice."""

    def change(dataset, slice_number):
        for keyword, value in tags.items() if number == slice_number else ():
            setattr(dataset, keyword, value)

    return series(change)


def slices(edit):
    """A DICOM series whose files are edited after they were written."""

    def make(study):
        edit(write_series(study / "bad", noise()))
        return "bad"

    return make


def shortened(files):
    files[5].write_bytes(files[5].read_bytes()[:-50])


def syntax(uid):
    """Another transfer syntax in the header than that of the bytes; both names are 20 bytes long."""

    def change(files):
        for file in files:
            whole = file.read_bytes()
            file.write_bytes(whole.replace(b"1.2.840.10008.1.2.1\0", uid.encode().ljust(20, b"\0"), 1))

    return change


def tilted(dataset, number):
    dataset.ImagePositionPatient = [-142, -54 + number, -46 + 4 * number]


def enhanced_without_places(study):
    def change(dataset):
        del dataset.PerFrameFunctionalGroupsSequence

    write_enhanced(study / "bad.dcm", noise(), change=change)
    return "bad.dcm"


def nifti(array, affine=AFFINE, change=lambda image: None):
    """A NIfTI file of an array in its own axes (x, y, z)."""

    def make(study):
        image = nibabel.Nifti1Image(array, affine)
        change(image)
        nibabel.save(image, study / "bad.nii.gz")
        return "bad.nii.gz"

    return make


def forms(qform=None, sform=None):
    def change(image):
        image.set_qform(qform, 0 if qform is None else 1)
        image.set_sform(sform, 0 if sform is None else 1)

    return change


def flat_pixels(image):
    image.header["pixdim"][1:4] = [0, 4, 4]
    image.set_sform(None, 0)


def raw(name, content):
    def make(study):
        (study / name).write_bytes(content)
        return name

    return make


def cut_file(name, keep=0.5):
    def make(study):
        noise().write(study / name)
        whole = (study / name).read_bytes()
        (study / name).write_bytes(whole[: int(keep * len(whole))])
        return name

    return make


def bomb(study):
    with zipfile.ZipFile(study / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(120 * 2**20))
    return "bad.zip"


def slice_2d(study):
    sitk.WriteImage(sitk.GetImageFromArray(noise().array[5]), study / "bad.mha")
    return "bad.mha"


def empty_folder(study):
    (study / "bad").mkdir()
    return "bad"


def one_slice(study):
    (study / "bad").mkdir()
    (study / "series" / "IM0003.dcm").rename(study / "bad" / "a.dcm")
    return "bad"


INTS = noise().array.T
FLOATS = INTS.astype(np.float32)
HALF_MM = np.array([[0, 0, 0, 0.5], *[[0] * 4] * 3])
SHEARED = AFFINE + np.array([[0, 0.4, 0, 0], *[[0] * 4] * 3])
RGB = np.zeros(INTS.shape, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
NO_SPACING = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n\n" + bytes(64)


def with_value(value):
    array = FLOATS.copy()
    array[3, 4, 5] = value
    return array


IMAGES = {
    "truncated pixels": (slices(shortened), r"IM0005\.dcm"),
    "another byte order than declared": (slices(syntax(ExplicitVRBigEndian)), r"IM0000\.dcm: lacks"),
    "header cut off": (slices(lambda files: files[2].write_bytes(files[2].read_bytes()[:60])), r"IM0002\.dcm"),
    "slice of zeros": (slices(lambda files: files[2].write_bytes(bytes(999))), r"IM0002\.dcm.*not DICOM"),
    "zero spacing": (series(PixelSpacing=[0, 4]), "spacing"),
    "negative spacing": (series(PixelSpacing=[-4, 4]), "spacing"),
    "cosines not perpendicular": (series(ImageOrientationPatient=[1, 0, 0, 0.1, 1, 0]), "not perpendicular"),
    "cosines of nothing": (series(ImageOrientationPatient=[0] * 6), "not perpendicular"),
    "cosines not of length one": (series(ImageOrientationPatient=[2, 0, 0, 0, 2, 0]), "not perpendicular"),
    "two values as position": (at(3, ImagePositionPatient=[1, 2]), r"IM0003\.dcm: has an unusable position"),
    "no position": (at(3, ImagePositionPatient=None), r"IM0003\.dcm: lacks ImagePositionPatient"),
    "missing slice": (slices(lambda files: files[7].unlink()), "8.000 mm between instance 7 .*and instance 9"),
    "slice twice": (at(4, ImagePositionPatient=[-142, -54, -34]), "position of another.*instance 4"),
    "gantry tilt": (series(tilted), "sheared stack"),
    "two orientations": (at(2, ImageOrientationPatient=[0, 1, 0, 0, 0, 1]), "holds 2 stacks of MR images"),
    "two sizes": (at(2, Rows=14, Columns=144), r"\(14, 144\) pixels"),
    "colour": (series(PhotometricInterpretation="RGB"), "is a RGB image"),
    "inverted grey": (series(PhotometricInterpretation="MONOCHROME1"), "is a MONOCHROME1 image"),
    "computed tomography": (series(Modality="CT"), "has Modality CT"),
    "segmentation as image": (series(Modality="SEG"), "has Modality SEG"),
    "two series": (at(2, SeriesInstanceUID="1.2.3"), "holds 2 MR series"),
    "no series": (at(2, SeriesInstanceUID=None), "lacks SeriesInstanceUID"),
    "frames without places": (series(NumberOfFrames=2), "holds 2 frames and is no Enhanced"),
    "enhanced without places": (enhanced_without_places, "has 24 frames and the places of 0"),
    "other side in the header": (series(Laterality="L"), "side R in the cohort and L in the DICOM header"),
    "both sides in the header": (at(2, ImageLaterality="L", Laterality="R"), "left and of the right side"),
    "one slice": (one_slice, "a single image"),
    "one file of many": (lambda study: "series/IM0001.dcm", "is one DICOM file, expected the folder"),
    "empty folder": (empty_folder, "holds no DICOM image"),
    "zip bomb": (bomb, "which no scan does"),
    "half an archive": (raw("bad.zip", b"PK\x03\x04" + bytes(40)), "is not one of"),
    "empty file": (raw("bad.nii.gz", b""), "is not one of"),
    "picture called NIfTI": (raw("bad.nii.gz", b"\x89PNG\r\n"), "is not one of"),
    "half a gzip": (cut_file("bad.nii.gz"), "cannot be read"),
    "gzip without its end": (cut_file("bad.nii.gz", 0.999), "cannot be read"),
    "half a NIfTI": (cut_file("bad.nii"), "cannot be read"),
    "half a NRRD": (cut_file("bad.nrrd"), "cannot be read"),
    "half a MetaImage": (cut_file("bad.mha"), "cannot be read"),
    "NRRD without spacing": (raw("bad.nrrd", NO_SPACING), "does not state its spacing"),
    "4D": (nifti(np.stack([INTS, INTS], axis=3)), "is 4D"),
    "2D": (slice_2d, "is 2D"),
    "colour NIfTI": (nifti(RGB), "is 3D of"),
    "no geometry": (nifti(INTS, change=forms()), "does not state its spacing and orientation"),
    "zero pixdim": (nifti(INTS, change=flat_pixels), "does not state its spacing"),
    "two geometries": (nifti(INTS, change=forms(AFFINE, AFFINE + HALF_MM)), "qform and an sform"),
    "sheared sform": (nifti(INTS, change=forms(sform=SHEARED)), "not perpendicular"),
    "not a number": (nifti(with_value(np.nan)), "NaN or infinite"),
    "infinity": (nifti(with_value(-np.inf)), "NaN or infinite"),
    "constant": (nifti(np.full(INTS.shape, 7, np.int16)), "the image is 7 everywhere"),
    "absent": (lambda study: "absent.nii.gz", "does not exist"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_bad_image_is_refused_by_name(study, name):
    make, match = IMAGES[name]
    with pytest.raises(OnfhError, match=match):
        converted(study, make(study))
    assert not list((study / "work").rglob("*.*"))


def labels(array=None, grid=PELVIS, kind=np.uint8):
    def make(study):
        array_ = head(PELVIS, RIGHT, 20.0) if array is None else array
        Volume(np.asarray(array_).astype(kind), grid).write(study / "bad.nii.gz")
        return "bad.nii.gz"

    return make


def changed(where, value, kind=np.float32):
    array = head(PELVIS, RIGHT, 20.0).astype(kind)
    array[where] = value
    return labels(array, kind=kind)


TURN = np.deg2rad(5)
TURNED = ((0.0, -np.sin(TURN), np.cos(TURN)), (0.0, np.cos(TURN), np.sin(TURN)), (1.0, 0.0, 0.0))
MOVED = Grid(PELVIS.size, PELVIS.spacing_mm, (-140.0, -54.0, -46.0), PELVIS.direction)
ROTATED = Grid(PELVIS.size, PELVIS.spacing_mm, PELVIS.origin_mm, TURNED)
FINER = Grid(PELVIS.size, (2.0, 4.0, 4.0), PELVIS.origin_mm, PELVIS.direction)
LABELS = {
    "half values": (changed((0, 0, 0), 1.5), "not whole"),
    "negative values": (changed((0, 0, 0), -1, np.int16), "-1"),
    "unknown value": (changed((0, 0, 0), 9, np.uint8), "unknown label values 9"),
    "not a number": (changed((0, 0, 0), np.nan), "NaN"),
    "an image": (lambda study: "image.nii.gz", "unknown label values"),
    "empty": (labels(np.zeros(PELVIS.size)), "no head"),
    "lesion alone": (labels(head(PELVIS, RIGHT) * 2), "no head|empty head"),
    "lesion outside the head": (changed((1, 1, 60), 2, np.uint8), "lesion outside the head"),
    "moved by half a voxel": (labels(grid=MOVED), "(?s)origin.*`resample_labels`"),
    "rotated": (labels(grid=ROTATED), "(?s)direction.*`resample_labels`"),
    "other spacing": (labels(grid=FINER), "(?s)spacing.*`resample_labels`"),
    "both hips": (labels(both_heads().array), "two heads"),
    "the other hip": (labels(head(PELVIS, LEFT, 20.0)), "labelled R and lies in the other half"),
    "truncated": (cut_file("bad.nii.gz"), "cannot be read"),
    "a DICOM image": (lambda study: "series/IM0001.dcm", r"IM0001\.dcm"),
    "text": (raw("bad.nrrd", b"head: 1"), "is not one of"),
}


@pytest.mark.parametrize("name", LABELS)
def test_bad_label_is_refused_by_name(study, name):
    make, match = LABELS[name]
    with pytest.raises(OnfhError, match=match):
        converted(study, "image.nii.gz", make(study))
    assert not list((study / "work").rglob("*.*"))


def test_one_head_for_two_hips_is_refused(study):
    with pytest.raises(OnfhError, match="no second"):
        converted(study, "image.nii.gz", side="B")


def big_endian_dicom(study):
    for number, file in enumerate(write_series(study / "odd", noise())):
        plain = dcmread(file)
        plain.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        plain.PixelData = noise().array[number].astype(">i2").tobytes()
        odd = FileDataset(file, dict(plain), file_meta=plain.file_meta, is_implicit_VR=False, is_little_endian=False)
        odd.save_as(file, enforce_file_format=True)
    return "odd"


def big_endian_nifti(study):
    image = nibabel.Nifti1Image(INTS, AFFINE, nibabel.Nifti1Header(endianness=">"))
    image.set_data_dtype(">i2")
    nibabel.save(image, study / "odd.nii")
    return "odd.nii"


def nifti_2(study):
    nibabel.save(nibabel.Nifti2Image(INTS, AFFINE), study / "odd.nii.gz")
    return "odd.nii.gz"


def odd_path(study):
    folder = study / "Müller's scans; \u201cnew\u201d 股骨"
    folder.mkdir()
    (study / "series").rename(folder / "a b")
    return f"{folder.name}/a b"


def linked(study):
    (study / "series" / "loop").symlink_to(study / "series")
    (study / "series" / "self").symlink_to(study / "series" / "self")
    return "series"


@pytest.mark.filterwarnings("ignore:Expected implicit VR")
@pytest.mark.parametrize(
    "make",
    [
        big_endian_dicom,
        big_endian_nifti,
        nifti_2,
        odd_path,
        linked,
        slices(syntax(ImplicitVRLittleEndian)),
        slices(syntax(RLELossless)),
    ],
)
def test_odd_but_sound_image_is_read(study, make):
    plain = converted(study, "image.nii.gz")
    expected = Volume.read(plain.image(plain.cases[0]))
    odd = converted(study, make(study))
    image = Volume.read(odd.image(odd.cases[0]))
    assert np.array_equal(image.array, expected.array)
    assert odd.sha256 == plain.sha256


def test_table_of_a_spreadsheet_is_read(study):
    text = "\ufeffpatient_id;image;side;label\r\np;series;R;label.nii.gz\r\n"
    Path(study / "cohort.csv").write_bytes(text.encode())
    assert len(convert(study / "cohort.csv", Workspace(study / "work")).dataset.cases) == 1
