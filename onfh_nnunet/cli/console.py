"""What a person reads: results on stdout, and on stderr all that is said beside them.

All output of the commands passes here, and nothing that a file or a header says reaches the terminal as it is: see
`printable`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import typer

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.printable import on_one_line, printable

_PARAMETER = re.compile(r"`([a-z_]+)`")

_quiet = False
_one_line_at_a_time = threading.Lock()


def be_quiet(wanted: bool) -> None:
    """Say nothing but warnings, errors and the last line of the result, or all again: for the command that now runs."""
    global _quiet
    _quiet = wanted


def is_quiet() -> bool:
    """Whether `--quiet` was given."""
    return _quiet


def result(text: object) -> None:
    """Print a line of results on stdout that `--quiet` leaves: the last one of a command, or its answer."""
    _print(on_one_line(text), sys.stdout)


def say(text: object) -> None:
    """Print a line of results on stdout, without `--quiet`."""
    if not _quiet:
        result(text)


def warn(text: object) -> None:
    """Print a line on stderr that a person must know beside the results."""
    _print(as_typed(on_one_line(text)), sys.stderr)


def note(text: object) -> None:
    """Print a line on stderr that helps, without `--quiet`."""
    if not _quiet:
        warn(text)


def next_step(*words: object) -> None:
    """Name the command that comes next, as it can be pasted."""
    if not _quiet:
        _print(printable(f"next: {shlex.join(['onfh', *map(str, words)])}"), sys.stderr)


def as_typed(text: str) -> str:
    """A library message for the command line: a parameter such as `keep_ids` becomes --keep-ids."""
    return _PARAMETER.sub(lambda found: _options().get(found[1], found[0]), text)


@functools.cache
def _options() -> dict[str, str]:
    """The option of each parameter of a command."""
    from onfh_nnunet.cli import app

    commands = _leaves(typer.main.get_command(app))
    options = (one for command in commands for one in command.params if one.param_type_name == "option")
    return {one.name: max(one.opts, key=len) for one in options}


def _leaves(command: Any) -> Iterator[Any]:
    """The commands of a group, at any depth."""
    for one in command.commands.values():
        yield from _leaves(one) if hasattr(one, "commands") else (one,)


def refusal(error: OnfhError) -> None:
    """Print on stderr why a command stops; a list in the message has lines of its own."""
    _print(as_typed(printable(f"onfh: {error}")), sys.stderr)


def document(**content: object) -> None:
    """Print one JSON document on stdout: rows as objects, in ASCII, and null for what could not be computed."""
    _print(json.dumps(plain(content), indent=1, allow_nan=False), sys.stdout)


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects, enumerations as their values, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, str | Path) else value


def failure(name: str, message: str) -> None:
    """Print on stderr why one of several scans failed; a list in the message has lines of its own."""
    _print(as_typed(printable(f"{name} failed: {message}")), sys.stderr)


def table(title: str, columns: list[str], rows: list[list[str]], *, always: bool = False) -> None:
    """Print a table; what looks like rich's markup in it is printed as it is.

    Args:
        title: Above it.
        columns: Their names.
        rows: Its cells.
        always: Whether `--quiet` leaves it, too.
    """
    if _quiet and not always:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(title, style="table.title"), title_justify="left")
    for column in columns:
        shown.add_column(Text(column))
    for row in rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:  # a pipe has no width to fit: nothing is cut off
        console.width = 140
    console.print(shown)


def number(value: float | None) -> str:
    """A number for a table; empty where there is none."""
    return "" if value is None else f"{value:.3f}"


def _print(text: str, stream: TextIO) -> None:
    with _one_line_at_a_time:  # folds are trained side by side: print writes a line and its end apart
        print(text, file=stream)
