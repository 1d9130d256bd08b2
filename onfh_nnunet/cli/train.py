"""``onfh train``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, DeviceOption, Fold, Quiet, Work, fold_numbers
from onfh_nnunet.cli.progress import epochs as shown_epochs
from onfh_nnunet.core.devices import Device


def train(
    work: Work = DEFAULT_WORK,
    fold: Fold = "all",
    device: DeviceOption = Device.AUTO,
    epochs: Annotated[int | None, typer.Option(min=1, help="Training epochs; default: those of the preset.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Start from a model file's weights, or from those of: bundled."),
    ] = None,
    _quiet: Quiet = False,
) -> None:
    """Train folds; interrupted folds resume, finished folds are skipped."""
    from onfh_nnunet.workflows.train import train as train_folds

    wanted = fold_numbers(fold)
    with shown_epochs() as shown:
        made = train_folds(
            *(work, wanted, device, epochs),
            start=start,
            on_start=_say_device,
            on_fold=shown.begin,
            on_epoch=shown.end_epoch,
        )
    for number in sorted((*made.trained, *made.finished)):
        console.result(f"fold {number} {'trained' if number in made.trained else 'was finished'}")
    console.next_step("crossval" if wanted == "all" else "train", "--work", work)


def _say_device(device: Device) -> None:
    console.say(f"training on {device}")
