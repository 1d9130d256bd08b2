"""Training of the folds of a planned study."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onfh_nnunet.core.choices import BUNDLED, DEFAULT_WORK, AnyPath, chosen
from onfh_nnunet.core.devices import Device, resolve_device
from onfh_nnunet.core.errors import OnfhWarning, TrainingError
from onfh_nnunet.core.scratch import scratch_folder
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training import train as training
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.training.start import StartWeights
from onfh_nnunet.training.train import Epoch, require_fold

__all__ = ["Epoch", "Trained", "train"]


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Args:
        device: What computed.
        trained: The folds that were trained now.
        finished: The wanted folds that were finished before.
    """

    device: Device
    trained: tuple[int, ...]
    finished: tuple[int, ...]


def train(
    work: AnyPath = DEFAULT_WORK,
    fold: int | Iterable[int] | Literal["all"] = "all",
    device: Device | str = Device.AUTO,
    epochs: int | None = None,
    *,
    start: AnyPath | None = None,
    on_start: Callable[[Device], None] = lambda _device: None,
    on_fold: Callable[[int, int], None] = lambda _fold, _epochs: None,
    on_epoch: Callable[[Epoch], None] = lambda _epoch: None,
) -> Trained:
    """Train folds; interrupted folds resume, finished folds are skipped.

    Args:
        work: The folder of the study, as `plan` filled it.
        fold: The number of one fold or of several, or all.
        device: auto takes cuda, then mps, then cpu.
        epochs: Training epochs; those of the preset by default.
        start: A model file whose weights each fold starts from, or ``bundled`` for the model in the package; random
            weights by default. It must have the plan's network, channels, labels, spacing and patch (preset laptop has
            the bundled model's), and must not have seen a scan of the study. Of several folds in it, each fold of the
            study starts from another one.
        on_start: Called once, before the data are read, with the device that computes.
        on_fold: Called before the first epoch of each fold, with its number and how many epochs there are, from
            several threads.
        on_epoch: Called after each epoch, from several threads.

    Returns:
        Which folds were trained, and which were finished before.

    Raises:
        DeviceError: The device is not on this machine.
        ModelError: The model to start from is damaged, or does not fit the plan.
        OnfhError: There is no such kind of device.
        SplitError: There is no such fold, or the model to start from learned from a scan of the study.
        StaleError: The plan, or a fold that was begun, is of other data, folds, epochs or start.
        TrainingError: `epochs` is below 1, or nnU-Net failed.
        WorkspaceError: The study is not planned, or another process writes into it.

    Example:
        >>> from onfh_nnunet.workflows.train import train
        >>> train("work", fold=0, device="cpu", epochs=2)  # doctest: +SKIP
        Trained(device=<Device.CPU: 'cpu'>, trained=(0,), finished=())
    """
    if epochs is not None and epochs < 1:
        raise TrainingError(f"`epochs` {epochs}", "is too few", "Use 1 or more, or leave it to the preset")
    workspace = Workspace.open(Path(work))
    splits = Splits.read(workspace.folds_csv)
    asked = range(splits.n_folds) if fold == "all" else [fold] if isinstance(fold, int | str) else fold
    folds = sorted({require_fold(one, splits.n_folds) for one in asked})
    computes_on = resolve_device(chosen(Device, device, "device"))
    on_start(computes_on)
    dataset = Dataset.read(workspace)  # every file is hashed: the user knows by now that something happens
    plan = Plan.read(dataset, splits)
    with _opened(start, dataset, plan) as weights:
        trained = training.train(dataset, plan, folds, computes_on, epochs, on_epoch, on_fold, weights)
    return Trained(computes_on, tuple(trained), tuple(number for number in folds if number not in trained))


@contextlib.contextmanager
def _opened(start: AnyPath | None, dataset: Dataset, plan: Plan) -> Iterator[StartWeights | None]:
    """A model to start from, as checkpoints of nnU-Net in a temporary folder."""
    if start is None:
        yield None
        return
    from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile
    from onfh_nnunet.models.nnunet_interop import checkpoint_of, unpack
    from onfh_nnunet.models.start_model import start_of

    path = BUNDLED_MODEL if start == BUNDLED else Path(start)
    file = ModelFile.read(path)
    record = start_of(file, BUNDLED if start == BUNDLED else path.name, dataset, plan)
    if record.scans is None:
        said = "does not say from which scans it learned; if a patient of this study was among them, the"
        warnings.warn(f"{path.name}: {said} cross-validation looks better than it is", OnfhWarning, stacklevel=4)
    with scratch_folder() as folder:
        unpack(file, folder)
        yield StartWeights(record, tuple(checkpoint_of(folder, fold) for fold in sorted(file.model.weights)))
