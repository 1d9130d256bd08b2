"""Progress on stderr: a bar on a terminal, a line a case in a pipe, nothing with `--quiet`."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from onfh_nnunet.cli import console
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.progress import Progress, silent

if TYPE_CHECKING:
    from onfh_nnunet.workflows.train import Epoch


@contextlib.contextmanager
def steps(title: str) -> Iterator[Progress]:
    """Progress of one long step; call it with the case, how many are done, and how many there are."""
    if console.is_quiet():
        yield silent
    elif not sys.stderr.isatty():
        yield partial(_step_line, title)
    else:
        with _bars() as bars:
            task = bars.add_task(title, total=None)

            def step(case: str, done: int, total: int) -> None:
                bars.update(task, description=f"{title} {on_one_line(case)}", completed=done, total=total)

            yield step


@dataclass(frozen=True)
class Epochs:
    """Progress of folds that are trained side by side; several threads may call it.

    Args:
        show: Called with the fold, a text, how many epochs are done, and how many there are.
    """

    show: Callable[[int, str, int, int], None]

    def begin(self, fold: int, epochs: int) -> None:
        """The training of a fold starts or goes on."""
        self.show(fold, f"fold {fold}  starts", 0, epochs)

    def end_epoch(self, epoch: Epoch) -> None:
        """An epoch is finished."""
        dice = " / ".join(f"{value:.3f}" for value in epoch.dice)
        left = f"{epoch.seconds_left / 60:.0f} min left" if epoch.seconds_left else "done"
        text = f"fold {epoch.fold}  loss {epoch.loss:.3f}  pseudo Dice {dice}  {left}"
        self.show(epoch.fold, text, epoch.epoch, epoch.epochs)


@contextlib.contextmanager
def epochs() -> Iterator[Epochs]:
    """Progress of each fold: epoch, loss, pseudo Dice of head and necrosis, time left."""
    if console.is_quiet():
        yield Epochs(lambda _fold, _text, _done, _total: None)
    elif not sys.stderr.isatty():
        yield Epochs(lambda _fold, text, done, total: _line(f"epoch {done}/{total}  {text}"))
    else:
        with _bars() as bars:
            tasks: dict[int, Any] = {}
            lock = threading.Lock()

            def show(fold: int, text: str, done: int, total: int) -> None:
                with lock:
                    if fold not in tasks:
                        tasks[fold] = bars.add_task(text, total=total)
                bars.update(tasks[fold], description=text, completed=done)

            yield Epochs(show)


def _step_line(title: str, case: str, done: int, total: int) -> None:
    if total > 1:  # of a single case the result or the refusal says all
        _line(f"{title} {done}/{total} {on_one_line(case)}".rstrip())


def _line(text: str) -> None:
    console.note(text)


@contextlib.contextmanager
def _bars() -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # What is printed meanwhile appears above the bars; results for a pipe stay on stdout.
    bars = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())
    with bars:
        yield bars
