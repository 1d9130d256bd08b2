"""The site builds strictly, fetches nothing, and its command reference is the program's."""

import html
import re
import subprocess
import sys

import pytest
import typer

from onfh_nnunet.cli import app
from tests.helpers.paths import ROOT

pytest.importorskip("material")


@pytest.fixture(scope="module")
def site(tmp_path_factory, environment, without_network):
    out = tmp_path_factory.mktemp("site")
    command = [*without_network, sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return out


def test_pages_load_nothing_from_another_server(site):
    pages = list(site.glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]*)", text)
        assert loaded == [], page.name


def test_the_reference_has_every_command_and_option(site):
    text = (site / "commands.html").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands
    inner = {f"pacs {name}": command for name, command in commands["pacs"].commands.items()}
    for name, command in {**commands, **inner}.items():
        section = html.unescape(text).partition(f">onfh {name}<")[2].partition("<h2 ")[0].partition("<h3 ")[0]
        shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        for option in (option for parameter in shown for option in parameter.opts if option.startswith("-")):
            assert option in section, (name, option)


def test_every_page_is_in_the_navigation_and_linked_from_its_start(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f'"{page.stem}.html"' in start.replace("./", ""), page.stem
