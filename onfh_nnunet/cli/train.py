"""``onfh train``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, DeviceOption, Work
from onfh_nnunet.core.devices import Device, resolve_device
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan


def train(
    work: Work = DEFAULT_WORK,
    fold: Annotated[str, typer.Option(help="all, or the number of one fold.")] = "all",
    device: DeviceOption = Device.AUTO,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs; the preset's when absent.")] = None,
) -> None:
    """Train folds: go on where one stopped, skip what is finished."""
    from onfh_nnunet.training.train import require_fold
    from onfh_nnunet.training.train import train as train_folds

    dataset = Dataset.read(Workspace.open(work))
    splits = Splits.read(dataset.workspace.folds_csv)
    plan = Plan.read(dataset, splits)
    folds = list(range(splits.n_folds)) if fold == "all" else [require_fold(_number(fold), splits.n_folds)]
    chosen = resolve_device(device)
    console.say(f"training on {chosen}")
    with console.epochs() as on_epoch:
        trained = train_folds(dataset, plan, folds, chosen, epochs, on_epoch)
    for number in folds:
        console.say(f"fold {number} {'trained' if number in trained else 'was finished'}")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither 'all' nor a number", param_hint="--fold") from None
