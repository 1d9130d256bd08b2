"""``onfh export``."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, Work
from onfh_nnunet.core.atomic_files import require_file_place, require_output_apart
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.models.model_card import UNSTATED, Card, Score, cohort_figures
from onfh_nnunet.models.schema import refused
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.train import Training, fold_folder

if TYPE_CHECKING:
    from onfh_nnunet.models.model import Model


def export(
    out: Annotated[Path, typer.Option(help="Model file to write, such as hips.onfh.")],
    work: Work = DEFAULT_WORK,
    stock: Annotated[
        Path | None, typer.Option("--from", help="Result folder of nnUNetv2_train, instead of a study.")
    ] = None,
    trust_pickle: Annotated[
        bool,
        typer.Option(
            "--trust-pickle", help="With --from: let checkpoints run code that they bring, in a child process."
        ),
    ] = False,
    licence: Annotated[str, typer.Option(help="Under which the model may be used, such as CC-BY-4.0.")] = UNSTATED,
) -> None:
    """Put all trained folds into one model file that runs nothing when it is opened."""
    from onfh_nnunet.models.model_file import write_model_file
    from onfh_nnunet.models.nnunet_interop import read_stock

    require_output_apart(out, () if stock is None else (stock,))
    require_file_place(out)
    with locked_output(out, "onfh export"):
        model, card = _trained(work) if stock is None else read_stock(stock, trust_pickle=trust_pickle)
        with refused("--licence", "Name it in one line, such as CC-BY-4.0"):
            card = replace(card, licence=licence)
        file = write_model_file(out, model, card)
    if stock is not None:
        console.note("it must have been trained on single hips as onfh convert cuts them")
    console.say(f"model of {len(model.weights)} folds, sha256 {file.sha256[:12]}: {out}")


def _trained(work: Path) -> tuple[Model, Card]:
    """The folds of a study, and what is known of them; without a cross-validation of these folds a note says so."""
    from onfh_nnunet.models.model_file import trained_model
    from onfh_nnunet.workflows.crossval import calibration, evaluated
    from postprocessing.uncertainty.conformal import Calibration

    dataset = Dataset.read(Workspace.open(work))
    splits = Splits.read(dataset.workspace.folds_csv)
    plan = Plan.read(dataset, splits)
    training = Training.read(fold_folder(dataset.workspace, plan, 0))
    card = Card(training=_flat(training), **cohort_figures(dataset))
    model = trained_model(dataset, splits, plan)
    if not evaluated(dataset, splits, plan):
        console.note("no calibrated intervals in it: run onfh crossval first, then export again")
        return model, card
    known = calibration(dataset.workspace)
    if known.note:
        console.note(f"no calibrated intervals in it: {known.note}")
    scores = tuple(read_rows(dataset.workspace.crossval / "summary.csv", Score))
    card = replace(card, crossval=scores)
    try:
        return model, replace(card, calibration=Calibration.from_json(known.to_json()).to_json())
    except ModelError as error:  # such as no error at all in any hip
        console.note(f"no calibrated intervals in it: {error.problem}")
        return model, card


def _flat(training: Training | None) -> dict[str, Any] | None:
    """Preset, hashes, epochs and versions, side by side."""
    if training is None:
        return None
    values = asdict(training)
    return {**values.pop("plan"), **values}
