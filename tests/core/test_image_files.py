"""Files of strangers: read whole and rightly, or refused by name, whatever is in them; and what is written is whole."""

import contextlib
import gzip
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from dataset_conversion.readers.segmentation import read_segmentation
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.errors import OnfhError, ReadError, WorkspaceError
from onfh_nnunet.core.image_files import ImageFormat, format_of, read_image, write_image
from onfh_nnunet.core.image_formats.inflate import PADDING_BYTES
from onfh_nnunet.core.image_formats.text_header import HEADER_BYTES
from tests.helpers.segmentation_files import oblique, segment_keys, write_seg_nrrd

GRID = oblique(size=(6, 8, 10))
ARRAY = np.random.default_rng(0).integers(0, 900, GRID.size).astype(np.int16)
COMPRESSED = [".nii.gz", ".nrrd", ".mha"]
RAW_NRRD = (
    b"NRRD0004\ntype: short\ndimension: 3\nsizes: 10 8 6\nspace: LPS\n"
    b"space directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\nendian: little\n\n" + ARRAY.tobytes()
)
RAW_META = (
    b"NDims = 3\nDimSize = 10 8 6\nElementSpacing = 1 1 1\nTransformMatrix = 1 0 0 0 1 0 0 0 1\n"
    b"ElementType = MET_SHORT\nElementDataFile = "
)


def written(path):
    write_image(path, ARRAY, GRID)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_a_flipped_bit_of_compressed_voxels_never_changes_them(tmp_path, suffix):
    whole = written(tmp_path / f"x{suffix}")
    start = {".nii.gz": 0, ".nrrd": whole.index(b"\n\n") + 2 if b"\n\n" in whole else 0, ".mha": 0}[suffix]
    start = whole.index(b"LOCAL\n") + 6 if suffix == ".mha" else start
    places = range(start, len(whole), 2)
    n_refused = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place // 2 % 8
        (tmp_path / f"y{suffix}").write_bytes(damaged)
        try:
            array, grid = read_image(tmp_path / f"y{suffix}")
        except ReadError:
            n_refused += 1
        else:  # some bits mean nothing: gzip's time, the padding of the last byte, codes that no voxel uses
            assert np.array_equal(array, ARRAY)
            assert np.allclose(grid.matrix, GRID.matrix, atol=1e-5)
            assert np.allclose(grid.origin_mm, GRID.origin_mm, atol=1e-4)
    assert n_refused > 0.97 * len(places)


@pytest.mark.parametrize("suffix", [".nii", *COMPRESSED])
def test_a_file_cut_anywhere_is_refused(tmp_path, suffix):
    whole = written(tmp_path / f"x{suffix}")
    for keep in {*range(0, len(whole), 7), *range(len(whole) - 20, len(whole))}:
        (tmp_path / f"y{suffix}").write_bytes(whole[:keep])
        with pytest.raises(OnfhError):
            read_image(tmp_path / f"y{suffix}")


@pytest.mark.parametrize("more", [0, 1, PADDING_BYTES, PADDING_BYTES + 1, 10**6])
@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha", ".nii.gz", "gzip.nrrd", "zlib.mha"])
def test_only_padding_may_follow_the_voxels(tmp_path, suffix, more):
    """A header whose sizes are too small would otherwise be read as it stands."""
    path = tmp_path / f"x{suffix}"
    if suffix in (".nii", ".nii.gz"):
        write_image(tmp_path / "y.nii", ARRAY, GRID)
        raw = (tmp_path / "y.nii").read_bytes() + bytes(more)
        path.write_bytes(gzip.compress(raw) if suffix == ".nii.gz" else raw)
    elif suffix.endswith("nrrd"):
        head, _, data = (RAW_NRRD + bytes(more)).partition(b"\n\n")
        if suffix.startswith("gzip"):
            head, data = head.replace(b"raw", b"gzip"), gzip.compress(data)
        path.write_bytes(head + b"\n\n" + data)
    elif suffix.startswith("zlib"):
        path.write_bytes(b"CompressedData = True\n".join([b"ObjectType = Image\n", RAW_META]) + b"LOCAL\n")
        path.write_bytes(path.read_bytes() + zlib.compress(ARRAY.tobytes() + bytes(more)))
    else:
        path.write_bytes(RAW_META + b"LOCAL\n" + ARRAY.tobytes() + bytes(more))
    if more <= PADDING_BYTES:
        assert np.array_equal(read_image(path)[0], ARRAY)
    else:
        with pytest.raises(ReadError, match=r"more than 512 bytes after its voxels"):
            read_image(path)


def test_what_follows_a_zlib_stream_is_bounded_too(tmp_path):
    data = zlib.compress(ARRAY.tobytes())
    head = b"ObjectType = Image\nCompressedData = True\n"
    (tmp_path / "x.mha").write_bytes(head + RAW_META + b"LOCAL\n" + data + bytes(10**5))
    with pytest.raises(ReadError, match=r"x\.mha: holds more than 512 bytes after its voxels"):
        read_image(tmp_path / "x.mha")
    for more in (PADDING_BYTES, PADDING_BYTES + 1):
        (tmp_path / "x.mha").write_bytes(head + RAW_META + b"LOCAL\n" + data + b"x" * more)
        with contextlib.nullcontext() if more == PADDING_BYTES else pytest.raises(ReadError, match="after its voxels"):
            assert np.array_equal(read_image(tmp_path / "x.mha")[0], ARRAY)
    size = b"CompressedDataSize = %d\n"
    for n, match in ((len(data), "expected"), (len(data) + 1, "expected")):
        extra = bytes(10**5) if n == len(data) else b""
        (tmp_path / "x.mha").write_bytes(head + size % n + RAW_META + b"LOCAL\n" + data + extra)
        with pytest.raises(ReadError, match=match):
            read_image(tmp_path / "x.mha")


@pytest.mark.parametrize("more", [0, 1, PADDING_BYTES, PADDING_BYTES + 20, 10**6, 10**11])
@pytest.mark.parametrize("suffix", COMPRESSED)
def test_zeros_after_the_compressed_voxels_are_bounded(tmp_path, suffix, more):
    path = tmp_path / f"x{suffix}"
    whole = written(path)
    os.truncate(path, len(whole) + more)  # sparse: the disk holds none of them
    if more <= PADDING_BYTES:
        assert np.array_equal(read_image(path)[0], ARRAY)
    else:
        match = r"expected \d+ .CompressedDataSize" if suffix == ".mha" else f"x{suffix}.*more than 512 bytes after"
        with pytest.raises(ReadError, match=match):
            read_image(path)


def test_members_of_a_gzip_file_are_one_stream_and_bounded(tmp_path):
    write_image(tmp_path / "y.nii", ARRAY, GRID)
    raw, path = (tmp_path / "y.nii").read_bytes(), tmp_path / "x.nii.gz"
    members = [gzip.compress(raw[place : place + 400]) for place in range(0, len(raw), 400)]
    bgzip_end = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
    for end in (b"", gzip.compress(b""), bgzip_end, bgzip_end + bytes(PADDING_BYTES)):
        path.write_bytes(b"".join(members) + end)
        assert np.array_equal(read_image(path)[0], ARRAY)
    for end in (bgzip_end * 50_000, bytes(10**7) + bgzip_end, bgzip_end + bytes(PADDING_BYTES + 1 + 16), b"text"):
        path.write_bytes(b"".join(members) + end)
        with pytest.raises(ReadError):
            read_image(path)


@pytest.mark.parametrize("strategy", [zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED, zlib.Z_DEFAULT_STRATEGY])
@pytest.mark.parametrize("level", [0, 9])
@pytest.mark.parametrize("kind", ["noise", "zeros"])
def test_sound_streams_of_any_packing_are_read(tmp_path, kind, level, strategy):
    array = np.random.default_rng(1).integers(-(2**15), 2**15, (20, 200, 200)).astype(np.int16)
    array = array if kind == "noise" else np.zeros_like(array)
    write_image(tmp_path / "y.nii", array, oblique(size=array.shape))
    packing = zlib.compressobj(level, zlib.DEFLATED, 31, 8, strategy)
    (tmp_path / "x.nii.gz").write_bytes(packing.compress((tmp_path / "y.nii").read_bytes()) + packing.flush())
    assert np.array_equal(read_image(tmp_path / "x.nii.gz")[0], array)


BOMBS = """
import resource, sys
from pathlib import Path
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.image_files import read_image
import nibabel, zlib_ng.gzip_ng
read_image(Path("sound.nii.gz"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in ("x.nii.gz", "x.nrrd", "x.mha"):
    try:
        read_image(Path(name))
    except ReadError as error:
        print(error.problem)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory in KiB as Linux states it")
def test_a_bomb_behind_the_voxels_takes_no_memory(tmp_path):
    def bomb(first, wbits):
        deflate = zlib.compressobj(1, wbits=wbits)
        return deflate.compress(first) + b"".join(deflate.compress(bytes(10**7)) for _ in range(40)) + deflate.flush()

    written(tmp_path / "sound.nii.gz")
    write_image(tmp_path / "x.nii", ARRAY, GRID)
    (tmp_path / "x.nii.gz").write_bytes(bomb((tmp_path / "x.nii").read_bytes(), 31))
    head = RAW_NRRD.partition(b"\n\n")[0].replace(b"raw", b"gzip")
    (tmp_path / "x.nrrd").write_bytes(head + b"\n\n" + bomb(ARRAY.tobytes(), 31))
    head = b"ObjectType = Image\nCompressedData = True\n" + RAW_META + b"LOCAL\n"
    (tmp_path / "x.mha").write_bytes(head + bomb(ARRAY.tobytes(), 15))
    done = subprocess.run([sys.executable, "-c", BOMBS], cwd=tmp_path, capture_output=True, text=True, check=True)
    *problems, grown = done.stdout.splitlines()
    assert len(problems) == 3
    assert all("after its voxels" in problem for problem in problems)
    assert int(grown) < 50_000


@pytest.mark.parametrize("size", ["3000 3000 3000", "9999999999 1 1", "99999999 99999999 99999999"])
@pytest.mark.parametrize("encoding", [b"raw", b"gzip"])
def test_sizes_that_a_file_cannot_hold_are_refused_before_memory_is_taken(tmp_path, size, encoding):
    head, _, data = RAW_NRRD.replace(b"10 8 6", size.encode()).replace(b"raw", encoding).partition(b"\n\n")
    (tmp_path / "x.nrrd").write_bytes(head + b"\n\n" + (gzip.compress(data) if encoding == b"gzip" else data))
    with pytest.raises(ReadError, match=r"it holds \d+ bytes, expected"):
        read_image(tmp_path / "x.nrrd")


@pytest.mark.parametrize("encoding", [b"raw", b"gzip"])
def test_an_image_of_more_bytes_than_any_has_is_refused_before_memory_is_taken(tmp_path, encoding):
    head = RAW_NRRD.partition(b"\n\n")[0].replace(b"10 8 6", b"1024 1024 513").replace(b"raw", encoding) + b"\n\n"
    (tmp_path / "x.nrrd").write_bytes(head)
    os.truncate(tmp_path / "x.nrrd", len(head) + 2 * 513 * 2**20)  # sparse: it takes no room
    with pytest.raises(ReadError, match=r"has voxels of 1\.0 GiB, expected at most 1 GiB"):
        read_image(tmp_path / "x.nrrd")


def test_an_image_that_needs_more_memory_than_is_free_is_refused(tmp_path, monkeypatch):
    written(tmp_path / "x.nrrd")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=959))
    with pytest.raises(ReadError, match=r"needs 0\.0 GB of memory, and 0\.0 GB are free"):
        read_image(tmp_path / "x.nrrd")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "x.nii.gz")
    os.mkfifo(tmp_path / "pipe.raw")
    for path in (tmp_path / "x.nii.gz", Path("/dev/zero"), Path("/dev/stdin")):
        for read in (read_image, format_of, content_sha256):
            with pytest.raises(OnfhError, match=r"not a regular file|does not exist|cannot be read"):
                read(path)
    (tmp_path / "x.mhd").write_bytes(RAW_META + b"pipe.raw\n")
    with pytest.raises(ReadError, match="not in its folder"):
        read_image(tmp_path / "x.mhd")


@pytest.mark.parametrize("form", ["mhd", "nhdr"])
@pytest.mark.parametrize(
    "name",
    ["/dev/stdin", "/dev/zero", "../x.raw", "sub/x.raw", "..", ".", "sub", "sub\\x.raw", "C:x.raw", "x.raw\0", "gone"],
)
def test_voxels_beside_a_header_are_a_file_of_its_folder(tmp_path, form, name):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for place in ("x.raw", "in/sub/x.raw"):
        (tmp_path / place).write_bytes(ARRAY.tobytes())
    header = tmp_path / "in" / f"x.{form}"
    text = RAW_NRRD.partition(b"\n\n")[0] + b"\ndata file: " if form == "nhdr" else RAW_META
    header.write_bytes(text + name.encode() + b"\n")
    with pytest.raises(ReadError, match="as the file of its voxels"):
        read_image(header)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_followed_only_within_the_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "real.raw").write_bytes(ARRAY.tobytes())
    (tmp_path / "secret.raw").write_bytes(ARRAY.tobytes())
    header = tmp_path / "in" / "x.mhd"
    header.write_bytes(RAW_META + b"x.raw\n")
    link = tmp_path / "in" / "x.raw"
    link.symlink_to("real.raw")
    assert np.array_equal(read_image(header)[0], ARRAY)
    for target in ("../secret.raw", "/dev/zero", "x.raw"):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(ReadError):
            read_image(header)


HEADERS = [
    b"NRRD0004\n" + b"# \n" * (HEADER_BYTES // 2),
    b"NRRD0004\nspace directions: " + b" " * (HEADER_BYTES - 100) + b"x\n\n",
    b"NRRD0004\nspace directions: " + b"(" * (HEADER_BYTES - 100) + b"\n\n",
    b"NDims =" + b" " * HEADER_BYTES,
    b"NDims = 3\n" + b" = " * (HEADER_BYTES // 4) + b"\nElementDataFile = LOCAL\n",
    b"NDims = 3\n" + b"a" * (2 * HEADER_BYTES),
    b"NRRD",
    b"NRRD0009\n\n",
    b"\x1f\x8b",
    b"\x1f\x8b\x08" + b"\xff" * 999,
    gzip.compress(bytes(344) + b"n+1\0"),
    bytes(344) + b"n+1\0",
    b"",
    b"\0" * 5000,
]


@pytest.mark.parametrize("content", HEADERS, ids=map(str, range(len(HEADERS))))
def test_headers_without_an_end_or_a_beginning_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    for read in (read_image, read_segmentation):
        with pytest.raises(OnfhError):
            read(tmp_path / "x")


def test_formats_are_told_by_content(tmp_path):
    for suffix, kind in ((".nii", ImageFormat.NIFTI), (".nrrd", ImageFormat.NRRD), (".mha", ImageFormat.METAIMAGE)):
        written(tmp_path / f"x{suffix}")
        assert format_of((tmp_path / f"x{suffix}").rename(tmp_path / "x")) is kind
    (tmp_path / "x").write_bytes(gzip.compress(b"a letter"))
    assert format_of(tmp_path / "x") is None


WORDS = [
    b"nan", b"inf", b"-1", b"0", b"1e400", b"9" * 30, b"9" * 5000, b"4294967296", b"%n%n", b"/dev/zero", b"../../x",
    b"LIST", b"\0", b"\xff\xfe", b"none", b"(1,2", b"raw", b"gzip", b"big", b"True", b"1000000", b"(" * 50, b"LOCAL",
    struct.pack("<f", np.inf), struct.pack("<f", np.nan), struct.pack("<q", 2**62), struct.pack("<h", 32767),
]  # fmt: skip


def mutant(chance, whole, head):
    """A file with some of its bytes changed, most of them in its header."""
    data = bytearray(whole)
    for _ in range(chance.choice([1, 1, 2, 4])):
        place = chance.randrange(min(head, len(data)) if chance.random() < 0.8 else len(data))
        match chance.randrange(5):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                word = chance.choice(WORDS)
                data[place : place + chance.choice([1, 4, len(word)])] = word
            case 2:
                del data[place : place + chance.randrange(1, 40)]
            case 3:
                data[place:place] = data[place : place + chance.randrange(1, 200)]
            case _:
                data = data[: chance.randrange(1, len(data))] if chance.random() < 0.2 else data
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "nifti2.nii", "x.nrrd", "raw.nrrd", "x.mha", "raw.mha", "seg"])
def test_mutants_are_refused_by_name_or_read(tmp_path, name):
    """Nothing but a refusal comes out, whatever the bytes; and no voxel that a checksum covers is another one."""
    chance, path = random.Random(name), tmp_path / name
    match name:
        case "seg":
            write_seg_nrrd(path, [ARRAY.astype(np.uint8)] * 2, GRID, segment_keys(0, "head") | segment_keys(1, "n", 1))
        case "nifti2.nii":
            nibabel.save(nibabel.Nifti2Image(ARRAY.T, np.diag([1.0, 2.0, 3.0, 1.0])), path)
        case "raw.nrrd" | "raw.mha":
            sitk.WriteImage(sitk.GetImageFromArray(ARRAY), str(path))
        case _:
            written(path)
    whole = path.read_bytes()
    head = 400 if b"\n\n" not in whole[:3000] else whole.index(b"\n\n")
    for _ in range(250):
        path.write_bytes(mutant(chance, whole, head))
        got = outcome(read_image, path)
        assert isinstance(got, OnfhError) or name != "x.nii.gz" or np.array_equal(got[0], ARRAY)
        for refusal in (got, outcome(read_segmentation, path)):
            assert not isinstance(refusal, OnfhError) or "\n" not in refusal.problem


def outcome(read, path):
    """What is read, or the refusal; any other exception ends the test."""
    try:
        return read(path)
    except OnfhError as error:
        return error


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.image_files import write_image
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
array = np.random.default_rng(0).integers(0, 900, (20, 40, 40)).astype(np.int16)
grid = Grid(array.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
try:
    write_image(Path(sys.argv[1]), array, grid)
except WorkspaceError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no file size limit")
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_an_image_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, suffix):
    before = written(tmp_path / f"x{suffix}")
    command = [sys.executable, "-c", LIMITED, str(tmp_path / f"x{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert {file.name for file in tmp_path.iterdir()} == {f"x{suffix}"}
    assert (tmp_path / f"x{suffix}").read_bytes() == before


@pytest.mark.parametrize("change", ["voxel", "kind", "place"])
def test_what_is_not_read_as_it_was_written_is_no_file(tmp_path, monkeypatch, change):
    write = sitk.WriteImage

    def wrong(image, *args, **options):
        if change == "voxel":
            image[1, 2, 3] += 1
        elif change == "kind":
            image = sitk.Cast(image, sitk.sitkInt32)
        else:
            image.SetOrigin((1.0, 2.0, 3.0))
        write(image, *args, **options)

    monkeypatch.setattr(sitk, "WriteImage", wrong)
    with pytest.raises(WorkspaceError, match="was not written whole"):
        write_image(tmp_path / "x.nii.gz", ARRAY, GRID)
    assert not list(tmp_path.iterdir())
