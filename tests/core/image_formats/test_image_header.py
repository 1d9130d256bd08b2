"""Headers of NRRD and MetaImage are read as ITK reads them, which 3D Slicer and nnU-Net use; NIfTI as ITK writes it."""

import gzip
import itertools
import math
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_conversion.readers.segmentation import read_segmentation
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.errors import GeometryError, OnfhError, ReadError
from onfh_nnunet.core.grid import Grid, same_grid
from onfh_nnunet.core.image_files import read_image, write_image
from onfh_nnunet.core.image_formats.nrrd import NrrdHeader
from onfh_nnunet.core.volume import Volume
from tests.helpers.mask_pairs import TURNS
from tests.helpers.segmentation_files import oblique, segment_keys, write_seg_nrrd

NRRD_TYPES = {
    "int8": "i1", "uchar": "u1", "signed short": "i2", "unsigned short int": "u2", "int": "i4", "uint32_t": "u4",
    "long long int": "i8", "uint64": "u8", "float": "f4", "double": "f8",
}  # fmt: skip
META_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
SPACES = ["right-anterior-superior", "RAS", "left-anterior-superior", "LAS", "Left-Posterior-Superior"]
ROOM = settings(max_examples=300)

lengths = st.floats(0.1, 8)
places = st.tuples(*[st.floats(-500, 500)] * 3)
turns = st.builds(
    lambda angles, order, signs: Rotation.from_euler("xyz", angles).as_matrix()[:, order] * signs,
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.sampled_from(list(itertools.permutations(range(3)))),
    st.tuples(*[st.sampled_from([-1, 1])] * 3),
)
sizes = st.tuples(*[st.integers(1, 5)] * 3)
orders = st.sampled_from("<>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all examples: each writes its files anew."""
    return tmp_path_factory.mktemp("images")


def voxels(size_xyz, dtype, order):
    """Voxels (z, y, x) that differ, in a byte order."""
    return np.arange(7, 7 + math.prod(size_xyz)).reshape(size_xyz[::-1]).astype(order + dtype)


def words(values):
    return " ".join(map(repr, map(float, values)))


def same_as_itk(path, engine):
    """What is read is what ITK reads: voxels, their type, and where each one lies."""
    array, grid = read_image(path)
    image = sitk.ReadImage(str(path), imageIO=engine)
    expected = sitk.GetArrayFromImage(image)
    assert array.dtype == expected.dtype
    assert np.array_equal(array, expected)
    for z, y, x in np.ndindex(2, 2, 2):
        place = image.TransformContinuousIndexToPhysicalPoint((x * 3.0, y * 3.0, z * 3.0))
        assert np.allclose(grid.to_mm((z * 3.0, y * 3.0, x * 3.0)), place, rtol=0, atol=1e-9)


@ROOM
@given(
    sizes,
    st.sampled_from(list(NRRD_TYPES)),
    orders,
    st.sampled_from(SPACES),
    turns,
    st.tuples(*[lengths] * 3),
    places,
    st.sampled_from(["raw", "gzip", "GZ"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_nrrd_in_any_space_is_what_itk_reads(
    folder, size, kind, order, space, turn, spacing, origin, encoding, end, beside
):
    array = voxels(size, NRRD_TYPES[kind], order)
    vectors = " ".join(f"({','.join(map(repr, map(float, column)))})" for column in (turn * spacing).T)
    lines = [
        "NRRD0005", "# a comment: with a colon", "Type: " + kind, "dimension: 3",
        f"space: {space}", f"sizes: {' '.join(map(str, size))}",
        f"space directions: {vectors}", "kinds: domain space ???", f"endian: {'big' if order == '>' else 'little'}",
        f"space origin: ({','.join(map(repr, origin))})", f"encoding: {encoding}", "type:=no field",
    ]  # fmt: skip
    data = array.tobytes() if encoding == "raw" else gzip.compress(array.tobytes())
    if beside:
        lines.append("data file: x.bin")
        (folder / "x.bin").write_bytes(data)
        data = b""
    path = folder / "x.nrrd"
    path.write_bytes((end.join(lines) + 2 * end).encode() + data)
    same_as_itk(path, "NrrdImageIO")


@ROOM
@given(
    sizes,
    st.sampled_from(list(META_TYPES)),
    orders,
    st.sampled_from(["BinaryDataByteOrderMSB", "ElementByteOrderMSB"]),
    st.sampled_from(["TransformMatrix", "Rotation", "Orientation"]),
    st.sampled_from([None, "Offset", "Position", "Origin", "ImagePosition"]),
    st.sampled_from(["ElementSpacing", "ElementSize"]),
    turns,
    st.tuples(*[lengths] * 3),
    places,
    st.sampled_from([" = ", "=", ": "]),  # after the first field, by which the format is recognised
    st.booleans(),
    st.sampled_from(["local", "beside", "after a header", "at the end"]),
)
def test_metaimage_is_what_itk_reads(
    folder, size, kind, order, msb, axes, first, distance, turn, spacing, origin, equals, compressed, place
):
    array = voxels(size, META_TYPES[kind], order)
    data = zlib.compress(array.tobytes()) if compressed else array.tobytes()
    fields = {"ObjectType": "Image", "NDims": "3", "DimSize": " ".join(map(str, size)), msb: str(order == ">")}
    fields |= {distance: words(spacing), "Modality": "MET_MOD_MR", "0008|0005": "ISO_IR 100: x"}
    fields |= {axes: words(turn.T.ravel())}
    fields |= {first: words(origin)} if first else {}
    fields |= {"CompressedData": "True", "CompressedDataSize": str(len(data))} if compressed else {}
    before = b""
    if place in ("after a header", "at the end") and not compressed:
        before, fields["HeaderSize"] = bytes(9), "9" if place == "after a header" else "-1"
    fields |= {"ElementType": kind, "ElementDataFile": "LOCAL" if place == "local" else "x.bin"}
    head = "".join(
        f"{name}{equals if name != 'ObjectType' and '|' not in name else ' = '}{value}\n"
        for name, value in fields.items()
    ).encode()
    path = folder / "x.mha"
    path.write_bytes(head + (data if place == "local" else b""))
    (folder / "x.bin").write_bytes(before + data)
    same_as_itk(path, "MetaImageIO")


@pytest.mark.parametrize(
    ("skip", "before"), [("byte skip: 5", b"12345"), ("line skip: 2", b"1\n23\n"), ("byte skip: -1", b"12")]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_nrrd_voxels_after_skipped_bytes_are_what_itk_reads(tmp_path, skip, before, compressed):
    if compressed and skip.endswith("-1"):
        pytest.skip("refused: see below")
    data = bytes(voxels((2, 3, 4), "i2", "<"))
    if compressed:
        data = before + gzip.compress(data) if skip.startswith("line") else gzip.compress(before + data)
    else:
        data = before + data
    key, _, value = skip.partition(": ")
    same_as_itk(nrrd(tmp_path, data, **{key: value}, encoding="gzip" if compressed else "raw"), "NrrdImageIO")


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz", ".hdr"])
@pytest.mark.parametrize("compressed", [True, False])
def test_every_file_of_itk_is_read_as_written(tmp_path, suffix, compressed):
    array = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.25, 0.75, 2.5))
    image.SetOrigin((-12.5, 3.0, 40.25))
    image.SetDirection(Rotation.from_euler("xyz", (20, 12, -5), degrees=True).as_matrix().ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"x{suffix}"), compressed)
    read, grid = read_image(tmp_path / f"x{suffix}")
    assert np.array_equal(read, array)
    assert np.allclose(grid.to_mm((3, 4, 5)), image.TransformIndexToPhysicalPoint((5, 4, 3)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("n_layers", [1, 2, 5])
def test_layers_and_keys_of_slicer_are_what_itk_reads(tmp_path, n_layers):
    grid = oblique()
    layers = list(2 * np.random.default_rng(n_layers).integers(0, 2, (n_layers, *grid.size)).astype(np.uint8))
    keys = {}
    for index in range(n_layers):
        keys |= segment_keys(index, rf"S\\egment \n {index}: 壊死", layer=index, value=2)
    path = write_seg_nrrd(tmp_path / "x.seg.nrrd", layers, grid, keys)
    image = sitk.ReadImage(str(path), imageIO="NrrdImageIO")
    read = read_segmentation(path)
    expected = sitk.GetArrayFromImage(image).reshape(*grid.size, n_layers)
    assert np.array_equal(np.stack(read.layers, axis=-1), expected)
    header = NrrdHeader.read(path)
    assert header.keys == {key: image.GetMetaData(key) for key in header.keys}
    assert read.segments[0].name == "S\\egment \n 0: 壊死"


def test_voxels_of_layers_beside_their_header_are_part_of_the_content(tmp_path):
    path = write_seg_nrrd(tmp_path / "x.seg.nhdr", [np.ones((6, 9, 11), np.uint8)] * 2, oblique(), {})
    head, _, data = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head + b"\ndata file: x.raw.gz\n")
    (tmp_path / "x.raw.gz").write_bytes(data)
    before = content_sha256(path)
    (tmp_path / "x.raw.gz").write_bytes(gzip.compress(bytes(6 * 9 * 11 * 2)))
    assert content_sha256(path) != before


FIELDS = {
    "type": "short", "dimension": "3", "space": "LPS", "sizes": "2 3 4", "space directions": "(1,0,0) (0,1,0) (0,0,1)",
    "kinds": "domain domain domain", "endian": "little", "encoding": "raw", "space origin": "(0,0,0)",
}  # fmt: skip


def nrrd(tmp_path, data=bytes(48), **changes):
    fields = FIELDS | {name.replace("_", " "): value for name, value in changes.items()}
    text = "NRRD0004\n" + "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None)
    (tmp_path / "x.nrrd").write_bytes(text.encode() + b"\n" + data)
    return tmp_path / "x.nrrd"


@pytest.mark.parametrize(
    ("changes", "kind", "match"),
    [
        ({"type": "block"}, ReadError, "type 'block'"),
        ({"endian": None}, ReadError, "endian None, expected .* little or big"),
        ({"encoding": "bzip2"}, ReadError, "encoding 'bzip2', expected raw or gzip"),
        ({"encoding": "ascii"}, ReadError, "encoding 'ascii', expected raw or gzip"),
        ({"sizes": "2 3"}, ReadError, "dimension 3 and sizes '2 3' do not fit"),
        ({"sizes": "2 3 4.5"}, ReadError, "sizes is '4.5', expected a whole number"),
        ({"sizes": "2 3 0"}, ReadError, r"expected voxels of the size \(2, 3, 0\)"),
        ({"sizes": "2 3 " + "9" * 30}, ReadError, "expected a whole number"),
        ({"sizes": "2 3 " + "9" * 17}, ReadError, r"it holds 48 bytes, expected \d{18}"),
        ({"dimension": "17", "sizes": "1 " * 17}, ReadError, "dimension 17"),
        ({"dimension": "9" * 5000}, ReadError, "dimension is '9+', expected a whole number"),
        ({"space": "left-right-left"}, ReadError, "space is 'left-right-left', expected one of"),
        (
            {"space": None, "space dimension": "3"},
            GeometryError,
            "space not named, expected one of right-ante",
        ),
        ({"space": None, "space directions": None, "spacings": "1 1 1"}, GeometryError, "space not named"),
        ({"space": "scanner-xyz"}, GeometryError, "orientation .space scanner-xyz, expected one of"),
        ({"space": "3D-left-handed"}, GeometryError, "orientation .space 3D-left-handed, expected one of"),
        ({"space units": '"cm" "cm" "cm"'}, GeometryError, "states its lengths in 'cm', expected mm"),
        ({"space units": '"mm" "" "MM"'}, None, ""),
        ({"space directions": "(1,0,0) (0,1,0)"}, ReadError, "expected 3 vectors"),
        ({"space directions": "(1,0) (0,1,0) (0,0,1)"}, ReadError, "expected 3 numbers"),
        ({"space directions": "(1,0,0) (0,1,0) (0,0,1) x"}, ReadError, "expected 3 vectors"),
        ({"space directions": "none (0,1,0) (0,0,1)"}, GeometryError, "spacing"),
        ({"space directions": "(nan,0,0) (0,1,0) (0,0,1)"}, GeometryError, "spacing"),
        ({"space directions": "(inf,0,0) (0,1,0) (0,0,1)"}, GeometryError, "spacing"),
        ({"space directions": "(1,1,0) (0,1,0) (0,0,1)"}, GeometryError, "not perpendicular"),
        ({"space directions": None}, GeometryError, "without a spacing"),
        ({"space origin": "(nan,0,0)"}, GeometryError, "origin"),
        ({"space origin": "(1e999,0,0)"}, GeometryError, "origin"),
        ({"spacings": "1 1 1"}, ReadError, "both a space and spacings"),
        ({"kinds": "domain domain list"}, ReadError, "is 2D with 4 values a voxel"),
        ({"kinds": "domain domain"}, ReadError, "kinds is 'domain domain', expected 3"),
        ({"line skip": "1000000000000"}, ReadError, "line skip"),
        ({"byte skip": "-9"}, ReadError, "byte skip"),
        ({"byte skip": "-1", "encoding": "gzip"}, ReadError, "byte skip is '-1'"),
        ({"byte skip": "40"}, ReadError, "it holds 48 bytes, expected 88"),
        ({"data file": "LIST\nx.raw"}, ReadError, "voxels in several files"),
        ({"space units": '"millimetres" "millimeters" "mm"'}, None, ""),
        ({"kinds": "Domain Space DOMAIN"}, None, ""),
        ({"unheard": "of"}, ReadError, "line 'unheard: of', expected a field or a key"),
        ({"Sizes": "2 3 5"}, ReadError, "states 'sizes' twice"),
        ({"data file": "x.raw"}, ReadError, "which is not in its folder"),
    ],
)
def test_nrrd_header_that_cannot_be_meant_is_refused(tmp_path, changes, kind, match):
    if kind is None:
        same_as_itk(nrrd(tmp_path, **changes), "NrrdImageIO")
        return
    with pytest.raises(kind, match=match):
        read_image(nrrd(tmp_path, **changes))


META = {
    "ObjectType": "Image", "NDims": "3", "DimSize": "2 3 4", "ElementSpacing": "1 1 1", "ElementType": "MET_SHORT",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "kind", "match"),
    [
        ({"NDims": "1000000"}, ReadError, "is 1000000D"),
        ({"NDims": "9" * 40}, ReadError, "NDims is '9+', expected a whole number"),
        ({"DimSize": "2 3"}, ReadError, "DimSize is '2 3', expected 3 whole numbers"),
        ({"DimSize": "2 3 -4"}, ReadError, r"size \(2, 3, -4\)"),
        ({"DimSize": "2 3 99999999999"}, ReadError, "it holds 48 bytes, expected 1199999999988"),
        ({"ElementType": "MET_STRING"}, ReadError, "ElementType 'MET_STRING'"),
        ({"ElementNumberOfChannels": "3"}, ReadError, "3D with 3 values a voxel"),
        ({"ElementSpacing": "1 nan 1"}, GeometryError, "no number"),
        ({"ElementSpacing": "1 inf 1"}, GeometryError, "spacing"),
        ({"ElementSpacing": "1 0 1"}, GeometryError, "spacing"),
        ({"ElementSpacing": None}, GeometryError, "without a spacing"),
        ({"ElementSpacing": None, "elementspacing": "2 2 2"}, GeometryError, "without a spacing"),
        ({"Offset": "1 2 3", "Position": "1 2 4"}, ReadError, "two of Offset, Position, Origin"),
        ({"Offset": "1 2"}, ReadError, "Offset is '1 2', expected 3 numbers"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 2"}, None, ""),  # ITK takes lengths for spacing, too
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 0"}, GeometryError, "spacing"),
        ({"TransformMatrix": None}, GeometryError, "header without TransformMatrix, Rotation, Orientation"),
        ({"DistanceUnits": "um"}, GeometryError, "states its lengths in 'um', expected mm"),
        ({"DistanceUnits": "?"}, None, ""),
        ({"BinaryData": "False"}, ReadError, "as text"),
        ({"BinaryDataByteOrderMSB": "maybe"}, ReadError, "expected True or False"),
        ({"CompressedData": "True"}, ReadError, "cannot be read"),
        ({"HeaderSize": "-2"}, ReadError, "HeaderSize is -2"),
        ({"HeaderSize": "3"}, ReadError, "HeaderSize is 3"),
        ({"ElementDataFile": "LIST\nx.raw"}, ReadError, "in several files"),
        ({"ElementDataFile": "x%03d.raw 1 4 1"}, ReadError, "in several files"),
        ({"ElementDataFile": "%n%n%n 1 4 1"}, ReadError, "in several files"),
    ],
)
def test_metaimage_header_that_cannot_be_meant_is_refused(tmp_path, changes, kind, match):
    fields = META | {"ElementDataFile": "LOCAL"} | changes
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # the last one
    text = "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)
    (tmp_path / "x.mha").write_bytes(text.encode() + bytes(48))
    if kind is None:
        same_as_itk(tmp_path / "x.mha", "MetaImageIO")
        return
    with pytest.raises(kind, match=match):
        read_image(tmp_path / "x.mha")


def nifti(path, change, kind=nibabel.Nifti1Image):
    image = kind(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0]))
    raw = bytearray(image.to_bytes())
    header = kind.header_class(bytes(raw[: kind.header_class.sizeof_hdr]), check=False)
    for name, value in change.items():
        header.structarr[name] = value
    raw[: header.sizeof_hdr] = header.binaryblock
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"vox_offset": 0}, "has its voxels at byte 0, expected (352|544) or a later one"),
        ({"vox_offset": 348}, "has its voxels at byte 348, expected (352|544) or a later one"),
        ({"vox_offset": -352}, "has its voxels at byte -352, expected (352|544) or a later one"),
        ({"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]}, r"it holds \d+ bytes, expected"),
        ({"dim": [3, 2, 3, 0, 1, 1, 1, 1]}, "size"),
        ({"dim": [3, 2, 3, -4, 1, 1, 1, 1]}, "size"),
        ({"dim": [7, 2, 3, 4, 1, 1, 1, 2]}, "is 7D"),
        ({"xyzt_units": 5}, r"unknown unit .xyzt_units 5., expected mm"),
        ({"dim": [9, 2, 3, 4, 1, 1, 1, 2]}, "dim does not begin with 1 to 7"),
        ({"datatype": 1792, "bitpix": 128}, "is 3D of complex128, expected one 3D image"),
        ({"datatype": 128, "bitpix": 24}, "is 3D of RGB colours, expected one 3D image"),
        ({"datatype": 77}, "datatype is 77, which NIfTI does not have"),
        ({"scl_slope": np.nan, "sform_code": 2}, None),
        ({"scl_inter": np.nan, "scl_slope": 1}, "scales its voxels by 1 and nan"),
        ({"pixdim": [1, 1, 2, 6, 1, 1, 1, 1]}, "has pixdim .* and an sform of steps .*, expected the same"),
        ({"pixdim": [1, 1, 2, 3.05, 1, 1, 1, 1], "xyzt_units": 1}, "has pixdim .*, expected the same"),
        ({"scl_slope": np.inf}, "scales its voxels by inf"),
        ({"scl_inter": -np.inf}, "scales its voxels by .* and -inf"),
        ({"scl_slope": 3e38, "scl_inter": 3e38, "sform_code": 2}, None),
        ({"pixdim": [1, 1, np.nan, 3, 1, 1, 1, 1]}, "spacing"),
        ({"pixdim": [1, 1, np.inf, 3, 1, 1, 1, 1], "sform_code": 0, "qform_code": 1}, "spacing|cannot be read"),
        ({"srow_x": [np.nan, 0, 0, 0]}, "spacing|mm apart"),
        ({"srow_x": [1, 0, 0, np.inf]}, "origin|mm apart"),
        ({"quatern_b": 9, "qform_code": 1}, r"the quaternion 9, 0, 0 of its qform is longer than 1"),
        ({"magic": b"ni1"}, r"is the \.hdr file of a NIfTI pair, and x.*\.img is not in its folder"),
    ],
)
def test_nifti_header_that_cannot_be_meant_is_refused(tmp_path, suffix, kind, change, match):
    if kind is nibabel.Nifti2Image and "magic" in change:
        change = {"magic": b"ni2\0\r\n\x1a\n"}
    path = nifti(tmp_path / f"x{suffix}", change, kind)
    if match is None:
        assert np.isfinite(read_image(path)[0]).all()
        return
    with pytest.raises(OnfhError, match=match):
        read_image(path)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 352.5, 3e38])
def test_voxel_offset_of_nifti_1_that_is_no_place_in_the_file(tmp_path, value):
    with pytest.raises(ReadError, match=r"vox_offset|cannot be read: it is damaged|it holds \d+ bytes"):
        read_image(nifti(tmp_path / "x.nii", {"vox_offset": value}))


UNITS = {"mm": 1.0, "meter": 1e-3, "micron": 1e3, "unknown": 1.0}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nifti_lies_where_itk_puts_it_whatever_its_unit(tmp_path, unit, kind):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (20, 12, -5), degrees=True).as_matrix() * (1.25, 0.75, 2.5)
    affine[:3, 3] = -12.5, 3.0, 40.25
    affine[:3] *= UNITS[unit]
    image = kind(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    image.header.set_xyzt_units(unit)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    nibabel.save(image, tmp_path / "x.nii")
    _, grid = read_image(tmp_path / "x.nii")
    assert np.allclose(grid.spacing_mm, (2.5, 0.75, 1.25), rtol=1e-6)
    place = np.array([-1, -1, 1]) * (affine[:3] @ (1, 2, 3, 1)) / UNITS[unit]
    assert np.allclose(grid.to_mm((3, 2, 1)), place, rtol=0, atol=1e-4)
    if unit != "unknown" and kind is nibabel.Nifti1Image:
        itk = sitk.ReadImage(str(tmp_path / "x.nii"))
        assert np.allclose(place, itk.TransformIndexToPhysicalPoint((1, 2, 3)), rtol=0, atol=1e-3)


def test_nifti_of_itk_lies_where_it_was_written_in_every_storage_order(tmp_path):
    """Half turns among them: the quaternion's first part is then the root of a rounding error."""
    for number, (order, signs) in enumerate(TURNS):
        direction = tuple(map(tuple, (np.eye(3)[list(order)] * signs).tolist()))
        grid = Grid((2, 180, 250), (1.0, 1.25, 1.25), (-150.503, -31.867, 172.016), direction)
        path = tmp_path / f"{number}.nii.gz"
        write_image(path, np.zeros(grid.size, np.uint8), grid)
        same_grid("read again", read_image(path)[1], grid)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("form", ["qform", "sform"])
def test_nifti_header_is_what_nibabel_reads(tmp_path, kind, order, form):
    rng = np.random.default_rng(11)
    for number, dtype in enumerate(("u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8")):
        affine = np.eye(4)
        mirror = (1, 1, -1) if number % 2 else (1, 1, 1)
        affine[:3, :3] = Rotation.random(random_state=number).as_matrix() * (1.25, 0.75, 2.5) * mirror
        affine[:3, 3] = rng.uniform(-200, 200, 3)
        header = kind.header_class(endianness=order)
        header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
        image = kind(rng.integers(0, 100, (4, 3, 2)).astype(dtype), affine, header)
        image.set_qform(affine, int(form == "qform"))
        image.set_sform(affine, 2 * (form == "sform"))
        if dtype == "i2":
            image.header.set_slope_inter(0.5, -3)
        nibabel.save(image, tmp_path / "x.nii")
        array, grid = read_image(tmp_path / "x.nii")
        expected = Volume.from_nibabel(nibabel.load(tmp_path / "x.nii"))
        assert np.array_equal(array, expected.array)
        assert array.dtype == np.dtype(dtype if dtype != "i2" else float)
        same_grid("nibabel", grid, expected.grid)


@pytest.mark.parametrize("more", [(1,), (1, 1), (1, 1, 1, 1)])
def test_nifti_of_one_volume_has_any_number_of_axes(tmp_path, more):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    nibabel.save(nibabel.Nifti1Image(array.reshape(2, 3, 4, *more), np.diag([1.0, 2.0, 3.0, 1.0])), tmp_path / "x.nii")
    read, grid = read_image(tmp_path / "x.nii")
    assert np.array_equal(read, array.T)
    assert grid.spacing_mm == (3.0, 2.0, 1.0)
    same_grid("nibabel", Volume.from_nibabel(nibabel.load(tmp_path / "x.nii")).grid, grid)


@pytest.mark.parametrize("kinds", [None, "domain domain domain time"])
def test_nrrd_of_one_volume_may_have_a_fourth_axis(tmp_path, kinds):
    directions = "(1,0,0) (0,1,0) (0,0,1) none"
    path = nrrd(
        tmp_path, bytes(range(48)), dimension="4", sizes="2 3 4 1", kinds=kinds, **{"space directions": directions}
    )
    assert read_image(path)[0].tobytes() == bytes(range(48))
    with pytest.raises(ReadError, match="is 4D"):
        read_image(nrrd(tmp_path, dimension="4", sizes="2 3 2 2", kinds=kinds, **{"space directions": directions}))


@pytest.mark.parametrize("name", ["x.img", "x.hdr"])
@pytest.mark.parametrize("endianness", "<>")
def test_analyze_is_refused_for_it_tells_neither_left_nor_right(tmp_path, name, endianness):
    header = nibabel.AnalyzeHeader(endianness=endianness)
    nibabel.save(nibabel.AnalyzeImage(np.zeros((2, 3, 4), np.int16), None, header), tmp_path / "x.img")
    with pytest.raises(GeometryError, match=r"orientation .an Analyze header"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize("names", [("x.hdr", "x.img"), ("x.hdr.gz", "x.img.gz"), ("X.HDR", "X.IMG")])
def test_either_file_of_a_nifti_pair_stands_for_both(tmp_path, kind, names):
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    nibabel.save(kind(array, np.diag([1.0, 2.0, 3.0, 1.0])), tmp_path / names[0].lower())
    for name in names:
        (tmp_path / name.lower()).rename(tmp_path / name)
    for name in names:
        read, grid = read_image(tmp_path / name)
        assert np.array_equal(read, array.T)
        assert grid.spacing_mm == (3.0, 2.0, 1.0)
    first, second = (content_sha256(tmp_path / name) for name in names)
    assert first == second
    (tmp_path / names[1]).unlink()
    with pytest.raises(ReadError, match="is not in its folder"):
        read_image(tmp_path / names[0])


def sheared(shear):
    """A qform, and an sform sheared against it: both (4, 4) of the grid 200 x 90 x 30 at 1.6 x 1.6 x 3 mm."""
    qform = np.eye(4)
    qform[:3, :3] = Rotation.from_euler("x", 20, degrees=True).as_matrix() * (1.6, 1.6, 3.0)
    sform = qform.copy()
    sform[:3, 1] += shear * qform[:3, 2] / 3.0 * 1.6
    return qform, sform


@pytest.mark.parametrize("forms", ["both", "sform"])
@pytest.mark.parametrize("shear", [5e-5, 2e-4, 1e-3, 5e-3])
def test_axes_sheared_by_less_than_a_tenth_of_a_voxel_are_made_perpendicular(tmp_path, shear, forms):
    qform, sform = sheared(shear)
    image = nibabel.Nifti1Image(np.zeros((200, 90, 30), np.uint8), sform)
    image.set_sform(sform, 1)
    image.set_qform(qform, int(forms == "both"))
    nibabel.save(image, tmp_path / "x.nii")
    moved = shear * 89 * 1.6  # mm, at the corners
    if moved > 0.16:
        with pytest.raises(
            GeometryError, match=r"0\.71 mm apart, expected at most 0\.16" if forms == "both" else "perpend"
        ):
            read_image(tmp_path / "x.nii")
        return
    _, grid = read_image(tmp_path / "x.nii")
    places = [np.array([-1, -1, 1]) * (qform[:3] @ (x, y, z, 1)) for z, y, x in ((0, 0, 0), (29, 89, 199))]
    assert np.allclose([grid.to_mm((0, 0, 0)), grid.to_mm((29, 89, 199))], places, rtol=0, atol=moved + 1e-3)
    axes = np.array(grid.direction)
    assert np.allclose(axes.T @ axes, np.eye(3), rtol=0, atol=2e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16])
def test_label_stored_with_a_slope_reads_whole_and_any_other_value_as_it_is(tmp_path, dtype):
    """Nibabel stores floats under an integer header with a slope such as 1/255, rounded to single precision."""
    scan = nibabel.Nifti1Image(np.zeros((2, 3, 4), dtype), np.eye(4))
    for values, whole in (((0, 1), True), ((0, 1, 2), False)):
        array = np.resize(values, (2, 3, 4)).astype(float)
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4), scan.header), tmp_path / "x.nii")
        itk = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "x.nii")))
        read, _ = read_image(tmp_path / "x.nii")
        assert np.allclose(read, itk, rtol=0, atol=1e-6)
        assert (np.unique(read).tolist() == list(values)) is whole  # 0.996 and 1.00002 are stored so, and stay


def test_stock_readers_find_what_was_written(tmp_path):
    """A mask is what it was before ITK's file was read again: codes, forms, spacing and description for any reader."""
    grid = oblique()
    array = np.random.default_rng(3).integers(0, 3, grid.size).astype(np.uint8)
    write_image(tmp_path / "x.nii.gz", array, grid, note="graded by onfh")
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(np.asarray(grid.direction)[:, ::-1].ravel().tolist())
    image.SetMetaData("ITK_FileNotes", "graded by onfh")
    sitk.WriteImage(image, str(tmp_path / "itk.nii.gz"), True)
    ours, itks = (nibabel.load(tmp_path / name) for name in ("x.nii.gz", "itk.nii.gz"))
    assert ours.header.binaryblock == itks.header.binaryblock
    assert gzip.decompress((tmp_path / "x.nii.gz").read_bytes()) == gzip.decompress(
        (tmp_path / "itk.nii.gz").read_bytes()
    )
