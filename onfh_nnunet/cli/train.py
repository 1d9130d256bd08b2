"""``onfh train``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, DeviceOption, Work
from onfh_nnunet.core.devices import Device


def train(
    work: Work = DEFAULT_WORK,
    fold: Annotated[str, typer.Option(help="all, or the number of one fold.")] = "all",
    device: DeviceOption = Device.AUTO,
    epochs: Annotated[int | None, typer.Option(min=1, help="Training epochs; default: those of the preset.")] = None,
) -> None:
    """Train folds; interrupted folds resume, finished folds are skipped."""
    from onfh_nnunet.workflows.train import train as train_folds

    wanted = _fold(fold)
    with console.epochs() as on_epoch:
        made = train_folds(work, wanted, device, epochs, on_start=_say_device, on_epoch=on_epoch)
    for number in sorted((*made.trained, *made.finished)):
        console.say(f"fold {number} {'trained' if number in made.trained else 'was finished'}")


def _say_device(device: Device) -> None:
    console.say(f"training on {device}")


def _fold(text: str) -> int | Literal["all"]:
    try:
        return "all" if text == "all" else int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither 'all' nor a number", param_hint="--fold") from None
