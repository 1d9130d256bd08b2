"""`import onfh_nnunet as onfh`: each verb of the command line in Python, and nothing imported or written unasked."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

import onfh_nnunet as onfh
from onfh_nnunet.core.csv_rows import columns
from onfh_nnunet.core.errors import GeometryError, ModelError, ReadError
from onfh_nnunet.core.grid import Grid, direction_of, same_grid
from onfh_nnunet.workflows.predict import _predictor
from onfh_nnunet.workflows.predictor import Options
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.dicom_files import PELVIS, RIGHT, ball, both_heads, noise


@pytest.fixture(scope="module")
def onfh_command(request):
    """The command, beside the module of the same name."""
    return request.getfixturevalue("onfh")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory, onfh_command):
    """A bilateral phantom: its scan and its label."""
    folder = tmp_path_factory.mktemp("phantom") / "c"
    onfh_command("phantom", folder, "--hips", 2, "--seed", 9, "--format", "nifti", "--bilateral", "--spacing", "2,2,2")
    return folder / "images" / "MRN0001_B.nii.gz", folder / "labels" / "MRN0001_B.nii.gz"


@pytest.fixture(scope="module")
def hips(phantom):
    return onfh.predict(phantom[0])


def loaded(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_import_costs_nothing():
    code = "import sys; before = set(sys.modules); import onfh_nnunet; print(*(set(sys.modules) - before))"
    new = loaded(code)
    assert "onfh_nnunet" in new
    assert {name.split(".")[0] for name in new} <= {"onfh_nnunet", "__future__", "typing", "collections", "re"} | set(
        sys.stdlib_module_names
    )


def test_every_name_of_the_front_door_is_there_and_says_what_it_does():
    for name in onfh.__all__:
        assert name == "__version__" or getattr(onfh, name).__doc__
    assert set(onfh.__all__) <= set(dir(onfh))
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        onfh.absent  # noqa: B018


def test_predicted_hips_offer_what_is_known_of_them(phantom, hips):
    scan, label = (onfh.Volume.read(path) for path in phantom)
    assert [hip.side for hip in hips] == [onfh.Side.RIGHT, onfh.Side.LEFT]
    assert [hip.case_id for hip in hips] == ["P001_R", "P001_L"]
    for hip in hips:
        same_grid(hip.case_id, hip.mask.grid, scan.grid)
        assert set(np.unique(hip.mask.array)) <= {0, 1, 2}
        inside = np.count_nonzero((hip.mask.array > 0) & (label.array > 0)) / np.count_nonzero(hip.mask.array)
        assert inside > 0.8
        assert hip.interval.low <= hip.necrosis_percent <= hip.interval.high
        assert hip.grade in hip.possible_grades
        assert hip.measurement.necrosis_percent == hip.necrosis_percent
        assert any("painted" in warning for warning in hip.warnings)


def test_the_same_as_the_command_writes(phantom, hips, onfh_command, tmp_path):
    onfh_command("predict", phantom[0], "--out", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "grades.csv", keep_default_na=False, na_values=[""])
    assert list(onfh.to_frame(hips).columns) == list(table.columns) == columns(GradeRow)
    for hip, (_, row) in zip(hips, table.iterrows(), strict=True):
        assert row.case_id == hip.case_id
        assert row.necrosis_percent == pytest.approx(hip.necrosis_percent, rel=1e-8)
        assert np.array_equal(onfh.Volume.read(tmp_path / "out" / f"{hip.case_id}.nii.gz").array, hip.mask.array)
    again = onfh.predict([phantom[0]], out=tmp_path / "out")
    assert [hip.necrosis_percent for hip in again] == pytest.approx([hip.necrosis_percent for hip in hips])
    assert np.array_equal(again[0].mask, hips[0].mask)


def test_one_or_many_a_path_or_a_scan(phantom, hips):
    scan = onfh.read_scan(str(phantom[0]))
    both = onfh.predict([scan, phantom[0]], side="R")
    assert [hip.case_id for hip in both] == ["P001_R", "P002_R"]
    assert all(np.array_equal(hip.mask, hips[0].mask) for hip in both)
    assert onfh.predict([]) == []


def test_threads_share_a_model(phantom, hips):
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(onfh.predict, [phantom[0]] * 3):
            assert [hip.necrosis_percent for hip in found] == [hip.necrosis_percent for hip in hips]


class Emptied(dict):
    """The place of the last model when another thread empties it at the worst moment: right after it was filled."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.clear()


def test_another_thread_may_take_the_place_of_the_last_model_at_any_moment(monkeypatch):
    monkeypatch.setattr("onfh_nnunet.workflows.predict._LAST", Emptied())
    wanted = Options(side=onfh.Side.LEFT, tta=True)
    assert _predictor(onfh.load_model(), wanted).options == wanted


def test_a_script_without_a_main_guard(phantom, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing\nmultiprocessing.set_start_method('spawn', force=True)\n"
        "import onfh_nnunet as onfh\n"
        f"hips = onfh.predict({str(phantom[0])!r})\n"
        "print(len(hips), len(onfh.grade([hip.mask for hip in hips])))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout.strip() == "2 2", done.stderr


def refused(path):
    """Scans that are refused, in Python and by the command alike."""
    onfh.Volume(np.full(PELVIS.size, 7, np.int16), PELVIS).write(path / "constant.nii.gz")
    both_heads().write(path / "labels.nii.gz")
    noise().write(path / "noise.nii.gz")
    (path / "empty").mkdir()
    (path / "text.nii.gz").write_text("no image")
    yield from (path / name for name in ("constant.nii.gz", "labels.nii.gz", "noise.nii.gz", "empty", "text.nii.gz"))
    yield path / "absent"


def test_python_refuses_what_the_command_refuses_in_the_same_words(onfh_command, tmp_path):
    for scan in refused(tmp_path):
        with pytest.raises(onfh.OnfhError) as caught:
            onfh.predict(scan)
        done = onfh_command("predict", scan, "--out", tmp_path / "out", check=False)
        assert done.returncode == 1
        assert done.stderr.strip() == f"onfh: {caught.value}".strip()


def test_all_scans_that_fail_are_named_at_once(phantom, tmp_path):
    bad = list(refused(tmp_path))[:2]
    with pytest.raises(onfh.OnfhError, match=r"(?s)constant\.nii\.gz.*labels\.nii\.gz"):
        onfh.predict([bad[0], phantom[0], bad[1]])


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"side": "left"}, onfh.OnfhError, "`side`: is 'left', expected one of L, R"),
        ({"device": "gpu"}, onfh.OnfhError, "`device`: is 'gpu', expected one of auto"),
        ({"fold": [7]}, ModelError, "fold 7 is asked for"),
        ({"model": "absent.onfh"}, ModelError, "absent.onfh"),
    ],
)
def test_bad_options_are_refused(phantom, options, kind, match):
    with pytest.raises(kind, match=match):
        onfh.predict(phantom[0], **options)


def test_what_is_in_memory_cannot_go_into_a_folder(phantom, tmp_path):
    with pytest.raises(onfh.OnfhError, match="Give paths, or leave out `out`"):
        onfh.predict(onfh.read_scan(phantom[0]), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


HEAD = np.where(ball(PELVIS, RIGHT, 12), 2, ball(PELVIS, RIGHT)).astype(np.uint8)


def test_masks_are_graded_from_files_folders_and_memory(tmp_path, onfh_command):
    mask = onfh.Volume(HEAD, PELVIS)
    (tmp_path / "masks").mkdir()
    for name in ("P001_R.nii.gz", "P002_R.nrrd"):
        mask.write(tmp_path / "masks" / name)
    of_folder = onfh.grade(tmp_path / "masks", out=tmp_path / "grades.csv")
    of_files = onfh.grade(sorted((tmp_path / "masks").iterdir()))
    of_memory = onfh.grade(mask, side="R")
    assert [row.case_id for row in of_folder] == ["P001_R", "P002_R"]
    assert of_files == of_folder
    assert of_memory[0].necrosis_percent == of_folder[0].necrosis_percent
    assert of_memory[0].case_id == "P001_R"
    text = (tmp_path / "grades.csv").read_text()
    onfh_command("grade", tmp_path / "masks", "--out", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == text
    with pytest.raises(ReadError, match="absent"):
        onfh.grade(tmp_path / "absent.nii.gz")


def test_a_table_has_the_columns_of_the_file_and_plain_values():
    table = onfh.to_frame(onfh.grade(onfh.Volume(HEAD, PELVIS), side="R"))
    assert list(table.columns) == columns(GradeRow)
    assert table.steinberg_grade[0] == "B"
    assert type(table.steinberg_grade[0]) is str
    assert onfh.to_frame([]).empty


OBLIQUE = Grid(
    (5, 6, 7),
    (1.0, 1.25, 2.5),
    (-3.0, 4.0, 50.0),
    direction_of(Rotation.from_euler("xyz", [10, 20, 30], True).as_matrix()),
)


def test_volumes_go_to_other_libraries_and_back(tmp_path):
    voxels = np.random.default_rng(1).integers(-5, 500, OBLIQUE.size).astype(np.int16)
    volume = onfh.Volume(voxels, OBLIQUE)
    for back in (onfh.Volume.from_sitk(volume.to_sitk()), onfh.Volume.from_nibabel(volume.to_nibabel())):
        assert np.array_equal(np.asarray(back), voxels)
        same_grid("back", back.grid, OBLIQUE)
    # each library writes a file that we read as the same place
    sitk.WriteImage(volume.to_sitk(), str(tmp_path / "itk.nrrd"))
    nibabel.save(volume.to_nibabel(), tmp_path / "nibabel.nii.gz")
    for path in ("itk.nrrd", "nibabel.nii.gz"):
        read = onfh.Volume.read(str(tmp_path / path))
        assert np.array_equal(read.array, voxels)
        same_grid(path, read.grid, OBLIQUE)


def test_what_is_no_volume_is_refused():
    with pytest.raises(GeometryError, match=r"has the shape \(2, 2, 2, 2\), expected 3D"):
        onfh.Volume.from_nibabel(nibabel.Nifti1Image(np.zeros((2, 2, 2, 2)), np.eye(4)))
    with pytest.raises(GeometryError, match="with 3 values a voxel"):
        onfh.Volume.from_sitk(sitk.GetImageFromArray(np.zeros((2, 2, 2, 3)), isVector=True))


def test_examples_of_docstrings_are_python():
    for name in onfh.__all__:
        text = getattr(onfh, name).__doc__ or ""
        for block in text.split("```python")[1:]:
            compile("\n".join(line[8:] for line in block.split("```")[0].splitlines()), name, "exec")
    assert Path(onfh.__file__).with_name("py.typed").is_file()
