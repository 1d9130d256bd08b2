"""Each distribution that is imported is declared, and each that is declared is imported."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement

from tests.helpers.paths import ROOT

OURS = ("onfh_nnunet", "dataset_conversion", "postprocessing")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(*folders):
    """The distributions that modules of these folders import, also inside functions."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    own = {*OURS, "benchmarks", *(path.stem for path in files), "tests", *(path.parent.name for path in files)}
    modules = {name.split(".")[0] for name in names} - own - set(sys.stdlib_module_names)
    known = packages_distributions()  # lacks what is not installed: an option is then taken by its own name
    return {normal(distribution) for module in modules for distribution in set(known.get(module, [module]))}


def declared(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return {normal(Requirement(line).name) for lines in lists for line in lines}


def test_what_the_packages_import_is_what_is_declared():
    assert imported(*OURS) == declared("cpu", "excel", "pacs")


def test_what_the_tests_import_is_declared():
    assert imported(*OURS, "tests") <= declared("dev") | declared()
