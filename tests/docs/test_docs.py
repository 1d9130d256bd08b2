"""What the documentation says to type exists."""

import os
import re
import shlex
import subprocess

import pytest
import typer
from typer.testing import CliRunner

from onfh_nnunet.cli import app
from tests.helpers.paths import ROOT

TEMPLATES = (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md")
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *sorted((ROOT / "docs").glob("*.md")), *TEMPLATES]
COMMANDS = typer.main.get_command(app).commands


def lines(start):
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            if re.match(rf"^\s*\$?\s*{start} ", line) and "|" not in line:
                yield line.strip().removeprefix("$").split("  #")[0].split(" > ")[0].strip()


@pytest.mark.parametrize("line", sorted(set(lines("onfh"))))
def test_documented_command_parses(line):
    _, name, *arguments = shlex.split(line, comments=True)
    command = COMMANDS[name]
    if name == "pacs":
        command, *arguments = command.commands[arguments[0]], *arguments[1:]
    command.make_context(name, arguments, resilient_parsing=False)


@pytest.mark.parametrize("line", sorted(set(lines("make"))))
def test_documented_make_target_uses_every_variable_given(line):
    """Make prints the commands of the target; each variable's value stands in them."""
    targets, given = [], []
    for word in shlex.split(line, comments=True)[1:]:
        (given if "=" in word else targets).append(word.split("=")[0])
    assert targets
    printed = commands_of(targets, given)
    for name in given:
        assert f"value-of-{name}" in printed, f"{targets} does not use {name}"


def commands_of(targets, variables):
    """What make would run; an environment that does not exist makes the targets show how they make it, too."""
    values = {name: f"value-of-{name}" for name in ("VENV", *variables)}
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--dry-run", "--directory", str(ROOT), *targets, *map("=".join, values.items())]
    return subprocess.run(command, capture_output=True, text=True, env=shell, check=True).stdout


def test_a_variable_of_another_target_is_not_used():
    assert "value-of-FOLD" in commands_of(["train"], ["FOLD"])
    assert "value-of-FOLD" not in commands_of(["plan"], ["FOLD"])


def test_every_command_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"onfh {name}" in readme


def test_help_lists_every_make_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    explained = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    assert set(phony) - set(explained) == {"lint", "types", "unit"}


def test_help_of_the_program_lists_every_command():
    printed = CliRunner().invoke(app, ["--help"]).output
    for name in COMMANDS:
        assert name in printed


def test_nothing_names_this_machine_or_a_registry():
    secret = re.compile("/wo" + "rk/main|/t" + "mp/w/|files.pytho" + "nhosted|deb.deb" + "ian.org|registry.npm" + "js")
    tracked = [path for path in ROOT.rglob("*") if path.suffix in {".py", ".md", ".toml", ".txt"}]
    for path in tracked:
        if not {".venv", "demo", "work", "build"} & set(path.relative_to(ROOT).parts):
            assert not secret.search(path.read_text(encoding="utf-8")), path


def test_each_test_that_a_promise_names_is_there():
    named = re.findall(r"`(tests/[a-z_/]+\.py)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).is_file()] == []
