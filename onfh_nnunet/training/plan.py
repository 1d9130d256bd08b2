"""Planning and preprocessing of a dataset with nnU-Net."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from onfh_nnunet.core.atomic_files import remove_file, sha256, write_text
from onfh_nnunet.core.cores import available_cores
from onfh_nnunet.core.errors import SplitError, StaleError, WorkspaceError
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.run_log import LOGGER, log_into
from onfh_nnunet.nnunet.worker_process import Resources, lifeline, run_worker
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.preset import CONFIGURATION, Preset, preset_named
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.study_lock import locked_study
from onfh_nnunet.study.workspace import Workspace

_REMEDY = "Run onfh plan again"


@dataclass(frozen=True)
class Plan:
    """Provenance of a plan; the hashes of data, folds and network are compared before use."""

    preset: str
    dataset_sha256: str
    splits_sha256: str
    plans_sha256: str

    @classmethod
    def read(cls, dataset: Dataset, splits: Splits) -> Plan:
        """Read the plan of a workspace.

        Raises:
            WorkspaceError: There is none.
            StaleError: It was made from other data or folds, or was changed since.
        """
        workspace = dataset.workspace
        made = Provenance.read(_record(workspace)) or Provenance({})
        try:
            plan = cls(**made.facts)
        except TypeError as error:
            raise WorkspaceError(workspace.root, "holds no plan", "Run onfh plan first") from error
        dataset.require_same(workspace.preprocessed / "dataset.json", "the plan", _REMEDY)
        made.require_same(cls.of(dataset, splits, preset_named(plan.preset)).provenance, "the plan", _REMEDY)
        return plan

    @property
    def provenance(self) -> Provenance:
        """What a fold is trained with, as it is recorded."""
        return Provenance(asdict(self))

    @classmethod
    def of(cls, dataset: Dataset, splits: Splits, preset: Preset) -> Plan:
        """The plan of a dataset, folds and a preset whose plans file exists.

        Raises:
            WorkspaceError: nnU-Net's plans file is missing.
        """
        plans = dataset.workspace.preprocessed / f"{preset.name}.json"
        if not plans.is_file():
            raise WorkspaceError(plans, "is missing", _REMEDY)
        return cls(preset.name, dataset.sha256, splits.sha256, sha256(plans))


def plan(dataset: Dataset, splits: Splits, preset: Preset, progress: Progress = silent) -> tuple[Plan, bool]:
    """Plan and preprocess a dataset with nnU-Net, and install the folds.

    Args:
        dataset: The converted dataset.
        splits: Folds of all its cases.
        preset: How to plan.
        progress: Called with each step, how many cases it has finished, and how many there are.

    Returns:
        The plan, and whether it was there already.

    Raises:
        SplitError: The folds are not those of the dataset's cases.
        TrainingError: nnU-Net failed.
    """
    require_all_cases(dataset, splits)
    with locked_study(dataset.workspace, "onfh plan"):
        log_into(dataset.workspace.root)
        return _plan(dataset, splits, preset, progress)


def _plan(dataset: Dataset, splits: Splits, preset: Preset, progress: Progress) -> tuple[Plan, bool]:
    workspace = dataset.workspace
    try:
        current = Plan.read(dataset, splits)
        if current.preset == preset.name and _preprocessed(dataset, preset):
            return current, True
    except (WorkspaceError, StaleError):
        pass  # none yet, or of other data: made below
    remove_file(_record(workspace))
    command = ["plan_worker", str(workspace.dataset_id), preset.name, str(available_cores())]
    share = Resources(threads=1, workers=available_cores())
    progress("start of nnU-Net", 0, len(dataset.cases))
    with lifeline() as life:
        run_worker(workspace, "plan", command, share, life, lambda line: progress(*json.loads(line)))
    splits.write(workspace.folds_csv)
    write_text(workspace.preprocessed / "splits_final.json", json.dumps(splits.for_nnunet(), indent=1))
    LOGGER.info("%s planned by preset %s, in %d folds", plural(len(dataset.cases), "hip"), preset.name, splits.n_folds)
    made = Plan.of(dataset, splits, preset)
    made.provenance.write(_record(workspace))
    return made, False


def require_all_cases(dataset: Dataset, splits: Splits) -> None:
    """Refuse folds whose cases differ from the dataset's.

    Raises:
        SplitError: They do.
    """
    cases, folded = {case.case_id for case in dataset.cases}, {row.case_id for row in splits.rows}
    if cases != folded:
        raise SplitError(sorted(cases ^ folded)[0], "is not both in cases.csv and in folds.csv", _REMEDY)


def _preprocessed(dataset: Dataset, preset: Preset) -> bool:
    plans = json.loads((dataset.workspace.preprocessed / f"{preset.name}.json").read_text(encoding="utf-8"))
    folder = dataset.workspace.preprocessed / plans["configurations"][CONFIGURATION]["data_identifier"]
    return all((folder / f"{case.case_id}.pkl").is_file() for case in dataset.cases)


def _record(workspace: Workspace) -> Path:
    return workspace.root / "plan.json"
