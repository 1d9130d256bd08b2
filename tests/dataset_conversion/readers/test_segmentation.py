import gzip

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from dataset_conversion.labels.segment_names import read_segment
from dataset_conversion.readers.itksnap import read_names
from dataset_conversion.readers.segmentation import Segment, read_segmentation
from onfh_nnunet.core.errors import GeometryError, LabelError, ReadError
from onfh_nnunet.core.grid import same_grid
from onfh_nnunet.core.image_files import write_image
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import PELVIS, RIGHT, ball, noise, write_series
from tests.helpers.paths import REAL
from tests.helpers.segmentation_files import (
    AXES_OF_SPACE,
    FRAME,
    oblique,
    segment_keys,
    write_dicom_seg,
    write_seg_nrrd,
)

GRID = oblique()
TERMS = "Segmentation category and type~SCT^123037004^Anatomical Structure~SCT^2812003^Head of femur~^^~Anatomic~^^~^^"
ITKSNAP = """\
################################################
# ITK-SnAP Label Description File
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Femoral head"
    2     0  255    0      0.5  0  1    "壊死 (necrosis)"
"""


def real(*parts):
    path = REAL.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {path}: set ONFH_TEST_DATA")
    return path


def boxes():
    """Head and necrosis, two masks (z, y, x) that overlap."""
    head, necrosis = np.zeros((2, *GRID.size), np.uint8)
    head[1:4, 2:6, 2:6] = necrosis[3:5, 4:8, 4:8] = 1
    return head, necrosis


def by_name(segmentation):
    return {segment.name: segmentation.mask(segment) for segment in segmentation.segments}


def whole(segmentation, mask, grid=GRID):
    """A mask of a segmentation that holds fewer planes than the grid, on the grid."""
    first = np.rint(grid.to_index(segmentation.grid.origin_mm)).astype(int)
    same_grid("part", segmentation.grid, grid.part(tuple(first), segmentation.grid.size))
    array = np.zeros(grid.size, bool)
    array[tuple(slice(start, start + n) for start, n in zip(first, mask.shape, strict=True))] = mask
    return array


def overlapping(tmp_path, **changes):
    keys = segment_keys(0, "大腿骨頭") | segment_keys(1, "necrosis: left", layer=1, tags=f"TerminologyEntry:{TERMS}|")
    return write_seg_nrrd(tmp_path / "label.seg.nrrd", boxes(), GRID, keys | changes)


def test_segments_of_two_layers_keep_their_names_and_voxels(tmp_path):
    read = read_segmentation(overlapping(tmp_path))
    same_grid("seg", read.grid, GRID)
    assert read.segments == (
        Segment(1, "大腿骨頭", (), 0, 1),
        Segment(1, "necrosis: left", ("SCT:2812003", "Head of femur"), 1, 1),
    )
    for segment, drawn in zip(read.segments, boxes(), strict=True):
        assert np.array_equal(read.mask(segment), drawn)


def test_codes_say_the_side_of_segments_whose_names_do_not(tmp_path):
    """As 3D Slicer and DICOM have it: the laterality modifies the type, or the region that it is in."""
    head, sides = "SCT^2812003^Head of femur", {"Left": "SCT^7771000^Left", "Right": "SCT^24028007^Right"}
    tags = [
        f"TerminologyEntry:any~SCT^1^Anatomical Structure~{head}~{sides['Right']}~any~^^~^^|",
        f"TerminologyEntry:any~SCT^1^Anatomical Structure~{head}~^^~any~{head}~{sides['Left']}|",
    ]
    keys = segment_keys(0, "Segment_1", tags=tags[0]) | segment_keys(1, "Segment_2", layer=1, tags=tags[1])
    slicer = read_segmentation(write_seg_nrrd(tmp_path / "label.seg.nrrd", boxes(), GRID, keys))

    def change(dataset):
        for segment, side, (kind, modifier) in zip(dataset.SegmentSequence, ("Right", "Left"), MODIFIED, strict=True):
            (code,) = segment.SegmentedPropertyTypeCodeSequence
            code.CodeValue, code.CodeMeaning = "2812003", "Head of femur"
            if kind not in segment:
                setattr(segment, kind, [coded("2812003", "Head of femur")])
            setattr(getattr(segment, kind)[0], modifier, [coded("7771000" if side == "Left" else "24028007", side)])

    masks = np.stack(boxes(), axis=-1)
    dicom = read_segmentation(write_dicom_seg(tmp_path, masks, GRID, ["Segment_1", "Segment_2"], change=change))
    for read in (slicer, dicom):
        said = [read_segment(segment) for segment in read.segments]
        assert [(one.meaning, one.side) for one in said] == [("head", "R"), ("head", "L")]


def coded(value, meaning):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


MODIFIED = (
    ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence"),
    ("AnatomicRegionSequence", "AnatomicRegionModifierSequence"),
)


def test_older_files_number_their_layers_by_segment(tmp_path):
    gone = {f"Segment{index}_{field}": None for index in (0, 1) for field in ("Layer", "LabelValue", "Name", "Tags")}
    read = read_segmentation(overlapping(tmp_path, **gone))
    assert read.segments == (Segment(1, "Segment_1", (), 0, 1), Segment(1, "Segment_2", (), 1, 1))


@pytest.mark.parametrize("space", AXES_OF_SPACE)
def test_every_patient_space_becomes_lps(tmp_path, space):
    head, _ = boxes()
    read = read_segmentation(write_seg_nrrd(tmp_path / "x.nrrd", [head], GRID, segment_keys(0, "head"), space=space))
    same_grid(space, read.grid, GRID)
    assert np.array_equal(by_name(read)["head"], head)


def test_kind_is_told_by_content(tmp_path):
    assert [s.name for s in read_segmentation(overlapping(tmp_path).rename(tmp_path / "a.nii.gz")).segments][1:]
    head, _ = boxes()
    seg = write_dicom_seg(tmp_path, head, GRID, ["head"]).rename(tmp_path / "b.seg.nrrd")
    assert by_name(read_segmentation(seg)).keys() == {"head"}
    write_image(tmp_path / "c.nrrd", head, GRID)
    assert read_segmentation(tmp_path / "c.nrrd").segments == (Segment(1, "", (), 0, 1),)


def test_folder_with_one_segmentation_beside_its_scan(tmp_path):
    head, _ = boxes()
    folder = write_dicom_seg(tmp_path / "one", head, GRID, ["head"]).parent
    write_series(folder, noise(GRID))
    assert by_name(read_segmentation(folder))["head"].sum() == head.sum()
    (folder / "again.dcm").write_bytes((folder / "seg.dcm").read_bytes())
    with pytest.raises(
        ReadError, match=r"folder with 2 DICOM SEG or RTSTRUCT files: again\.dcm, seg\.dcm, expected one"
    ):
        read_segmentation(folder)
    with pytest.raises(ReadError, match="folder with 0 DICOM SEG or RTSTRUCT files, expected one"):
        read_segmentation(tmp_path / "one" / "scan")


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
@pytest.mark.parametrize("omit", [True, False])
def test_overlapping_dicom_segments_on_an_oblique_grid(tmp_path, kind, omit):
    drawn = np.stack(boxes(), axis=-1)
    file = write_dicom_seg(tmp_path, drawn, GRID, ["head", "necrosis"], kind, omit_empty_frames=omit)
    read = read_segmentation(file)
    assert read.frame_of_reference == FRAME
    assert read.grid.size[0] == (4 if omit else 6)
    assert [(s.number, s.codes) for s in read.segments] == [
        (1, ("SCT:272673000", "Bone")),
        (2, ("SCT:272673000", "Bone")),
    ]
    for name, mask in zip(("head", "necrosis"), boxes(), strict=True):
        assert np.array_equal(whole(read, by_name(read)[name]), mask)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_planes_without_frames_are_empty(tmp_path, kind):
    array = np.zeros(GRID.size, np.uint8)
    array[1, 2:5, 3:7], array[4, 3:6, 2:5] = 1, 2
    read = read_segmentation(write_dicom_seg(tmp_path, array, GRID, ["head", "necrosis"], kind))
    assert read.grid.size[0] == 4
    for value, name in enumerate(("head", "necrosis"), start=1):
        assert np.array_equal(whole(read, by_name(read)[name]), array == value)


def test_label_map_segmentation_with_a_gap_in_its_numbers(tmp_path):
    array = np.zeros(GRID.size, np.uint8)
    array[1:4, 2:6, 2:6], array[2, 3:5, 3:5] = 1, 5
    read = read_segmentation(write_dicom_seg(tmp_path, array, GRID, ["head", "necrosis"], "LABELMAP", numbers=[1, 5]))
    assert [str(segment) for segment in read.segments] == ["1 head", "5 necrosis"]
    assert np.array_equal(whole(read, read.layers[0]), array > 0)
    assert np.array_equal(whole(read, by_name(read)["necrosis"]), array == 5)


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("BINARY", DeflatedExplicitVRLittleEndian),
        ("LABELMAP", DeflatedExplicitVRLittleEndian),
        ("LABELMAP", RLELossless),
        ("FRACTIONAL", RLELossless),
    ],
)
def test_compressed_segmentation_equals_the_plain_one(tmp_path, kind, syntax):
    array = np.stack(boxes(), axis=-1) if kind == "FRACTIONAL" else boxes()[0] * np.uint8(1)
    names = ["head", "necrosis"] if kind == "FRACTIONAL" else ["head"]
    file = write_dicom_seg(tmp_path, array, GRID, names, kind)
    plain, dataset = read_segmentation(file), pydicom.dcmread(file)
    if syntax.is_encapsulated:
        dataset.compress(syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "packed.dcm")
    packed = read_segmentation(tmp_path / "packed.dcm")
    assert packed.segments == plain.segments
    same_grid("packed", packed.grid, plain.grid)
    assert all(np.array_equal(one, other) for one, other in zip(packed.layers, plain.layers, strict=True))


def test_single_bits_in_rle_are_refused(tmp_path):
    def packed(dataset):
        dataset.file_meta.TransferSyntaxUID = RLELossless
        dataset.PixelData = encapsulate([bytes(64)] * int(dataset.NumberOfFrames))
        dataset["PixelData"].is_undefined_length = True

    file = write_dicom_seg(tmp_path, boxes()[0], GRID, ["head"], change=packed)
    with pytest.raises(ReadError, match="voxels of one bit in RLE Lossless, which is not read"):
        read_segmentation(file)


def test_described_segment_without_a_frame_is_empty(tmp_path):
    head, nothing = boxes()[0], np.zeros(GRID.size, np.uint8)
    read = read_segmentation(write_dicom_seg(tmp_path, np.stack([head, nothing], -1), GRID, ["head", "necrosis"]))
    assert not by_name(read)["necrosis"].any()
    assert np.array_equal(whole(read, by_name(read)["head"]), head)


def test_thickness_is_never_the_spacing(tmp_path):
    def forget(dataset):
        del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices

    head, _ = boxes()
    read = read_segmentation(write_dicom_seg(tmp_path / "many", head, GRID, ["head"], change=forget))
    assert read.grid.spacing_mm[0] == pytest.approx(2.5, abs=1e-3)
    head[2:] = 0
    with pytest.raises(GeometryError, match="single plane and no SpacingBetweenSlices"):
        read_segmentation(write_dicom_seg(tmp_path / "one", head, GRID, ["head"], change=forget))


def shifted(millimetres):
    def change(dataset):
        item = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
        item.ImagePositionPatient = [
            round(value + step, 6) for value, step in zip(item.ImagePositionPatient, millimetres, strict=True)
        ]

    return change


@pytest.mark.parametrize(
    ("step", "match"),
    [
        (np.array(GRID.direction)[:, 0] * 0.6, "no regular stack with SpacingBetweenSlices 2.5"),
        (np.array(GRID.direction)[:, 2] * 0.09, "frames up to 0.09 mm beside their place"),
    ],
)
def test_frame_beside_its_plane_is_refused(tmp_path, step, match):
    with pytest.raises(GeometryError, match=match):
        read_segmentation(write_dicom_seg(tmp_path, boxes()[0], GRID, ["head"], change=shifted(step)))


def test_fraction_is_refused(tmp_path):
    array = boxes()[0][..., None] * np.float32(1)
    array[2, 3, 3] = 0.5
    file = write_dicom_seg(tmp_path, array, GRID, ["head"], "FRACTIONAL", max_fractional_value=200)
    with pytest.raises(LabelError, match=r"FRACTIONAL segmentation with 3 values from 0 to 200.*export it as BINARY"):
        read_segmentation(file)


def test_dicom_that_is_no_segmentation_is_named(tmp_path):
    with pytest.raises(ReadError, match="DICOM of class MR Image Storage, expected a Segmentation"):
        read_segmentation(write_series(tmp_path, noise(GRID))[0])


@pytest.mark.parametrize("keep", [140, 700, -40])
def test_truncated_dicom_segmentation_is_refused(tmp_path, keep):
    file = write_dicom_seg(tmp_path, boxes()[0], GRID, ["head"], omit_empty_frames=False)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ReadError, match=r"seg\.dcm: "):
        read_segmentation(file)


@pytest.mark.parametrize(
    ("changes", "kind", "match"),
    [
        ({"Segment1_Layer": 2}, LabelError, "'necrosis: left' as value 1 of layer 2.*in one of its 2 layers"),
        ({"Segment1_LabelValue": 0}, LabelError, "as value 0 of layer 1, expected a positive value"),
        ({"Segment1_LabelValue": "two"}, LabelError, "as value 'two' of layer '1', expected whole numbers"),
        ({"Segment1_Layer": 0}, LabelError, r"'necrosis: left' \(layer 0, value 1\), expected each with its own"),
        ({"Segment0_ID": None}, LabelError, "has the segments none"),
        ({"Segment1_LabelValue": "1" + "0" * 29}, LabelError, "as value '10*' of layer '1', expected whole numbers"),
        ({"Segment1_LabelValue": "9" * 5000}, LabelError, "as value '9{60}' of layer '1', expected whole numbers"),
        ({"Segment1_Layer": "1" + "0" * 29}, LabelError, "as value '1' of layer '10*', expected whole numbers"),
        ({"Segment1_LabelValue": 300}, LabelError, "as value 300 of layer 1, expected a positive value up to 255"),
        ({"Segment1_LabelValue": 70000}, LabelError, "as value 70000 of layer 1, expected a positive value up to 255"),
        ({"Segmentation_MasterRepresentation": "Fractional labelmap"}, ReadError, "representation 'Fractional label"),
        ({"Segmentation_Extent": "0 10 0 8 0 5"}, ReadError, "old format.*save it again"),
    ],
)
def test_slicer_file_that_cannot_be_meant_is_refused(tmp_path, changes, kind, match):
    with pytest.raises(kind, match=match):
        read_segmentation(overlapping(tmp_path, **changes))


def test_slicer_file_without_a_patient_space_is_refused(tmp_path):
    file = write_seg_nrrd(tmp_path / "x", [boxes()[0]], GRID, segment_keys(0, "head"), space="scanner-xyz")
    with pytest.raises(GeometryError, match=r"has the space .*, expected one of right-anterior-superior"):
        read_segmentation(file)


@pytest.mark.parametrize("keep", [-60, -5, -1, 600])
def test_truncated_slicer_file_is_refused(tmp_path, keep):
    file = overlapping(tmp_path)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ReadError, match=r"label\.seg\.nrrd: (cannot be read|ends before)"):
        read_segmentation(file)


def test_damaged_slicer_file_is_refused(tmp_path):
    file = overlapping(tmp_path)
    start = file.read_bytes().index(b"\n\n") + 12  # behind gzip's header
    for place in range(start, file.stat().st_size):
        damaged = bytearray(file.read_bytes())
        damaged[place] ^= 1
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(ReadError, match=r"cannot be read|ends before"):
            read_segmentation(tmp_path / "damaged")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_labels(tmp_path, kind):
    array = np.zeros(GRID.size, kind)
    array[1, 2:4], array[2, 3] = 1, 200
    write_image(tmp_path / "x.nii.gz", array, GRID)
    read = read_segmentation(tmp_path / "x.nii.gz")
    assert read.segments == (Segment(1, "", (), 0, 1), Segment(200, "", (), 0, 200))
    assert np.array_equal(read.layers[0], array)
    assert read.layers[0].dtype == np.uint8


def test_names_of_values_make_segments_even_of_values_that_no_voxel_has(tmp_path):
    write_image(tmp_path / "x.nii.gz", boxes()[0] * np.uint8(3), GRID)
    read = read_segmentation(tmp_path / "x.nii.gz", {0: "nothing", 2: "necrosis", 3: "head", 900: "other"})
    assert [str(segment) for segment in read.segments] == ["2 necrosis", "3 head", "900 other"]
    assert [int(mask.sum()) for mask in by_name(read).values()] == [0, 48, 0]


def values(*some, kind=np.float32):
    array = np.zeros(GRID.size, kind)
    array[0, 0, : len(some)] = some
    return array


@pytest.mark.parametrize(
    ("array", "kind", "match"),
    [
        (values(1, 1.5), LabelError, "values that are not whole, such as 1.5"),
        (values(1, -1, kind=np.int16), LabelError, "int16 values from -1 to 1, expected labels from 0"),
        (values(1, 7e4), LabelError, "float32 values from 0 to 70000, expected labels from 0 to 65535"),
        (values(1, np.nan), ReadError, "NaN or infinite"),
        (values(1, np.inf), ReadError, "NaN or infinite"),
    ],
)
def test_voxels_that_are_no_labels_are_refused(tmp_path, array, kind, match):
    write_image(tmp_path / "x.nrrd", array, GRID)
    with pytest.raises(kind, match=match):
        read_segmentation(tmp_path / "x.nrrd")


@pytest.mark.parametrize(
    ("image", "match"),
    [
        (sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True), "3 values a voxel"),
        (sitk.GetImageFromArray(np.zeros((2, 4, 5, 6), np.uint8), isVector=False), "4D"),
        (sitk.GetImageFromArray(np.zeros((5, 6), np.uint8)), "2D"),
    ],
)
def test_plain_image_that_is_not_3d_is_refused(tmp_path, image, match):
    sitk.WriteImage(image, str(tmp_path / "x.nrrd"))
    with pytest.raises(ReadError, match=f"{match}.*expected one 3D image"):
        read_segmentation(tmp_path / "x.nrrd")


def test_what_is_no_label_file_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"gone\.nrrd: does not exist"):
        read_segmentation(tmp_path / "gone.nrrd")
    (tmp_path / "text.seg.nrrd").write_text("head")
    with pytest.raises(ReadError, match="is not one of NIfTI, NRRD, MetaImage"):
        read_segmentation(tmp_path / "text.seg.nrrd")
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(bytes(400))[:-9])
    with pytest.raises(ReadError, match=r"cut\.nii\.gz: "):
        read_segmentation(tmp_path / "cut.nii.gz")


def test_names_of_itksnap(tmp_path):
    (tmp_path / "labels.txt").write_text(ITKSNAP, encoding="utf-8")
    assert read_names(tmp_path / "labels.txt") == {1: "Femoral head", 2: "壊死 (necrosis)"}


@pytest.mark.parametrize(
    "lines",
    [
        ("1 femoral head", "2 necrosis"),
        ("# Slicer", "0 background 0 0 0 0", "1 femoral head 128 174 128 255", "2 necrosis 144 238 144 255"),
        ("1,femoral head", '2: "necrosis"'),
    ],
)
def test_names_that_a_person_or_slicer_wrote(tmp_path, lines):
    (tmp_path / "labels.txt").write_text("\r\n".join(lines), encoding="utf-8")
    assert read_names(tmp_path / "labels.txt") == {1: "femoral head", 2: "necrosis"}


@pytest.mark.parametrize(
    ("text", "kind", "match"),
    [
        (ITKSNAP + '2 0 0 0 1 1 1 "lesion"', LabelError, r"value 2 twice: '壊死 \(necrosis\)' and 'lesion'"),
        (
            ITKSNAP + "3 0 0 0 1 1 1 lesion",
            ReadError,
            "in line 8 '3 0 0 0 1 1 1 lesion', expected a value",
        ),
        (ITKSNAP + '3 0 0 0 1 1 1 "lesion', ReadError, "in line 8"),
        ("1\n2 necrosis\n", ReadError, "in line 1 '1'"),
        (ITKSNAP + '3 0 0 0 1 1 "lesion"', ReadError, "in line 8"),
        ('0 0 0 0 0 0 0 "Clear Label"', LabelError, "describes no label"),
        ('65536 0 0 0 1 1 1 "lesion"', LabelError, "in line 1 the value 65536, expected 0 to 65535"),
        ("9" * 30 + ' 0 0 0 1 1 1 "lesion"', LabelError, "in line 1 the value 9{30}, expected 0 to 65535"),
        ("9" * 5000 + ' 0 0 0 1 1 1 "lesion"', LabelError, "in line 1 the value 9{60}, expected 0 to 65535"),
        ("# " * 2**20, ReadError, "has more than 1048576 bytes"),
        ("", LabelError, "describes no label"),
    ],
)
def test_file_of_names_that_is_none(tmp_path, text, kind, match):
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8")
    with pytest.raises(kind, match=match):
        read_names(tmp_path / "labels.txt")


def test_file_of_names_that_cannot_be_read(tmp_path):
    with pytest.raises(ReadError, match="cannot be read"):
        read_names(tmp_path / "gone.txt")
    (tmp_path / "bytes.txt").write_bytes(b'1 0 0 0 1 1 1 "\xff\xfe"')
    with pytest.raises(ReadError, match="is not text in UTF-8"):
        read_names(tmp_path / "bytes.txt")


@pytest.mark.parametrize(("kind", "highest"), [(np.int16, 32767), (np.float32, 65535)])
def test_segment_value_that_no_voxel_of_its_type_can_have_is_refused(tmp_path, kind, highest):
    layers = [np.zeros(boxes()[0].shape, kind)]
    file = write_seg_nrrd(tmp_path / "x", layers, GRID, segment_keys(0, "head", value=highest))
    assert not by_name(read_segmentation(file))["head"].any()
    write_seg_nrrd(file, layers, GRID, segment_keys(0, "head", value=highest + 1))
    with pytest.raises(LabelError, match=f"expected a positive value up to {highest} in one of its 1 layers"):
        read_segmentation(file)


@pytest.mark.real_data
def test_real_slicer_file_equals_its_values():
    file = real("slicerio-segnrrd", "Segmentation.seg.nrrd")
    read, values = read_segmentation(file), sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    same_grid("scan", read.grid, Volume.read(real("slicerio-segnrrd", "CTChest4.nrrd")).grid)
    assert [segment.name for segment in read.segments][::6] == ["ribs", "tissue"]
    assert read.segments[0].codes == ("SCT:113197003", "Rib")
    for value, mask in enumerate(by_name(read).values(), start=1):
        assert np.array_equal(mask, values == value)


@pytest.mark.real_data
def test_real_slicer_layers_that_both_carry_1_stay_apart():
    read = read_segmentation(real("slicerio-segnrrd", "SegmentationOverlapping.seg.nrrd"))
    masks = by_name(read)
    sphere = masks.pop("overlapping sphere")
    alone = by_name(read_segmentation(real("slicerio-segnrrd", "Segmentation.seg.nrrd")))
    assert masks.keys() == alone.keys()
    assert all(np.array_equal(masks[name], alone[name]) for name in alone)
    corners = [(int(found.min()), int(found.max())) for found in sphere.nonzero()]
    assert corners == [(16, 30), (61, 109), (16, 64)]  # the file's Segment7_Extent, z, y, x
    assert (sphere & masks["tissue"]).any()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dicom", "number", "nrrd", "value"),
    [
        ("liver.dcm", 1, "liver_seg.nrrd", 1),
        ("24x38x3/seg", 1, "24x38x3/nrrd/label.nrrd", 1),
        ("23x38x3/seg", 1, "23x38x3/nrrd/label.nrrd", 1),
        ("sparse-labelmap-noppv.dcm", 1, "sparse_labelmap_noppv_seg.nrrd", 1),
        ("sparse-labelmap-ppv5.dcm", 1, "sparse_labelmap_ppv5_seg.nrrd", 1),
        ("partial_overlaps.dcm", 1, "partial_overlaps-1.nrrd", 1),
        ("partial_overlaps.dcm", 2, "partial_overlaps-2.nrrd", 2),
        ("partial_overlaps.dcm", 3, "partial_overlaps-3.nrrd", 3),
        ("partial_overlaps.dcm", 4, "partial_overlaps-1.nrrd", 4),
        ("partial_overlaps.dcm", 5, "partial_overlaps-1.nrrd", 5),
    ],
)
def test_real_dicom_segment_equals_its_nrrd(dicom, number, nrrd, value):
    seg, plain = (read_segmentation(real("dcmqi-dicomseg", name)) for name in (dicom, nrrd))
    same_grid(dicom, seg.grid, plain.grid)
    (ours,) = (seg.mask(segment) for segment in seg.segments if segment.number == number)
    (theirs,) = (plain.mask(segment) for segment in plain.segments if segment.number == value)
    assert theirs.any()
    assert np.array_equal(ours, theirs)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["liver_seg", "spine_seg_label5", "liver_spine_gapped_seg", "liver_spine_seg"])
def test_real_label_map_returns_from_a_dicom_segmentation(tmp_path, name):
    volume = Volume.read(real("dcmqi-dicomseg", f"{name}.nrrd"))
    array = volume.array.astype(np.uint8)
    numbers = [int(value) for value in np.unique(array) if value]
    file = write_dicom_seg(tmp_path, array, volume.grid, list(map(str, numbers)), "LABELMAP", numbers=numbers)
    read = read_segmentation(file)
    same_grid(name, read.grid, volume.grid)
    assert {segment.number: segment.name for segment in read.segments} == {n: str(n) for n in numbers}
    assert np.array_equal(read.layers[0], array)


@pytest.mark.real_data
def test_real_fractional_segmentation_is_binary_or_refused():
    binary = read_segmentation(real("highdicom-seg", "seg_image_ct_binary.dcm"))
    disguised = read_segmentation(real("highdicom-seg", "seg_image_ct_binary_fractional.dcm"))
    assert binary.segments == disguised.segments == (Segment(1, "first segment", ("SCT:272673000", "Bone"), 0, 1),)
    same_grid("seg", disguised.grid, binary.grid)
    assert np.array_equal(disguised.layers[0], binary.layers[0])
    with pytest.raises(LabelError, match="FRACTIONAL segmentation with 3 values from 0 to 128"):
        read_segmentation(real("highdicom-seg", "seg_image_ct_true_fractional.dcm"))


@pytest.mark.real_data
def test_real_single_frame_lies_where_its_header_says():
    read = read_segmentation(real("highdicom-seg", "seg_image_ct_binary_single_frame.dcm"))
    assert read.grid.size == (1, 128, 128)
    assert np.allclose(read.grid.origin_mm, (-158.135803, -179.035797, -75.699997))
    assert read.layers[0].sum() == 1832


def test_voxels_of_no_segment_are_refused(tmp_path):
    """With one wrong digit in its header a lesion would be background, and the hip healthy."""
    head = ball(PELVIS, RIGHT)
    lesion = ball(PELVIS, RIGHT, 10)
    keys = segment_keys(0, "head", 0, 1) | segment_keys(1, "necrosis", 0, 3)
    path = write_seg_nrrd(tmp_path / "a.seg.nrrd", [np.where(lesion, 2, head).astype(np.uint8)], PELVIS, keys)
    with pytest.raises(LabelError, match=r"has voxels of the values 2 in layer 0, and no segment has them"):
        read_segmentation(path)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16])
def test_mask_that_an_integer_header_scales_is_whole(tmp_path, kind):
    """NiBabel saves a mask of floats with the scan's header in steps of 1/255 or 1/65535."""
    head, _ = boxes()
    image = Volume(head.astype(float), GRID).to_nibabel()
    header = image.header.copy()
    header.set_data_dtype(kind)
    nibabel.save(nibabel.Nifti1Image(head.T.astype(float), image.affine, header), tmp_path / "mask.nii.gz")
    read = read_segmentation(tmp_path / "mask.nii.gz")
    assert np.array_equal(read.layers[0], head)


@pytest.mark.parametrize("value", [0.996, 1.00002])
def test_values_beside_a_whole_number_are_refused(tmp_path, value):
    write_image(tmp_path / "a.nrrd", boxes()[0] * value, GRID)
    with pytest.raises(LabelError, match=f"not whole, such as {value}"):
        read_segmentation(tmp_path / "a.nrrd")
