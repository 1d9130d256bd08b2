"""Who may import whom; and no import that a command does not need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VOCABULARY = {
    "errors", "labels", "hip", "steinberg", "grid", "imagefile", "content", "volume", "cut", "files",
    "tables", "parallel", "workspace", "dataset", "splits", "user_files", "printable", "imageheader", "textheader",
    "inflate", "nifti", "nrrd", "nrrd_fields", "metaimage", "folder_record", "lock", "study_lock", "scratch",
}  # fmt: skip
STAGES = {
    "preset", "devices", "child", "plan", "train", "model", "segment", "locate", "predict", "bundle", "nnunet",
    "doctor", "engine", "quiet", "archive", "card", "stock", "supported", "weights", "zipmap", "blob", "sides", "void",
    "bounds", "schema",
}  # fmt: skip


def imports(path, *, top_level_only=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def part(name):
    """The module of onfh_nnunet that an import names, or the top-level package."""
    first, *rest = name.split(".")
    return (first, rest[0] if rest else "") if first == "onfh_nnunet" else (first, "")


def test_every_module_has_a_place():
    own = {path.stem for path in (ROOT / "onfh_nnunet").glob("*.py")} - {"__init__", "__main__"}
    assert own | {"nnunet", "engine"} == VOCABULARY | STAGES


@pytest.mark.parametrize("package", ["dataset_conversion", "postprocessing"])
def test_before_and_after_know_only_the_vocabulary(package):
    other = {"dataset_conversion": "postprocessing", "postprocessing": "dataset_conversion"}[package]
    for path in modules(package):
        for name in imports(path):
            first, module = part(name)
            assert first != other, f"{path} imports {name}"
            assert first != "onfh_nnunet" or module in VOCABULARY, f"{path} imports {name}"


def test_vocabulary_and_stages_do_not_look_sideways():
    for path in modules("onfh_nnunet"):
        relative = path.relative_to(ROOT / "onfh_nnunet").parts
        if relative[0] in ("cli", "__main__.py"):
            continue
        allowed = VOCABULARY if path.stem in VOCABULARY else VOCABULARY | STAGES
        for name in imports(path):
            first, module = part(name)
            assert first not in ("dataset_conversion", "postprocessing"), f"{path} imports {name}"
            assert first != "onfh_nnunet" or module in allowed, f"{path} imports {name}"


def test_nnunet_classes_are_imported_only_where_nnunet_runs():
    for path in [*modules("onfh_nnunet"), *modules("dataset_conversion"), *modules("postprocessing")]:
        if path.parent.name != "nnunet":
            assert not any(name.startswith("onfh_nnunet.nnunet") for name in imports(path, top_level_only=True)), path


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"torch", "nnunetv2", "SimpleITK", "pydicom", "pandas", "scipy", "sklearn", "matplotlib"}),
        (["grade", "--help"], {"torch", "nnunetv2", "sklearn", "matplotlib", "pydicom"}),
    ],
)
def test_command_does_not_pay_for_what_it_does_not_use(arguments, absent):
    code = f"""
import sys
sys.argv = ["onfh", *{arguments!r}]
try:
    from onfh_nnunet.cli import run
    run()
except SystemExit:
    pass
print(*sorted({absent!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
