"""DICOM files of strangers: each is refused by name, in bounded memory, and ends nothing else."""

import errno
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLosslessSV1, RLELossless

from dataset_conversion.convert import check, convert
from dataset_conversion.discovery.propose import propose
from dataset_conversion.readers import read_scan, read_volume
from dataset_conversion.readers.segmentation import read_segmentation
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.models.model_file import BUNDLED_MODEL
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.workflows.grade import grade_files
from onfh_nnunet.workflows.mask_files import MaskFile
from onfh_nnunet.workflows.memory_limit import MemoryLimit
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Settings
from onfh_nnunet.workflows.prefetch import prefetch
from postprocessing.measurement.landmarks import read_landmarks
from tests.helpers.dicom_files import AXIAL, PELVIS, RIGHT, another, head, noise, write_enhanced, write_series
from tests.helpers.segmentation_files import write_dicom_seg

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's, about what is wrong with the files

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pipes, names in bytes, peak memory")
SMALL = Grid((4, 8, 9), (4.0, 4.0, 4.0), (-142.0, -54.0, -46.0), AXIAL)
LARGE = Grid((3, 60, 72), (4.0, 4.0, 4.0), (-142.0, -54.0, -46.0), AXIAL)
"""Its slices are long enough to be left in the file until they are asked for."""


def series(folder, grid=SMALL, **options):
    return write_series(folder, noise(grid), **options)


def rewritten(file, change):
    dataset = pydicom.dcmread(file)
    change(dataset)
    dataset.save_as(file, enforce_file_format=False)


def with_syntax(uid):
    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = uid

    return change


def nested(depth, *, lengths):
    """A private sequence in a sequence, and so on; with their lengths or with delimiters."""
    content = b""
    if not lengths:
        begin = struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, 2**32 - 1) + struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
        return begin * depth + struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0) * depth
    for _ in range(depth):
        content = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
        content = struct.pack("<HH2sHI", 9, 0x1001, b"SQ", 0, len(content)) + content
    return content


def before_pixels(file, content):
    whole = file.read_bytes()
    place = whole.rindex(b"\xe0\x7f\x10\x00")
    file.write_bytes(whole[:place] + content + whole[place:])


@pytest.mark.parametrize("depth", [500, 5000])
@pytest.mark.parametrize("lengths", [True, False])
def test_deep_sequences_are_read_or_refused(tmp_path, depth, lengths):
    files = series(tmp_path / "s")
    before_pixels(files[2], nested(depth, lengths=lengths).replace(b"\x09\0\x01\x10", b"\x08\0\x40\x11"))
    if lengths:  # what nobody asks for is skipped
        assert np.array_equal(read_volume(tmp_path / "s").array, noise(SMALL).array)
        return
    with pytest.raises(ReadError, match=r"IM0002\.dcm: cannot be read: it is damaged") as caught:
        read_volume(tmp_path / "s")
    assert "Traceback" in caught.value.trace


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ({"PixelSpacing": ["nan", "4"]}, "PixelSpacing is"),
        ({"ImagePositionPatient": ["inf", "0", "0"]}, "ImagePositionPatient is"),
        ({"ImagePositionPatient": ["1e30", "0", "0"]}, "ImagePositionPatient is"),
        ({"RescaleSlope": "nan"}, "RescaleSlope is"),
        ({"RescaleSlope": "1e300", "RescaleIntercept": 0}, "RescaleSlope is"),
        ({"ImagePositionPatient": ["1"] * 9000}, "bytes of ImagePositionPatient"),
        ({"Rows": 0}, "lacks Rows"),
        ({"Rows": 65535, "Columns": 65535}, "bytes of pixels, expected 8589672450"),
        ({"NumberOfFrames": 10**9}, "1000000000 frames"),
        ({"NumberOfFrames": -5}, "-5 frames"),
        ({"BitsAllocated": 64}, "bytes of pixels, expected"),
    ],
)
def test_impossible_attributes_are_refused(tmp_path, tags, match):
    with pydicom.config.disable_value_validation():
        series(tmp_path / "s", **tags)
    with pytest.raises(ReadError, match=match):
        read_scan(tmp_path / "s")


def test_deflated_series_equals_the_plain_one(tmp_path):
    for file in series(tmp_path / "s", LARGE):
        rewritten(file, with_syntax(DeflatedExplicitVRLittleEndian))
    assert np.array_equal(read_volume(tmp_path / "s").array, noise(LARGE).array)


def deflated_bomb(file, megabytes):
    dataset = pydicom.dcmread(file)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(file)
    inflated = pydicom.filereader.read_file_meta_info(file).FileMetaInformationGroupLength + 144
    pack = zlib.compressobj(9, wbits=-15)
    body = b"".join(pack.compress(bytes(2**20)) for _ in range(megabytes)) + pack.flush()
    file.write_bytes(file.read_bytes()[:inflated] + body)


@on_linux
def test_deflated_bomb_is_refused_in_bounded_memory(tmp_path):
    deflated_bomb(series(tmp_path / "s")[0], 400)
    code = (
        "import sys; from pathlib import Path; from dataset_conversion.readers import read_scan\n"
        "try: read_scan(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)\n"
        "status = Path('/proc/self/status').read_text()  # getrusage would count the process that forked this one\n"
        "print(status.split('VmHWM:')[1].split()[0])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s")]
    said, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert "IM0000.dcm: unpacks from" in said
    assert int(peak) < 300_000


def test_compressed_pixels_larger_than_their_file_can_be_are_refused(tmp_path):
    for file in series(tmp_path / "s", PixelSpacing=[0.01, 0.01]):
        rewritten(file, lambda dataset: dataset.compress(RLELossless))
        rewritten(file, lambda dataset: (setattr(dataset, "Rows", 30000), setattr(dataset, "Columns", 30000)))
    with pytest.raises(ReadError, match=r"unpacks from 0\.0 to 6866 MiB"):
        read_scan(tmp_path / "s")


def packed_as(uid, frame):
    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = uid
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"

    return change


NINETY_BITS = bytes.fromhex("ffd8 ffc3 000b 5a 003c 0048 01 01 11 00 ffc4 0014 00 01") + bytes(60)
FRAMES = {"RLE without segments": (RLELossless, bytes(64)), "JPEG of 90 bits": (JPEGLosslessSV1, NINETY_BITS)}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_crash_the_decoder_are_refused_by_name(tmp_path, name):
    files = series(tmp_path / "s", LARGE)
    for file in files:
        rewritten(file, lambda dataset: dataset.compress(RLELossless))
    assert np.array_equal(read_volume(tmp_path / "s").array, noise(LARGE).array)
    rewritten(files[2], packed_as(*FRAMES[name]))
    with pytest.raises(ReadError, match=r"IM0002\.dcm: has pixels that cannot be decoded"):
        read_scan(tmp_path / "s")


@on_linux
@pytest.mark.parametrize("name", ["scan", "slice.dcm"])
def test_pipe_is_never_waited_for(tmp_path, name):
    series(tmp_path / "s")
    os.mkfifo(tmp_path / name)
    for read in (read_scan, content_sha256):
        with pytest.raises(ReadError, match="is not a regular file"):
            read(tmp_path / name)


@on_linux
def test_pipe_among_slices_is_passed_over_unless_it_is_named_like_one(tmp_path):
    series(tmp_path / "s", PELVIS)
    os.mkfifo(tmp_path / "s" / "pipe")
    assert read_volume(tmp_path / "s").grid.size == PELVIS.size
    assert len(content_sha256(tmp_path / "s")) == 64
    assert any("1 entries are devices" in note for note in propose(tmp_path, tmp_path).notes)
    os.mkfifo(tmp_path / "s" / "IM9999.dcm")
    with pytest.raises(ReadError, match=r"IM9999\.dcm: is named like the slices"):
        read_scan(tmp_path / "s")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize("read", [read_scan, content_sha256, lambda folder: propose(folder, folder)])
def test_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch, code, read):
    half = len(series(tmp_path / "s" / "a", PELVIS)) // 2
    (tmp_path / "s" / "b").mkdir()
    for file in sorted((tmp_path / "s" / "a").iterdir())[half:]:
        file.rename(tmp_path / "s" / "b" / file.name)
    read(tmp_path / "s")
    real = os.scandir

    def scandir(path="."):
        if os.fspath(path).endswith("/b"):
            raise OSError(code, os.strerror(code), path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ReadError, match=f"/b: cannot be listed .{os.strerror(code)}"):
        read(tmp_path / "s")


@on_linux
def test_strange_names_are_read(tmp_path):
    for name in (b"caf\xe9", b"m" * 240):
        folder = tmp_path / os.fsdecode(name)
        series(folder, name="x" * 230 + "{:04d}.dcm")
        assert np.array_equal(read_volume(folder).array, noise(SMALL).array)


@on_linux
def test_compressed_files_of_strange_names_are_read(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    for file in series(folder, LARGE):
        rewritten(file, lambda dataset: dataset.compress(RLELossless))
    assert np.array_equal(read_volume(folder).array, noise(LARGE).array)


def test_empty_planes_between_far_frames_are_bounded(tmp_path):
    array = np.zeros(SMALL.size, np.uint8)
    array[1:3, 2:5, 2:6] = 1

    def far_apart(dataset):
        dataset.PerFrameFunctionalGroupsSequence[-1].PlanePositionSequence[0].ImagePositionPatient[2] += 4.0 * 10**8

    file = write_dicom_seg(tmp_path, array, SMALL, ["head"], change=far_apart)
    with pytest.raises(OnfhError, match=r"seg\.dcm"):
        read_segmentation(file)


def test_one_bad_scan_and_one_bad_label_leave_the_others(tmp_path):
    noise().write(tmp_path / "good.nii.gz")
    Volume(head(PELVIS, RIGHT, 20.0), PELVIS).write(tmp_path / "label.nii.gz")
    before_pixels(series(tmp_path / "deep", PELVIS)[3], nested(500, lengths=False))
    shutil.copytree(tmp_path / "deep", tmp_path / "label")
    table = tmp_path / "cohort.csv"
    another(Volume.read(tmp_path / "label.nii.gz"), 0).write(tmp_path / "other.nii.gz")
    for row in ("p2,deep,L,other.nii.gz", "p2,./good.nii.gz,R,label"):
        table.write_text(f"patient_id,image,side,label\np1,good.nii.gz,R,label.nii.gz\n{row}\n")
        errors = [finding for finding in check(table) if finding.level == "error"]
        assert [(finding.line, finding.check) for finding in errors] == [(3, "file")]
        with pytest.raises(ReadError, match="cannot be read: it is damaged"):
            convert(table, Workspace(tmp_path / "work"))
    assert (tmp_path / "work" / "private" / "onfh.log").read_text().count("Traceback") >= 2


@on_linux
def test_devices_in_a_cohort_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    table = tmp_path / "cohort.csv"
    table.write_text(f"patient_id,image,side,label\np1,/dev/zero,L,pipe\np2,{'m' * 300},R,\n")
    with pytest.raises(OnfhError, match=r"(?s)/dev/zero', which is a device.*pipe', which is a device.*too long"):
        check(table)
    with pytest.raises(OnfhError, match="is not a regular file"):
        check(tmp_path / "pipe")


def damaged(whole, rng):
    """Bytes with one to five of them changed, removed, added, or a length or type of value spoiled."""
    content = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(132, len(content))
        kind = rng.randrange(5)
        if kind == 0:
            content[place] = rng.randrange(256)
        elif kind == 1:
            content[place : place + 2] = rng.choice((b"SQ", b"UN", b"DS", b"AT", b"ZZ", b"\xff\xff"))
        elif kind == 2:
            content[place : place + 4] = rng.choice((b"\xff" * 4, bytes(4), b"nan\\", b"1e99"))
        elif kind == 3:
            del content[place : place + rng.randrange(1, 60)]
        else:
            content[place:place] = rng.randbytes(rng.randrange(1, 30))
    return bytes(content)


def plain(folder):
    return series(folder)[0]


def enhanced(folder):
    return write_enhanced(folder / "e.dcm", noise(SMALL), rescale=lambda number: (2, number))


def deflated(folder):
    file = series(folder)[0]
    rewritten(file, with_syntax(DeflatedExplicitVRLittleEndian))
    return file


def segmentation(folder):
    array = np.zeros(SMALL.size, np.uint8)
    array[1:3, 2:5, 2:6] = 1
    folder.mkdir()
    file = write_dicom_seg(folder, array, SMALL, ["head"])
    shutil.rmtree(folder / "scan")
    return file


@pytest.mark.parametrize("make", [plain, enhanced, deflated, segmentation])
def test_damaged_bytes_raise_nothing_but_refusals(tmp_path, make):
    rng = random.Random(make.__name__)
    file = make(tmp_path / "s")
    whole = file.read_bytes()
    read = read_segmentation if make is segmentation else read_scan
    refused = 0
    for _ in range(100):
        file.write_bytes(damaged(whole, rng))
        for attempt in (lambda: read(tmp_path / "s"), lambda: propose(tmp_path / "s", tmp_path)):
            try:
                attempt()
            except OnfhError:
                refused += 1
    assert refused > 50


@on_linux
def test_batch_goes_on_after_what_is_no_scan(tmp_path):
    batch, out = tmp_path / "batch", tmp_path / "out"
    before_pixels(series(batch / "deep")[2], nested(500, lengths=False))
    series(batch / "small")
    os.mkfifo(batch / "pipe")
    os.mkfifo(batch / "pipe.dcm")
    settings = Settings(BUNDLED_MODEL, out, None, Device.CPU, None, tta=False, batch=True)
    predicted = predict_scans([batch], settings)
    assert predicted.passed_over == (batch / "pipe",)
    messages = (out / "private" / "failed.csv").read_text().splitlines()
    for words in ("cannot be read: it is damaged", "is not a regular file"):  # before any network
        assert any(words in message for message in messages)
    assert "Traceback" in (out / "private" / "onfh.log").read_text()
    assert str(batch) not in (out / "private" / "onfh.log").read_text()


def test_lack_of_memory_is_the_failure_of_one_scan():
    def work(number):
        if number == 1:
            raise MemoryError
        return number

    first, second, third = prefetch([0, 1, 2], lambda number: number, work, lambda number: number)
    assert (first, third) == (0, 2)
    assert "needs more memory" in str(second)


def test_size_is_asked_of_strange_files_too(tmp_path):
    before_pixels(series(tmp_path / "deep")[2], nested(500, lengths=False))
    with pytest.raises(ReadError, match="cannot be read: it is damaged"):
        MemoryLimit(2.0, 10**6).require(tmp_path / "deep", None)
    series(tmp_path / "s", NumberOfFrames=-(10**9))
    with pytest.raises(ReadError, match="holds -1000000000 frames"):
        MemoryLimit(2.0, 10**6).require(tmp_path / "s", None)


def test_all_bad_masks_are_named(tmp_path):
    files = [MaskFile(tmp_path / f"{name}.nii.gz", name, None) for name in ("a_L", "b_R")]
    for file in files:
        file.path.write_bytes(b"no image")
    with pytest.raises(OnfhError, match=r"(?s)hips: 2 of 2 are refused:.*a_L\.nii\.gz.*b_R\.nii\.gz"):
        grade_files(files, lambda *_: None)


def test_landmarks_nested_without_end_are_refused(tmp_path):
    (tmp_path / "points.json").write_text("[" * 100_000)
    with pytest.raises(ReadError, match="it is damaged"):
        read_landmarks(tmp_path / "points.json", ["a_L"])


def test_class_of_an_unknown_value_representation_is_a_damaged_file(tmp_path):
    """pydicom decodes a value only when it is asked for it, and then raises what is no error of reading."""
    file = series(tmp_path / "s")[0]
    content = file.read_bytes()
    place = content.index(b"\x02\x00\x02\x00UI")  # MediaStorageSOPClassUID
    file.write_bytes(content[: place + 4] + b"U\0" + content[place + 6 :])
    with pytest.raises(ReadError, match="cannot be read: it is damaged"):
        read_segmentation(file)
