"""Planning and preprocessing of a study with nnU-Net, and its cross-validation folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.cohort.folds import make_folds
from onfh_nnunet.core.choices import DEFAULT_WORK, AnyPath, PresetName
from onfh_nnunet.core.errors import SplitError
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.preset import preset_named
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training import plan as planning
from onfh_nnunet.training.plan import Plan


@dataclass(frozen=True)
class Planned:
    """The result of planning.

    Args:
        plan: By what each fold is trained.
        folds_csv: The table of the folds.
        hips: How many hips are in them.
        unchanged: Whether the same plan was there already.
    """

    plan: Plan
    folds_csv: Path
    hips: int
    unchanged: bool


def plan(
    work: AnyPath = DEFAULT_WORK,
    preset: PresetName | str = PresetName.PAPER,
    folds: int = 4,
    seed: int = 0,
    *,
    progress: Progress = silent,
) -> Planned:
    """Plan and preprocess a converted study, and split its patients into folds.

    The hips of a patient stay together, and each fold gets its share of each grade.

    Args:
        work: The folder of the study, as `convert` filled it.
        preset: paper (five stages), resenc (nnU-Net's ResEncM), laptop (five small stages for a CPU, one network for
            every study) or quick (to try things out).
        folds: Folds of the cross-validation, at least 2 and no more than there are patients.
        seed: Which of the many fair ways to split, at least 0.
        progress: Called with each step of nnU-Net, how many hips it has finished, and how many there are.

    Returns:
        The plan, and whether it was there already.

    Raises:
        SplitError: There are fewer patients than folds, fewer than two folds, or a negative seed.
        TrainingError: The preset is unknown, or nnU-Net failed.
        WorkspaceError: The folder holds no dataset, a file of it was changed, or another process writes into it.

    Example:
        >>> from onfh_nnunet.workflows.plan import plan
        >>> plan("work", preset="quick", folds=2).unchanged  # doctest: +SKIP
        False
    """
    if seed < 0:
        raise SplitError(f"`seed` {seed}", "is negative", "Use 0 or more")
    chosen = preset_named(preset)
    dataset = Dataset.read(Workspace.open(Path(work)))
    made, unchanged = planning.plan(dataset, make_folds(dataset.cases, folds, seed), chosen, progress)
    return Planned(made, dataset.workspace.folds_csv, len(dataset.cases), unchanged)
