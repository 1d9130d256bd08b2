"""No import that a command does not need. Who may import whom stands in pyproject.toml, and `make lint` checks it."""

import ast
import subprocess
import sys

import pytest

from onfh_nnunet.core.image_files import write_image
from tests.helpers.dicom_files import PELVIS, RIGHT, head
from tests.helpers.paths import ROOT

OURS = ("onfh_nnunet", "dataset_conversion", "postprocessing")
LIGHT = {
    *("onfh_nnunet", "onfh_nnunet.core"),
    *(f"onfh_nnunet.core.{name}" for name in ("choices", "devices", "errors", "hip", "no_telemetry", "printable")),
    *(f"onfh_nnunet.core.{name}" for name in ("progress", "run_log", "scratch", "steinberg", "system_errors")),
}


def imports(path, *, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def test_nnunet_classes_are_imported_only_where_nnunet_runs():
    starter = "onfh_nnunet.nnunet.worker_process"  # it imports no nnU-Net: it starts the process that does
    for path in [*modules("onfh_nnunet"), *modules("dataset_conversion"), *modules("postprocessing")]:
        if path.parent.name != "nnunet":
            names = set(imports(path, top_level_only=True)) - {starter}
            assert not any(name.startswith("onfh_nnunet.nnunet") for name in names), path


def test_commands_import_nothing_before_they_run_that_another_package_may_hide_or_that_takes_time():
    """So `onfh --help` is fast, and `onfh doctor` can report a package that hides one of ours."""
    for path in modules("onfh_nnunet/cli"):
        ours = {name for name in imports(path, top_level_only=True) if name.split(".")[0] in OURS}
        assert all(name.startswith("onfh_nnunet.cli") or name in LIGHT for name in ours), path


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (
            ["--help"],
            {
                "numpy",
                "filelock",
                "torch",
                "nnunetv2",
                "SimpleITK",
                "pydicom",
                "pandas",
                "scipy",
                "sklearn",
                "matplotlib",
            },
        ),
        (["grade", "--help"], {"torch", "nnunetv2", "sklearn", "matplotlib", "pydicom"}),
    ],
)
def test_command_does_not_pay_for_what_it_does_not_use(arguments, absent):
    assert imported(arguments, absent) == []


def test_grading_a_mask_imports_nothing_that_takes_longer_than_to_grade_it(tmp_path):
    write_image(tmp_path / "P001_R.nii.gz", head(PELVIS, RIGHT, 10), PELVIS)
    slow = {"SimpleITK", "nibabel", "pandas", "pydicom", "scipy.optimize", "skimage"}
    assert imported(["grade", str(tmp_path / "P001_R.nii.gz"), "--out", str(tmp_path / "grades.csv")], slow) == []
    assert (tmp_path / "grades.csv").is_file()


def imported(arguments, names):
    """Which modules of these names a command imports."""
    code = f"""
import sys
sys.argv = ["onfh", *{arguments!r}]
try:
    from onfh_nnunet.cli import run
    run()
except SystemExit:
    pass
print("imported", *sorted({names!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1].split()[1:]
