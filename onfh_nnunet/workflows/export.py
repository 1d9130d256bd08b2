"""Export of all trained folds into one model file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from onfh_nnunet.core.atomic_files import require_file_place, require_output_apart
from onfh_nnunet.core.choices import DEFAULT_WORK, UNSTATED, AnyPath
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import ModelError, TrainingError, WorkspaceError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card, Score, cohort_figures
from onfh_nnunet.models.model_file import ModelFile, trained_model, write_model_file
from onfh_nnunet.models.nnunet_interop import read_stock
from onfh_nnunet.models.schema import refused
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.train import Training, fold_folder
from onfh_nnunet.workflows.crossval import OutOfFold, is_up_to_date, out_of_fold
from postprocessing.uncertainty.conformal import Calibration


@dataclass(frozen=True)
class Exported:
    """The exported model file.

    Args:
        model_file: What lies in it, as read back.
        notes: What to know of it, such as why its intervals are not calibrated.
    """

    model_file: ModelFile
    notes: tuple[str, ...]


def export(
    out: AnyPath,
    *,
    work: AnyPath = DEFAULT_WORK,
    stock: AnyPath | None = None,
    trust_pickle: bool = False,
    licence: str = UNSTATED,
) -> Exported:
    """Put all trained folds into one model file; opening it executes nothing.

    Args:
        out: The file to write, such as ``hips.safetensors``; an earlier one is replaced.
        work: The folder of the study, with all its folds trained; cross-validated, the model gets calibrated intervals.
        stock: A result folder of stock ``nnUNetv2_train`` instead of a study.
        trust_pickle: Whether checkpoints of `stock` may run code that they bring, in a child process.
        licence: Under which the model may be used, in one line, such as CC-BY-4.0.

    Returns:
        The model file, and notes.

    Raises:
        ModelError: The model cannot be loaded, a checkpoint asks for trust, or the licence is not one printable line.
        StaleError: A fold was trained on other data or other folds.
        TrainingError: A fold is not trained, or the folds started from different models.
        WorkspaceError: The study is not planned, or `out` cannot be written, is a folder or lies in `stock`.

    Example:
        >>> from onfh_nnunet.workflows.export import export
        >>> export("hips.safetensors", work="work").notes  # doctest: +SKIP
        ()
    """
    file = Path(out)
    require_output_apart(file, () if stock is None else (Path(stock),))
    require_file_place(file)
    if stock is None:
        _require_no_file_of(Path(work), file)
    with locked_output(file, "onfh export"):
        model, card, notes = _trained(Path(work)) if stock is None else _stock(Path(stock), trust_pickle)
        with refused("`licence`", "Name it in one line, such as CC-BY-4.0"):
            card = replace(card, licence=licence)
        return Exported(write_model_file(file, model, card), notes)


def _require_no_file_of(work: Path, out: Path) -> None:
    """Refuse to replace a file of the study; an earlier model file may be replaced."""
    if not out.exists() or work.resolve() not in out.resolve().parents:
        return
    try:
        ModelFile.read(out)
    except ModelError as error:
        raise WorkspaceError(out, f"is a file of the study {work}, and would be lost", "Give another name") from error


def _stock(folder: Path, trust_pickle: bool) -> tuple[Model, Card, tuple[str, ...]]:
    model, card = read_stock(folder, trust_pickle=trust_pickle)
    notes = ["it must have been trained on single hips as onfh convert cuts them"]
    if checkpoints := (card.training or {}).get("checkpoints"):
        notes.append(f"its weights are those of {checkpoints}")
    return model, card, tuple(notes)


def _trained(work: Path) -> tuple[Model, Card, tuple[str, ...]]:
    """The folds of a study and their model card; a note says when there is no cross-validation of these folds."""
    dataset = Dataset.read(Workspace.open(work))
    splits = Splits.read(dataset.workspace.folds_csv)
    plan = Plan.read(dataset, splits)
    model = trained_model(dataset, splits, plan)
    card = study_card(dataset, splits, plan)
    if not is_up_to_date(dataset, splits, plan):
        return model, card, ("no calibrated intervals in it: run onfh crossval first, then export again",)
    scores = tuple(read_rows(dataset.workspace.crossval / "summary.csv", Score))
    return model, *calibrated(replace(card, crossval=scores), out_of_fold(dataset.workspace))


def calibrated(card: Card, known: OutOfFold) -> tuple[Card, tuple[str, ...]]:
    """A card with the calibration of out-of-fold hips, and notes on why there is none."""
    calibration, ranges = known.calibration, known.applicability
    notes = (f"no calibrated intervals in it: {calibration.note}",) if calibration.note else ()
    card = replace(card, healthy_calibrated=known.healthy)
    if ranges is None:
        return card, notes
    try:
        values = Calibration.from_json(calibration.to_json()).to_json()
        return replace(card, calibration=values, applicability=ranges.to_json()), notes
    except ModelError as error:  # such as no error at all in any hip
        return card, (*notes, f"no calibrated intervals in it: {error.problem}")


def study_card(dataset: Dataset, splits: Splits, plan: Plan) -> Card:
    """What the folds of a study learned from.

    Raises:
        TrainingError: A fold has no record of its training, or the folds started from different models.
    """
    return _card(dataset, [_training(dataset, plan, fold) for fold in range(splits.n_folds)])


def _training(dataset: Dataset, plan: Plan, fold: int) -> Training:
    folder = fold_folder(dataset.workspace, plan, fold)
    training = Training.read(folder)
    if training is None:
        raise TrainingError(f"fold {fold}", f"has no record of its training in {folder}", "Train it again")
    return training


def _card(dataset: Dataset, trainings: Sequence[Training]) -> Card:
    """What the folds learned from; also what the model did that all of them started from.

    Raises:
        TrainingError: The folds started from different models.
    """
    starts = {training.start for training in trainings}
    if len(starts) > 1:
        names = ", ".join(sorted(start.name if start else "random weights" for start in starts))
        raise TrainingError("the folds", f"started from {names}, expected one start", "Train all of them in one way")
    (start,) = starts
    figures = cohort_figures(dataset)
    if start:
        figures["scans"] = None if start.scans is None else tuple(sorted({*figures["scans"], *start.scans}))
    return Card(training=_flat(trainings[0]), **figures)


def _flat(training: Training) -> dict[str, Any]:
    """Preset, hashes, epochs, versions and what it started from in one flat mapping."""
    values = asdict(training)
    plan, start = values.pop("plan"), values.pop("start")
    origin = {"started_from": start["name"], "started_from_sha256": start["sha256"]} if start else {}
    return {**plan, **values, **origin}
