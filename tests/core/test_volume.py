import gzip
import itertools
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from onfh_nnunet.core.errors import GeometryError, GridMismatch, ReadError
from onfh_nnunet.core.grid import Grid, direction_of, same_grid
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))  # array axes z, y, x along head, back, left


def oblique(order=(0, 1, 2), signs=(1, 1, 1), angle=0.0, size=(7, 9, 11), spacing=(1.5, 0.75, 1.25)):
    turned = Rotation.from_euler("x", angle, degrees=True).as_matrix() @ np.array(IDENTITY)
    direction = turned[:, order] * np.array(signs)
    return Grid(size, spacing, (-12.5, 3.0, 40.25), direction_of(direction))


grids = st.builds(
    oblique,
    st.sampled_from(list(itertools.permutations(range(3)))),
    st.tuples(*[st.sampled_from([-1, 1])] * 3),
    st.floats(-40, 40),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.floats(0.3, 5)] * 3),
)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"size": (0, 1, 1)}, "size"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "spacing"),
        ({"spacing_mm": (1.0, float("nan"), 1.0)}, "spacing"),
        ({"origin_mm": (float("inf"), 0.0, 0.0)}, "origin"),
        ({"direction": ((1.0, 0.1, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))}, "not perpendicular"),
    ],
)
def test_impossible_grid_is_refused(change, match):
    good = {"size": (1, 2, 3), "spacing_mm": (1.0, 1.0, 1.0), "origin_mm": (0.0, 0.0, 0.0), "direction": IDENTITY}
    with pytest.raises(GeometryError, match=match):
        Grid(**(good | change))


@given(grids)
def test_index_and_position_are_inverse(grid):
    index = np.array([[0, 0, 0], [1, 2, 3], [5.5, -2, 0.25]])
    assert np.allclose(grid.to_index(grid.to_mm(index)), index, atol=1e-6)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_written_volume_is_read_on_the_same_grid(tmp_path, suffix, order):
    grid = oblique(order, (1, -1, 1), 23)
    volume = Volume(np.arange(7 * 9 * 11, dtype=np.int16).reshape(grid.size), grid)
    volume.write(tmp_path / f"v{suffix}")
    again = Volume.read(tmp_path / f"v{suffix}")
    same_grid("v", again.grid, grid)
    assert np.array_equal(again.array, volume.array)
    assert again.array.dtype == np.int16


def test_position_of_a_written_voxel_agrees_with_nibabel(tmp_path):
    import nibabel

    grid = oblique((2, 0, 1), (1, -1, -1), 17)
    Volume(np.zeros(grid.size, np.uint8), grid).write(tmp_path / "v.nii.gz")
    affine = nibabel.load(tmp_path / "v.nii.gz").affine  # x, y, z index to RAS
    ras = affine @ [3, 5, 2, 1]
    assert np.allclose(grid.to_mm((2, 5, 3)), [-ras[0], -ras[1], ras[2]], atol=1e-3)


def test_volume_is_read_only():
    volume = Volume(np.zeros((7, 9, 11)), oblique())
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1


def test_volume_of_another_shape_is_refused():
    with pytest.raises(GeometryError, match="shape"):
        Volume(np.zeros((1, 2, 3)), oblique())


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (oblique(size=(7, 9, 12)), "size"),
        (oblique(spacing=(1.5, 0.75, 1.3)), "spacing"),
        (oblique(signs=(1, 1, -1)), "direction"),
        (Grid((7, 9, 11), (1.5, 0.75, 1.25), (-12.5, 3.0, 40.75), IDENTITY), "origin"),
    ],
)
def test_other_grid_is_named(other, match):
    with pytest.raises(GridMismatch, match=match):
        same_grid("P001_R", other, oblique())


def test_mask_without_spacing_is_refused(tmp_path):
    import nibabel

    image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), None)
    image.header["pixdim"][1:4] = 0
    nibabel.save(image, tmp_path / "bare.nii.gz")
    with pytest.raises(GeometryError, match="does not state its spacing"):
        Volume.read(tmp_path / "bare.nii.gz")
    (tmp_path / "bare.nrrd").write_bytes(
        b"NRRD0004\ntype: uint8\ndimension: 3\nspace: LPS\nsizes: 2 2 2\nencoding: raw\n\n" + bytes(8)
    )
    with pytest.raises(GeometryError, match="without a spacing"):
        Volume.read(tmp_path / "bare.nrrd")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_truncated_file_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(0).normal(size=(20, 20, 20))
    Volume(noise, oblique(size=(20, 20, 20))).write(tmp_path / f"whole{suffix}")
    whole = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match="cannot be read"):
        Volume.read(tmp_path / f"cut{suffix}")


def test_gzip_of_several_members_is_read_whole(tmp_path):
    volume = Volume(np.arange(7 * 9 * 11, dtype=np.int16).reshape(7, 9, 11), oblique())
    volume.write(tmp_path / "plain.nii")
    raw = (tmp_path / "plain.nii").read_bytes()
    half = len(raw) // 2
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(raw[:half]) + gzip.compress(raw[half:]) + bytes(8))
    assert np.array_equal(Volume.read(tmp_path / "v.nii.gz").array, volume.array)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("n", [-11, 12, 32767])
def test_header_of_other_voxels_than_the_file_holds_is_refused(tmp_path, n, compress):
    Volume(np.zeros((7, 9, 11), np.int16), oblique()).write(tmp_path / "v.nii")
    raw = bytearray((tmp_path / "v.nii").read_bytes())
    raw[42:44] = struct.pack("<h", n)  # dim[1], of x
    (tmp_path / "v.nii").write_bytes(compress(raw))
    with pytest.raises(ReadError, match=r"cannot be read \(it holds \d+ bytes, expected"):
        Volume.read(tmp_path / "v.nii")


@pytest.mark.parametrize("place", [-1, -6, 0.5])
def test_damaged_gzip_is_refused(tmp_path, place):
    noise = np.random.default_rng(0).integers(0, 99, (20, 20, 20)).astype(np.int16)
    Volume(noise, oblique(size=(20, 20, 20))).write(tmp_path / "v.nii.gz")
    raw = bytearray((tmp_path / "v.nii.gz").read_bytes())
    raw[place if place < 0 else int(place * len(raw))] ^= 1  # its length, its checksum, its voxels
    (tmp_path / "v.nii.gz").write_bytes(raw)
    with pytest.raises(ReadError, match="cannot be read"):
        Volume.read(tmp_path / "v.nii.gz")


@pytest.mark.parametrize("order", "<>")
def test_scaled_voxels_and_either_byte_order_are_read(tmp_path, order):
    import nibabel

    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(np.int16)
    image = nibabel.Nifti1Image(stored, np.diag([1.0, 2.0, 3.0, 1.0]), header)
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "v.nii.gz")
    read = Volume.read(tmp_path / "v.nii.gz")
    assert np.array_equal(read.array, stored.T * 0.5 - 3)
    assert read.array.dtype.isnative


def test_foreign_and_absent_files_are_refused(tmp_path):
    (tmp_path / "v.png").write_bytes(b"\x89PNG")
    with pytest.raises(ReadError, match="is not one of NIfTI"):
        Volume.read(tmp_path / "v.png")
    (tmp_path / "short.nii.gz").write_bytes(b"no header")
    with pytest.raises(ReadError, match="is not one of NIfTI"):
        Volume.read(tmp_path / "short.nii.gz")
    with pytest.raises(ReadError, match="does not exist"):
        Volume.read(tmp_path / "absent.nii.gz")


def test_voxels_that_are_no_numbers_are_refused(tmp_path):
    array = np.zeros((7, 9, 11), np.float32)
    array[1, 2, 3] = np.nan
    Volume(array, oblique()).write(tmp_path / "nan.nii.gz")
    with pytest.raises(ReadError, match="NaN"):
        Volume.read(tmp_path / "nan.nii.gz")


@given(grids, st.booleans(), st.integers(0, 2**32 - 1))
def test_hip_goes_back_to_where_it_was_cut(grid, mirrored, seed):
    rng = np.random.default_rng(seed)
    scan = Volume(rng.integers(1, 1000, grid.size), grid)
    centre = grid.to_mm(rng.uniform(0, np.array(grid.size) - 1))
    cut = HipCrop.around(grid, centre, mirrored=mirrored, box_mm=6.0)
    hip = cut.extract(scan)
    back = cut.restore(hip.array)
    inside = back > 0
    assert inside.sum() == hip.array.size
    assert np.array_equal(back[inside], scan.array[inside])


@given(grids)
def test_cut_runs_to_head_back_and_left_and_keeps_positions(grid):
    scan = Volume(np.arange(np.prod(grid.size)).reshape(grid.size), grid)
    cut = HipCrop.whole(grid)
    hip = cut.extract(scan)
    columns = np.array(hip.grid.direction)
    assert columns[2, 0] > 0.5
    assert columns[1, 1] > 0.5
    assert columns[0, 2] > 0.5
    index = tuple(n // 2 for n in hip.grid.size)
    source = np.rint(grid.to_index(hip.grid.to_mm(index))).astype(int)
    assert hip.array[index] == scan.array[tuple(source)]


@given(grids)
def test_mirrored_cut_reverses_left_and_right_only(grid):
    scan = Volume(np.arange(np.prod(grid.size)).reshape(grid.size), grid)
    plain = HipCrop.whole(grid).extract(scan).array
    assert np.array_equal(HipCrop.whole(grid, mirrored=True).extract(scan).array, plain[:, :, ::-1])


def test_box_has_the_stated_edge():
    grid = oblique(size=(200, 200, 200), spacing=(1.0, 0.5, 2.0))
    for off in (0.0, 0.2, 0.5, 0.9):
        cut = HipCrop.around(grid, grid.to_mm((100 + off, 100, 100 - off)), mirrored=False, box_mm=40)
        assert sorted(np.array(cut.grid.size) * cut.grid.spacing_mm) == [40, 40, 40]


def test_box_holds_whole_voxels_alone_and_is_centred():
    """No box is larger than it says, so that one that is as large as a network's patch is read at one look."""
    grid = oblique(size=(100, 100, 100), spacing=(3.6, 1.1, 0.7))
    for off in (0.0, 0.3, 0.5, 0.8):
        centre = grid.to_mm((50 + off, 50 - off, 50 + off))
        cut = HipCrop.around(grid, centre, mirrored=False, box_mm=30)
        edges = np.array(cut.grid.size) * cut.grid.spacing_mm
        middle = cut.grid.to_mm((np.array(cut.grid.size) - 1) / 2)
        assert ((edges <= 30) & (edges > 30 - np.array(cut.grid.spacing_mm))).all()
        assert np.linalg.norm(middle - centre) <= np.linalg.norm(grid.spacing_mm) / 2 + 1e-6


def test_cut_outside_the_scan_is_refused():
    with pytest.raises(GeometryError, match="outside the scan"):
        HipCrop.around(oblique(), (500.0, 0.0, 0.0), mirrored=False)
