"""Console output: results on stdout, messages and progress on stderr; no progress bars in a pipe.

All output of the commands passes here, and nothing that a file or a header says reaches the terminal as it is: see
`printable`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.printable import on_one_line, printable

if TYPE_CHECKING:
    from onfh_nnunet.workflows.train import Epoch

SHOWN_METRICS = ("dice", "assd_mm", "hd95_mm", "nsd_1mm", "volume_error_ml", "accuracy")
"""Of the many in summary.csv, those that a person wants to see first."""

_PARAMETER = re.compile(r"`([a-z_]+)`")

Step = Callable[[str, int, int], None]


def say(text: object) -> None:
    """Print a line of results on stdout."""
    print(on_one_line(text))


def note(text: object) -> None:
    """Print a line on stderr, beside the results."""
    print(as_typed(on_one_line(text)), file=sys.stderr)


def as_typed(text: str) -> str:
    """A library message for the command line: a parameter such as `keep_ids` becomes --keep-ids."""
    return _PARAMETER.sub(lambda found: _options().get(found[1], found[0]), text)


@functools.cache
def _options() -> dict[str, str]:
    """The option of each parameter of a command."""
    from onfh_nnunet.cli import app

    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    options = (one for command in commands for one in command.params if one.param_type_name == "option")
    return {one.name: max(one.opts, key=len) for one in options}


def refusal(error: OnfhError) -> None:
    """Print on stderr why a command stops; a list in the message has lines of its own."""
    print(as_typed(printable(f"onfh: {error}")), file=sys.stderr)


def document(**content: object) -> None:
    """Print one JSON document on stdout: rows as objects, in ASCII, and null for what could not be computed."""
    print(json.dumps(_plain(content), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    """A value as JSON: dataclasses as objects, enumerations as their values, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, str | Path) else value


def failure(name: str, message: str) -> None:
    """Print on stderr why one of several scans failed; a list in the message has lines of its own."""
    print(as_typed(printable(f"{name} failed: {message}")), file=sys.stderr)


@contextlib.contextmanager
def steps(title: str) -> Iterator[Step]:
    """Progress bar; call ``step(case, done, total)`` after each case."""
    with _progress() as progress:
        task = progress.add_task(title, total=None)

        def step(case: str, done: int, total: int) -> None:
            progress.update(task, description=f"{title} {on_one_line(case)}", completed=done, total=total)

        yield step


@contextlib.contextmanager
def epochs() -> Iterator[Callable[[Epoch], None]]:
    """One progress bar per fold: epoch, loss, pseudo Dice of head and necrosis, remaining time."""
    with _progress() as progress:
        tasks: dict[int, Any] = {}
        lock = threading.Lock()

        def show(epoch: Epoch) -> None:
            dice = " / ".join(f"{value:.3f}" for value in epoch.dice)
            text = f"fold {epoch.fold}  loss {epoch.loss:.3f}  pseudo Dice {dice}"
            with lock:
                if epoch.fold not in tasks:
                    tasks[epoch.fold] = progress.add_task(text, total=epoch.epochs)
            progress.update(tasks[epoch.fold], description=text, completed=epoch.epoch)

        yield show


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table; text that looks like rich markup is printed unchanged."""
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


def comparison_table(folder: Path) -> None:
    """Print the most important metrics of a comparison."""
    from onfh_nnunet.workflows.result_tables import read_summary

    rows = [
        [row.region, row.metric, *map(number, (row.median, row.q1, row.q3)), f"{row.n_undefined}"]
        for row in read_summary(folder)
        if row.metric in SHOWN_METRICS
    ]
    table("Prediction against reference", ["region", "metric", "median", "q1", "q3", "undefined"], rows)


def crossval_tables(folder: Path) -> None:
    """Print a cross-validation beside the published figures."""
    from onfh_nnunet.workflows.result_tables import KAPPA_NOTE, PUBLISHED, SOURCE, read_agreement, read_summary

    published = {(figure.region, figure.metric): figure for figure in PUBLISHED}
    rows = [
        [
            row.region,
            row.metric,
            _spread(row),
            _spread(published.get((row.region, row.metric))),
            f"{row.n}",
            f"{row.n_undefined}",
        ]
        for row in read_summary(folder)
        if row.metric in SHOWN_METRICS
    ]
    table("Out of fold, median (IQR)", ["region", "metric", "here", "published", "n", "undefined"], rows)
    agreement = [
        [row.statistic, number(row.value), f"{number(row.ci_low)} to {number(row.ci_high)}", f"{row.n}", row.note]
        for row in read_agreement(folder)
    ]
    table("Steinberg grade and percent of the head", ["statistic", "value", "95 % interval", "n", "note"], agreement)
    say(f"Published: {SOURCE}; accuracy {published['grade', 'accuracy'].median:.3f}. {KAPPA_NOTE}")


def _spread(row: Any) -> str:
    if row is None or row.median is None:
        return "" if row is None else "undefined"
    return f"{number(row.median)} ({number(row.q1)}-{number(row.q3)})"


def number(value: float | None) -> str:
    """A number for a table; empty where there is none."""
    return "" if value is None else f"{value:.3f}"


@contextlib.contextmanager
def _progress() -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress
