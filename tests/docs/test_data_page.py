"""docs/data.md says what is so."""

import re
import shlex

import pytest
import typer
from statsmodels.stats.proportion import proportion_confint

from dataset_conversion.discovery import lund_probe
from onfh_nnunet.cli import app
from onfh_nnunet.core.anatomy import PLAUSIBLE_HEAD_ML
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands
LINES = re.findall(r"^    (?:cd \S+ && )?(onfh .*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", sorted(set(LINES)))
def test_command_parses(line):
    _, name, *arguments = shlex.split(line.partition(" > ")[0])
    COMMANDS[name].make_context(name, arguments)


def test_every_option_that_the_text_names_is_convert_s_or_implant_s():
    options = {one for name in ("convert", "implant") for parameter in COMMANDS[name].params for one in parameter.opts}
    named = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", re.sub(r"^    .*$", "", PAGE, flags=re.MULTILINE)))
    assert named
    assert named <= options


def test_layout_is_the_one_that_is_read():
    listed = re.findall(r"<patient>/(\S+\.nii\.gz)", PAGE)
    assert set(listed) == {f"{lund_probe.MR_FOLDER}/{name}" for name in (lund_probe.IMAGE, *lund_probe.HEADS.values())}


def test_volumes_that_are_warned_of():
    low, high = PLAUSIBLE_HEAD_ML
    assert f"outside {low:g} to {high:g} ml" in re.sub(r"\s+", " ", PAGE)


def test_intervals_are_wilson_s():
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) to (\d+) % \|$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for n, right, low, high in (map(int, row) for row in rows):
        assert round(right / n, 2) == 0.94
        assert [round(100 * end) for end in proportion_confint(right, n, method="wilson")] == [low, high]
