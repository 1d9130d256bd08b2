"""Training of folds in worker processes: resumed where they stopped, skipped when finished."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from onfh_nnunet.core.cores import available_cores, threads_each
from onfh_nnunet.core.devices import Device, gpu_count
from onfh_nnunet.core.errors import SplitError, TrainingError
from onfh_nnunet.core.folder_lock import locked, require_unlocked
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.run_log import LOGGER, log_into
from onfh_nnunet.nnunet.worker_process import Resources, lifeline, run_worker
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.preset import CONFIGURATION, preset_named
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.start import Start, StartWeights


@dataclass(frozen=True)
class Epoch:
    """The report of one finished epoch; `dice` is nnU-Net's pseudo Dice of head and necrosis on patches."""

    fold: int
    epoch: int
    epochs: int
    loss: float
    dice: tuple[float, ...]
    seconds: float

    @property
    def seconds_left(self) -> float:
        """The time that the remaining epochs take at this one's speed."""
        return (self.epochs - self.epoch) * self.seconds


@dataclass(frozen=True)
class Training:
    """Provenance of a trained fold; stored beside its checkpoint and compared before use.

    `start` is the model whose weights it started from; None for random ones.
    """

    plan: Plan
    epochs: int
    onfh_nnunet: str
    nnunetv2: str
    torch: str
    start: Start | None = None

    @classmethod
    def now(cls, plan: Plan, epochs: int | None, start: Start | None = None) -> Training:
        """The provenance of a training by this installation."""
        epochs = preset_named(plan.preset).epochs if epochs is None else epochs
        ours, nnunetv2, torch = (version(name) for name in ("onfh-nnunet", "nnunetv2", "torch"))
        return cls(plan, epochs, ours, nnunetv2, torch, start)

    @classmethod
    def read(cls, folder: Path) -> Training | None:
        """Read the record of a fold's folder; None before it began."""
        path = _record(folder)
        if not path.is_file():
            return None
        facts = (Provenance.read(path) or Provenance({})).facts
        try:
            start = facts.get("start")
            return cls(**{**facts, "plan": Plan(**facts["plan"]), "start": start and Start.from_json(start)})
        except (TypeError, KeyError) as error:
            raise TrainingError(path, "is damaged", f"Remove {folder} and train the fold again") from error

    def write(self, folder: Path) -> None:
        """Write the record into a fold's folder."""
        Provenance(asdict(self)).write(_record(folder))


def model_folder(workspace: Workspace, plan: Plan) -> Path:
    """nnU-Net's folder of the folds of a plan."""
    return workspace.results / f"nnUNetTrainer__{plan.preset}__{CONFIGURATION}"


def fold_folder(workspace: Workspace, plan: Plan, fold: int) -> Path:
    """nnU-Net's folder of one fold."""
    return model_folder(workspace, plan) / f"fold_{fold}"


def finished_checkpoint(workspace: Workspace, plan: Plan, fold: int) -> Path:
    """The final checkpoint of a fold that was trained by this plan.

    Raises:
        TrainingError: The fold is not trained to its end.
        StaleError: It was trained by another plan.
    """
    folder = fold_folder(workspace, plan, fold)
    checkpoint = folder / "checkpoint_final.pth"
    training = Training.read(folder)
    if training is None or not checkpoint.is_file():
        raise TrainingError(f"fold {fold}", f"is not trained: {checkpoint} is missing", "Run onfh train")
    _require_same_plan(training, plan, fold, folder)
    return checkpoint


def train(
    dataset: Dataset,
    plan: Plan,
    folds: Sequence[int],
    device: Device,
    epochs: int | None,
    on_epoch: Callable[[Epoch], None],
    on_fold: Callable[[int, int], None] = lambda _fold, _epochs: None,
    start: StartWeights | None = None,
) -> list[int]:
    """Train folds: in parallel, one per GPU, or on the CPU as many as there are cores.

    Args:
        dataset: The data.
        plan: By what.
        folds: Which folds.
        device: A resolved device.
        epochs: Training epochs; None takes the preset's.
        on_epoch: Called after each epoch, from several threads.
        on_fold: Called when a fold begins, with its number and how many epochs there are.
        start: The model that folds start from; None starts from random weights.

    Returns:
        The folds that were trained; those that were finished before are left out.

    Raises:
        StaleError: A fold was begun by another plan, for another number of epochs or from another start.
        TrainingError: nnU-Net failed.
        WorkspaceError: Another process trains a fold.
    """
    workspace = dataset.workspace
    training = Training.now(plan, epochs, start.start if start else None)
    wanted = [fold for fold in folds if not _finished(workspace, training, fold, fixed_epochs=epochs is not None)]
    shares = _shares(device, len(wanted))

    origin = start.start.name if start else "random weights"

    def one(fold: int, life: int) -> None:
        share, folder = shares.get(), fold_folder(workspace, plan, fold)
        command = ["train_worker", str(workspace.root), plan.preset, str(fold), device, str(training.epochs)]
        if start:
            command.append(str(start.of_fold(fold)))
        try:
            with locked(folder, "onfh train", "train another `fold`"):
                require_unlocked(workspace.root, "onfh command", "run onfh train later")
                log_into(workspace.root)
                LOGGER.info("fold %d: trained on %s for %d epochs from %s", fold, device, training.epochs, origin)
                training.write(folder)
                on_fold(fold, training.epochs)
                run_worker(workspace, f"fold_{fold}", command, share, life, lambda line: on_epoch(_epoch(fold, line)))
        finally:
            shares.put(share)
        finished_checkpoint(workspace, plan, fold)
        LOGGER.info("fold %d: finished", fold)

    pool = ThreadPoolExecutor(max(1, shares.qsize()))
    try:
        with lifeline() as life:  # an interrupt closes it, and with it all trainings
            trainings = [pool.submit(one, fold, life) for fold in wanted]
            wait(trainings)
    finally:
        pool.shutdown(cancel_futures=True)
    for finished in trainings:
        finished.result()
    return wanted


def require_fold(fold: int, n_folds: int) -> int:
    """Refuse a fold that does not exist: nnU-Net would train it on a random split without a warning.

    Raises:
        SplitError: It does not exist.
    """
    if not isinstance(fold, int) or not 0 <= fold < n_folds:
        raise SplitError(
            f"fold {fold}", f"does not exist; there are folds 0 to {n_folds - 1}", "Name one of these, or all"
        )
    return fold


def _finished(workspace: Workspace, training: Training, fold: int, *, fixed_epochs: bool) -> bool:
    folder = fold_folder(workspace, training.plan, fold)
    begun = Training.read(folder)
    if begun is None:
        return False
    _require_same_plan(begun, training.plan, fold, folder)
    finished = (folder / "checkpoint_final.pth").is_file()
    made, now = (Provenance({"start_sha256": each.start and each.start.sha256}) for each in (begun, training))
    same_start = f"Give {begun.start.name}" if begun.start else "Train without `start`"
    made.require_same(now, f"fold {fold}", f"{same_start}, or remove {folder}")
    if fixed_epochs or not finished:
        made, now = (Provenance({"epochs": each.epochs}) for each in (begun, training))
        made.require_same(now, f"fold {fold}", f"Ask for {begun.epochs} epochs, or remove {folder}")
    return finished


def _require_same_plan(training: Training, plan: Plan, fold: int, folder: Path) -> None:
    remedy = f"Remove {folder} and train it again, or restore the plan"
    training.plan.provenance.require_same(plan.provenance, f"fold {fold}", remedy)


def _shares(device: Device, n_folds: int) -> queue.SimpleQueue[Resources]:
    """Divide the machine's resources among folds that train in parallel."""
    cores = available_cores()
    gpus = gpu_count() if device is Device.CUDA else 0
    at_once = max(1, min(n_folds, gpus or (cores if device is Device.CPU else 1)))
    shares: queue.SimpleQueue[Resources] = queue.SimpleQueue()
    for place in range(at_once):
        workers = 0 if device is Device.CPU else min(12, cores // at_once)
        threads = 1 if workers else threads_each(at_once)  # each of these processes has as many
        shares.put(Resources(threads, workers, gpu=place if device is Device.CUDA else None))
    return shares


def _epoch(fold: int, line: str) -> Epoch:
    event = json.loads(line)
    return Epoch(fold, event["epoch"], event["epochs"], event["loss"], tuple(event["dice"]), event["seconds"])


def _record(folder: Path) -> Path:
    return folder / "onfh_training.json"
