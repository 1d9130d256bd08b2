"""What a terminal shows: exit codes, one message on stderr, and nothing half-written."""

import ast
import csv
import re

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from onfh_nnunet import __version__
from onfh_nnunet.cli import app, console
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from tests.helpers.paths import ROOT

GRID = Grid((60, 60, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
CONTRACT = [
    "case_id", "source", "side", "head_ml", "necrosis_ml", "necrosis_percent", "percent_low", "percent_high",
    "steinberg_grade", "possible_grades", "necrosis_percent_of_sphere", "head_diameter_mm", "kerboul_coronal_deg",
    "kerboul_sagittal_deg", "kerboul_deg", "kerboul_grade", "necrotic_surface_percent", "warnings",
]  # fmt: skip


def ball(necrosis_above):
    z, y, x = np.ogrid[:60, :60, :60]
    head = (z - 30) ** 2 + (y - 30) ** 2 + (x - 30) ** 2 <= 24**2
    return head.astype(np.uint8) + (head & (z + 0 * x > necrosis_above))


def test_grade_writes_the_contracts_columns(tmp_path, onfh):
    Volume(ball(44), GRID).write(tmp_path / "P007_L.nii.gz")
    Volume(ball(99).astype(np.float32), GRID).write(tmp_path / "healthy.nrrd")
    masks = tmp_path / "P007_L.nii.gz", tmp_path / "healthy.nrrd"
    onfh("grade", *masks, "--necrosis-label", 2, "--out", tmp_path / "grades.csv")
    with (tmp_path / "grades.csv").open() as file:
        reader = csv.DictReader(file)
        ill, healthy = reader
    assert reader.fieldnames[: len(CONTRACT)] == CONTRACT
    assert (ill["case_id"], ill["side"]) == ("P007_L", "L")
    assert (healthy["case_id"], healthy["side"], healthy["steinberg_grade"]) == ("healthy", "", "none")
    voxels = ball(44)
    assert float(ill["necrosis_percent"]) == pytest.approx(100 * (voxels == 2).sum() / (voxels > 0).sum())
    assert float(ill["head_ml"]) == pytest.approx((voxels > 0).sum() / 1000)
    assert float(ill["head_diameter_mm"]) == pytest.approx(48, abs=1)
    first = (tmp_path / "grades.csv").read_bytes()
    onfh("grade", *masks, "--necrosis-label", 2, "--out", tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_bytes() == first


def test_grade_replaces_no_file_of_another_kind(tmp_path, onfh):
    Volume(ball(44), GRID).write(tmp_path / "P007_L.nii.gz")
    for content in ("hips 2\n", "case_id,grade\nP007_L,A\n"):
        (tmp_path / "mine.csv").write_text(content)
        done = onfh("grade", tmp_path / "P007_L.nii.gz", "--out", tmp_path / "mine.csv", check=False)
        assert "exists and is no table of grades, and would be lost" in " ".join(done.stderr.split())
        assert (tmp_path / "mine.csv").read_text() == content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "absent.nii.gz", "--out", "g.csv"], "does not exist"),
        (["convert", "absent.csv", "--work", "w"], "cannot be read"),
        (["plan", "--work", "w"], "holds no dataset"),
        (["train", "--work", "w"], "holds no dataset"),
        (["crossval", "--work", "w"], "holds no dataset"),
        (["export", "--work", "w", "--out", "m.safetensors"], "holds no dataset"),
        (["predict", "scan", "--model", "absent.safetensors", "--out", "o"], "cannot be read"),
        (["report", "."], "is neither"),
        (["report", 300 * "x"], "Check its name"),
        (["report", "."], "Give the --out of onfh predict"),
        (["phantom", "p", "--hips", "0"], "at least 1 hip"),
    ],
)
def test_refusal_is_one_message_and_exit_code_1(tmp_path, onfh, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = onfh(*arguments, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.startswith("onfh: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["grade", "a.nii.gz"],
        ["train", "--fold", "x", "--epochs", "0"],
        ["plan", "--preset", "huge"],
        ["phantom", "p", "--spacing", "1,2"],
        ["unknown"],
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path, onfh, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert onfh(*arguments, check=False).returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--version"], 0, f"onfh {__version__}"),
        (["train", "--work", "w"], 1, "holds no dataset"),
        (["plan", "--preset", "huge"], 2, "Usage"),
    ],
)
def test_a_process_ends_as_a_call_does(tmp_path, onfh, onfh_process, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    alone, here = onfh_process(*arguments, check=False), onfh(*arguments, check=False)
    assert (alone.returncode, here.returncode) == (code, code)
    assert said in alone.stdout + alone.stderr
    named = [text.replace("python -m onfh_nnunet", "onfh") for text in (alone.stdout, alone.stderr)]
    assert named == [here.stdout, here.stderr]
    assert list(tmp_path.iterdir()) == []


def test_version_and_short_options():
    for arguments, said in ((["--version"], f"onfh {__version__}"), (["-h"], "Usage"), (["plan", "-h"], "--folds")):
        done = CliRunner().invoke(app, arguments)
        assert (done.exit_code, said in done.output) == (0, True), arguments
    for command in set(get_command(app).commands.values()):
        for out in [one for one in command.params if one.name == "out" and one.param_type_name == "option"]:
            assert set(out.opts) == {"--out", "-o"}, command.name


def test_parameters_of_the_library_are_options_of_the_command(capsys):
    """What a message of the library names in backticks is a parameter, and the option of that name is what is typed."""
    named = {name for text in texts_of_the_library() for name in re.findall(r"`([a-z_]+)`", text)}
    assert {"out", "keep_ids", "fold"} <= named
    for name in sorted(named):
        typed = console.as_typed(f"Leave out `{name}`")
        assert typed.startswith("Leave out --"), name
    console.refusal(OnfhError("`unknown`.nii", "is bad", "Give `trust_pickle`, or another `stock` or `form`"))
    assert (
        capsys.readouterr().err == "onfh: `unknown`.nii: is bad. Give --trust-pickle, or another --from or --format.\n"
    )


def test_no_message_of_the_library_names_an_option():
    assert [text for text in texts_of_the_library() if re.search(r"(?<![\w-])--[a-z]", text)] == []


def texts_of_the_library():
    """Every text in the code of the library that is no docstring."""
    for package in ("onfh_nnunet", "dataset_conversion", "postprocessing"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name == "cli":
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                    yield node.value


def test_bad_mask_leaves_the_old_table(tmp_path, onfh):
    Volume(ball(44) * 3, GRID).write(tmp_path / "bad.nii.gz")
    old = "case_id,steinberg_grade\nP007_L,A\n"
    (tmp_path / "grades.csv").write_text(old)
    done = onfh("grade", tmp_path / "bad.nii.gz", "--out", tmp_path / "grades.csv", check=False)
    assert done.returncode == 1
    assert "has the unknown label values 3, 6" in done.stderr
    assert (tmp_path / "grades.csv").read_text() == old


def test_phantom_does_not_replace_a_folder_with_something_in_it(tmp_path, onfh):
    (tmp_path / "mine").write_text("precious")
    done = onfh("phantom", tmp_path, "--hips", "1", check=False)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert (tmp_path / "mine").read_text() == "precious"


def test_doctor_is_content_here_and_sees_a_shadow(tmp_path, onfh, onfh_process, monkeypatch):
    well = onfh("doctor", "--work", tmp_path)
    assert "FAIL" not in well.stdout
    assert "nnunetv2" in well.stdout
    for name in ("dataset_conversion", "postprocessing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    ill = onfh_process("doctor", check=False)
    assert ill.returncode == 1
    assert "FAIL  dataset_conversion" in ill.stdout
    assert "FAIL  postprocessing" in ill.stdout
