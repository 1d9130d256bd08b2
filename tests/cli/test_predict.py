"""What `onfh predict` refuses, each by its name and before anything is written; and the whole way on a small study."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import (
    CohortError,
    DeviceError,
    GeometryError,
    ModelError,
    OnfhError,
    ReadError,
    WorkspaceError,
)
from onfh_nnunet.core.free_memory import free_bytes
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.image_checks import require_mr
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from onfh_nnunet.workflows import memory_limit
from onfh_nnunet.workflows.memory_limit import MemoryLimit
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Settings
from onfh_nnunet.workflows.scan_checks import require_hip_scan
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.dicom_files import PELVIS, both_heads, noise, write_enhanced, write_series
from tests.helpers.paths import REAL
from tests.helpers.small_model import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    small = small_model(0, 1, patch_size=[48, 64, 96])
    intensities = dict.fromkeys(("mean", "std", "percentile_00_5", "percentile_99_5"), 1.0)
    plans = small.plans | {"foreground_intensity_properties_per_channel": {"0": intensities}}
    write_model_file(path, replace(small, plans=plans), Card())
    return path


@pytest.fixture
def predict(model, tmp_path):
    def run(*inputs, out=tmp_path / "out", model=model, engine=EngineName.AUTO, folds=None, **changes):
        return predict_scans(inputs, Settings(model, out, None, Device.CPU, folds, False, engine, **changes))

    return run


def scaled(volume, factor):
    return Volume(volume.array, replace(volume.grid, spacing_mm=tuple(factor * np.array(volume.grid.spacing_mm))))


def vectors(path):
    picture = sitk.GetImageFromArray(np.stack([noise().array] * 3, axis=-1), isVector=True)
    picture.SetSpacing((4.0, 4.0, 4.0))
    sitk.WriteImage(picture, str(path))


def four_dimensional(path):
    image = nibabel.Nifti1Image(np.stack([noise().array] * 3, axis=-1), np.diag([4.0, 4.0, 4.0, 1.0]))
    nibabel.save(image, path)


def with_nan(path):
    voxels = noise().array.astype(np.float32)
    voxels[3, 4, 5] = np.nan
    Volume(voxels, PELVIS).write(path)


BAD = {
    "constant.nii.gz": (lambda path: Volume(np.full(PELVIS.size, 7), PELVIS).write(path), ReadError, "is 7 everywhere"),
    "label.nii.gz": (lambda path: both_heads().write(path), ReadError, r"label map \(values 0, 1, 2\).*onfh grade"),
    "nan.nii.gz": (with_nan, ReadError, "NaN"),
    "vector.nrrd": (vectors, ReadError, "3D with 3 values a voxel, expected one 3D image"),
    "four.nii": (four_dimensional, ReadError, "4D"),
    "rgb": (lambda path: write_series(path, noise(), PhotometricInterpretation="RGB"), ReadError, "RGB"),
    "large.nii.gz": (lambda path: scaled(noise(), 10).write(path), GeometryError, "voxels of 40 x 40 x 40 mm"),
    "small.nii.gz": (lambda path: scaled(noise(), 0.1).write(path), GeometryError, "spans 9.6 x 11.2 x 28.8 mm"),
    "empty": (lambda path: path.mkdir(), ReadError, "holds no DICOM image"),
    "one file": (
        lambda path: noise().write(path / "a.nii.gz"),
        ReadError,
        "and 1 image file: a.nii.gz. Give the image",
    ),
    "folder": (
        lambda path: [noise(seed=n).write(path / "in" / f"{n}.nrrd") for n in range(6)],
        ReadError,
        r"holds no DICOM image, and 6 image files: in/0.nrrd, .*, in/3.nrrd, .*`batch`, or onfh run, takes the folder",
    ),
    "readme.txt": (
        lambda path: path.write_text("hello"),
        CohortError,
        "is no scan .DICOM, NIfTI, NRRD or MetaImage., and as a table of scans it has the columns hello, expected also "
        "image. Give a scan, or a table with the column image",
    ),
    "text.nii.gz": (lambda path: path.write_text("text"), ReadError, "is not one of NIfTI"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_scan_of_a_hip_is_refused_by_name(predict, tmp_path, name):
    make, kind, message = BAD[name]
    make(tmp_path / name)
    with pytest.raises(kind, match=message) as refusal:
        predict(tmp_path / name)
    assert name in refusal.value.subject
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
@pytest.mark.parametrize("values", [[0, 1], [0, 1, 2], [0, 5, 40, 41, 255]])
def test_label_map_of_any_kind_is_told_from_an_image(kind, values):
    labels = np.zeros(PELVIS.size, kind)
    labels[4:12, 4:12, 4:20] = np.random.default_rng(0).choice(values, (8, 8, 16))
    with pytest.raises(ReadError, match="looks like a label map"):
        require_hip_scan(Volume(labels, PELVIS), "x")


def test_dark_image_and_scaled_image_are_no_label_maps():
    background = np.where(both_heads().array > 0, noise().array, 0)
    require_hip_scan(Volume(background, PELVIS), "x")
    require_hip_scan(Volume(background / 4096, PELVIS), "x")


def test_a_ct_in_hounsfield_units_is_called_so():
    body = both_heads().array + (np.indices(PELVIS.size)[1] > PELVIS.size[1] // 3)
    noisy = np.where(body > 0, 40, -1000) + noise().array % 60
    with pytest.raises(
        ReadError, match=r"looks like a CT \(3\d% of its voxels are air near -1000 HU\), expected an MR"
    ):
        require_hip_scan(Volume(noisy.astype(np.int16), PELVIS), "x")
    require_hip_scan(Volume((noisy + 1000).astype(np.int16), PELVIS), "x")
    phase = np.random.default_rng(0).uniform(-4096, 4095, PELVIS.size)
    standardised = np.random.default_rng(0).normal(0, 400, PELVIS.size)
    for values in (phase, standardised):
        require_hip_scan(Volume(values, PELVIS), "x")


@pytest.mark.real_data
def test_a_real_ct_is_called_so():
    files = sorted((REAL / "dcmqi-dicomseg" / "ct-3slice").glob("*.dcm"))
    if not files:
        pytest.skip(f"no CT in {REAL}: set ONFH_TEST_DATA")
    slices = [pydicom.dcmread(file) for file in files]
    units = np.stack([one.pixel_array * one.RescaleSlope + one.RescaleIntercept for one in slices])
    with pytest.raises(ReadError, match="looks like a CT"):
        require_mr(Volume(units, replace(PELVIS, size=units.shape)), "x")


PROTOCOLS = [  # size and spacing along z, y, x of hip MR, coarse and fine, one hip and both
    ((50, 256, 256), (1.0, 1.25, 1.25)),
    ((20, 160, 160), (3.6, 1.625, 1.625)),
    ((24, 384, 384), (4.4, 0.42, 0.42)),
    ((120, 200, 200), (0.8, 0.83, 0.83)),
    ((96, 96, 96), (1.0, 1.0, 1.0)),
    ((256, 320, 320), (1.5, 1.5, 1.5)),
]


@pytest.mark.parametrize(("size", "spacing"), PROTOCOLS)
@settings(max_examples=4)
@given(order=st.permutations(range(3)))
def test_spacing_ten_times_off_is_refused_in_any_plane(size, spacing, order):
    grid = replace(PELVIS, size=tuple(size[i] for i in order), spacing_mm=tuple(spacing[i] for i in order))
    array = np.broadcast_to(np.random.default_rng(0).normal(size=(1, 1, grid.size[2])), grid.size)
    require_hip_scan(Volume(array, grid), "x")
    for factor in (10, 0.1):
        with pytest.raises(GeometryError, match="Check the spacing"):
            require_hip_scan(scaled(Volume(array, grid), factor), "x")


@pytest.mark.parametrize("place", [0, 3000, -1])
def test_changed_model_is_refused_before_anything_is_made(predict, model, tmp_path, place):
    changed = bytearray(model.read_bytes())
    changed[place] ^= 1
    (tmp_path / "bad.safetensors").write_bytes(changed)
    noise().write(tmp_path / "scan.nii.gz")
    with pytest.raises(ModelError, match=r"bad\.safetensors"):
        predict(tmp_path / "scan.nii.gz", model=tmp_path / "bad.safetensors")
    assert not (tmp_path / "out").exists()


def test_fold_that_the_model_has_not_is_refused(predict, tmp_path):
    with pytest.raises(ModelError, match=r"has folds \[0, 1\], and fold 2 is asked for"):
        predict(tmp_path / "scan.nii.gz", folds=(0, 2))


def test_out_that_is_a_file_or_in_one_is_refused(predict, tmp_path):
    noise().write(tmp_path / "scan.nii.gz")
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(WorkspaceError, match="cannot be written"):
            predict(tmp_path / "scan.nii.gz", out=out)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="/sys is a folder that nobody may write into")
def test_out_that_may_not_be_written_is_refused(predict, tmp_path):
    noise().write(tmp_path / "scan.nii.gz")
    for out in (Path("/sys/kernel"), Path("/sys/kernel/out")):
        with pytest.raises(WorkspaceError, match=r"cannot be written .*`out`"):
            predict(tmp_path / "scan.nii.gz", out=out)


def test_openvino_is_missed_only_when_it_is_asked_for(predict, tmp_path, model, monkeypatch):
    """The only engine that is asked for is an error of the run, and not of each scan in failed.csv."""
    for name in "ab":
        noise().write(tmp_path / f"{name}.nii.gz")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="openvino: is not installed"):
        predict(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", engine=EngineName.OPENVINO)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def stored(folder, volume):
    """One scan in each kind of file."""
    write_series(folder / "series", volume)
    write_enhanced(folder / "enhanced.dcm", volume)
    for suffix in (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"):
        volume.write(folder / f"image{suffix}")
    shutil.make_archive(str(folder / "zipped"), "zip", folder / "series")
    return [path for path in folder.iterdir() if path.suffix not in (".raw", ".zraw")]


def test_too_large_a_scan_is_told_by_its_header(tmp_path):
    voxels = noise().array.size
    scans = stored(tmp_path, noise())
    assert len(scans) == 8
    for scan in scans:
        MemoryLimit(2.0, voxels).require(scan, None)
        with pytest.raises(OnfhError, match=r"has 0.0 million voxels, and `max_memory` 2 is enough for"):
            MemoryLimit(2.0, voxels - 1).require(scan, None)


def test_what_states_no_size_is_left_to_the_reader(tmp_path):
    (tmp_path / "text.nii").write_text("text")
    (tmp_path / "damaged.nii.gz").write_bytes(b"\x1f\x8b damaged")
    for name in ("text.nii", "damaged.nii.gz", "absent"):
        MemoryLimit(2.0, 1).require(tmp_path / name, None)


def test_limit_is_kept_before_the_voxels_are_read(predict, tmp_path):
    """A file that states 8 billion voxels, and holds none."""
    header = nibabel.Nifti1Image(np.zeros((1, 1, 1), np.int16), np.diag([1.0, 1.0, 1.0, 1.0])).header
    header.set_data_shape((2000, 2000, 2000))
    (tmp_path / "huge.nii").write_bytes(header.binaryblock + bytes(4))
    noise().write(tmp_path / "scan.nii.gz")
    with pytest.raises(OnfhError, match=r"huge.nii: has 8000.0 million voxels, and `max_memory` 8 is enough for"):
        predict(tmp_path / "huge.nii", max_memory_gb=8)
    with pytest.raises(OnfhError, match=r"`max_memory` 0.1: is too little: program and networks take"):
        predict(tmp_path / "scan.nii.gz", max_memory_gb=0.1)


def test_without_a_limit_the_free_memory_is_one_and_a_usual_scan_is_always_tried(monkeypatch, tmp_path):
    scans = stored(tmp_path, noise())
    monkeypatch.setattr(memory_limit, "free_bytes", lambda: 10**8)
    for scan in scans:
        MemoryLimit.of_machine().require(scan, None)
    monkeypatch.setattr(memory_limit, "USUAL_VOXELS", noise().array.size - 1)
    for scan in scans:
        with pytest.raises(OnfhError, match=r"and the free memory is enough for 0.0. Free memory, or crop the scan"):
            MemoryLimit.of_machine().require(scan, None)


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="Linux")
def test_free_memory_is_less_than_there_is():
    words = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    assert 0 < free_bytes() <= 1024 * int(words["MemTotal"].split()[0])


@pytest.mark.slow
@pytest.mark.xdist_group("study")
def test_whole_way_of_a_batch(study, onfh, tmp_path):
    """A scan as it is, one smaller than the network's patch, and a cut-off file; then once more."""
    images, labels, truth = study / "cohort" / "images", study / "cohort" / "labels", {}
    whole, other = sorted(path.name for path in images.iterdir())[:2]
    batch, out = tmp_path / "a batch", tmp_path / "out"
    batch.mkdir()
    shutil.copy(images / whole, batch / "whole.nii.gz")
    truth["whole"] = Volume.read(labels / whole)
    label = Volume.read(labels / other)
    centre = label.grid.to_mm(np.argwhere(label.array > 0).mean(axis=0))
    box = HipCrop.around(label.grid, centre, mirrored=False, box_mm=84)
    truth["small"] = box.extract(label)
    box.extract(Volume.read(images / other)).write(batch / "small.nii.gz")
    (batch / "torn.nii.gz").write_bytes((images / whole).read_bytes()[:-9000])
    command = ["predict", "--batch", batch, "--model", study / "model.safetensors", "--out", out, "--keep-ids"]
    done = onfh(*command, check=False)
    assert done.returncode == 1
    assert "failed.csv: 1 of 3 scans failed" in done.stderr
    rows = {row.case_id: row for row in read_rows(out / "grades.csv", GradeRow)}
    sides = {"whole": whole.split(".")[0][-1], "small": other.split(".")[0][-1]}
    assert list(rows) == [f"small_{sides['small']}", f"whole_{sides['whole']}"]
    for name, expected in truth.items():
        head = Region.HEAD.mask(Volume.read(out / f"{name}_{sides[name]}.nii.gz").array)
        true = Region.HEAD.mask(expected.array)
        assert 2 * (head & true).sum() / (head.sum() + true.sum()) > 0.75
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.nii.gz")}
    (batch / "torn.nii.gz").unlink()
    again = onfh(*command)
    assert again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.nii.gz")} == before
    assert not (out / "failed.csv").exists()
