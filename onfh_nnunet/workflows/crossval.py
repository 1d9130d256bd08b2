"""Cross-validation: out-of-fold masks and their tables, driven by the folds and never by the files on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from onfh_nnunet.core.atomic_files import sha256
from onfh_nnunet.core.choices import DEFAULT_WORK, AnyPath, EngineName, chosen
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device, resolve_device
from onfh_nnunet.core.folder_record import claim
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.run_log import LOGGER, log_into
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import engine_for
from onfh_nnunet.inference.head_candidates import find_head_candidates
from onfh_nnunet.inference.segmenter import HipSegmenter, labels_of
from onfh_nnunet.inference.traits import hip_traits
from onfh_nnunet.models.model_file import out_of_fold_model
from onfh_nnunet.study.cohort_hips import CohortHips
from onfh_nnunet.study.dataset import Case, Dataset
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.study_lock import locked_study
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan, require_all_cases
from onfh_nnunet.training.train import finished_checkpoint
from postprocessing.figures import FIGURE_FILES, write_figures
from postprocessing.masks.lesion_parts import predicted_hip
from postprocessing.metrics.case_metrics import CrossvalRow, crossval_row
from postprocessing.statistics.summary_tables import TABLES, write_tables
from postprocessing.uncertainty.applicability import Applicability
from postprocessing.uncertainty.conformal import Calibration

_FOLD = "fold_"


def cross_validate(
    work: AnyPath = DEFAULT_WORK, device: Device | str = Device.AUTO, *, progress: Progress = silent
) -> list[CrossvalRow]:
    """Evaluate each hip with the fold that did not see it; write masks, tables and figures into ``crossval``.

    What was made from the same checkpoints before is left as it is.

    Args:
        work: The folder of the study, with all its folds trained.
        device: auto takes cuda, then mps, then cpu.
        progress: Called after each hip.

    Returns:
        The metrics of each hip, as in crossval/cases.csv; distances in mm, volumes in ml, None where undefined.

    Raises:
        DeviceError: The device is not on this machine.
        OnfhError: There is no such kind of device.
        StaleError: A fold was trained on other data or other folds.
        TrainingError: A fold is not trained.
        WorkspaceError: The study is not planned, or another process writes into it.

    Example:
        >>> from onfh_nnunet.workflows.crossval import cross_validate
        >>> rows = cross_validate("work", device="cpu")  # doctest: +SKIP
        >>> sum(row.grade_true == row.grade_pred for row in rows) / len(rows)  # doctest: +SKIP
        0.92
    """
    workspace, wanted = Workspace.open(Path(work)), chosen(Device, device, "device")
    with locked_study(workspace, "onfh crossval"):
        log_into(workspace.root)
        dataset = Dataset.read(workspace)
        splits = Splits.read(workspace.folds_csv)
        require_all_cases(dataset, splits)
        plan = Plan.read(dataset, splits)
        folder, made_from = workspace.crossval, _made_from(workspace, splits, plan)
        if not is_up_to_date(dataset, splits, plan):
            _clear(folder, dataset)
            rows = sorted(_rows(dataset, splits, plan, wanted, progress), key=lambda row: row.case_id)
            write_tables(folder, rows, CohortHips.read(workspace))
            write_figures(folder, rows)
            made_from.write(_record(workspace))
        elif Provenance.read(_record(workspace)) != made_from:  # only the cohort's other hips or subgroups changed
            (folder / "report.html").unlink(missing_ok=True)
            write_tables(folder, read_rows(folder / "cases.csv", CrossvalRow), CohortHips.read(workspace))
            made_from.write(_record(workspace))
        return read_rows(folder / "cases.csv", CrossvalRow)


def is_up_to_date(dataset: Dataset, splits: Splits, plan: Plan) -> bool:
    """Whether the cross-validation in the workspace is complete and from the current folds.

    Raises:
        TrainingError: A fold is not trained.
        StaleError: A fold was trained on other data or other folds.
    """
    record, now = Provenance.read(_record(dataset.workspace)), _made_from(dataset.workspace, splits, plan)
    return record is not None and _folds(record) == _folds(now) and _complete(dataset.workspace.crossval, dataset)


@dataclass(frozen=True)
class OutOfFold:
    """What the hips of a cross-validation tell of new ones.

    Args:
        calibration: How far percentages err.
        applicability: The traits of these hips; None where no head was outlined.
        healthy: How many of them are healthy.
    """

    calibration: Calibration
    applicability: Applicability | None
    healthy: int

    @classmethod
    def of(cls, rows: Sequence[CrossvalRow]) -> Self:
        """Of the hips with a predicted head."""
        known = [row for row in rows if row.necrosis_percent_pred is not None]
        return cls(
            Calibration.fit(
                [row.necrosis_percent_true for row in known],
                [row.necrosis_percent_pred for row in known],
                [row.patient for row in known],
            ),
            Applicability.fit([traits for row in known if (traits := row.traits)]),
            sum(row.grade_true is Grade.NONE for row in known),
        )


def out_of_fold(workspace: Workspace) -> OutOfFold:
    """What an evaluated workspace tells of new hips."""
    return OutOfFold.of(read_rows(workspace.crossval / "cases.csv", CrossvalRow))


def _clear(folder: Path, dataset: Dataset) -> None:
    """Remove an earlier cross-validation, and no file of the user."""
    masks = (f"masks/{case.case_id}.nii.gz" for case in dataset.cases)
    claim(
        folder,
        "tables, figures and masks",
        (*TABLES, *FIGURE_FILES, *masks, "made_from.json", "report.html"),
    )


def _record(workspace: Workspace) -> Path:
    return workspace.crossval / "made_from.json"


def _made_from(workspace: Workspace, splits: Splits, plan: Plan) -> Provenance:
    """The checkpoints behind the masks, and the tables of the cohort behind the flow and the subgroups."""
    checkpoints = {fold: finished_checkpoint(workspace, plan, fold) for fold in range(splits.n_folds)}
    folds = {f"{_FOLD}{fold}_sha256": sha256(checkpoint) for fold, checkpoint in checkpoints.items()}
    tables = [path for path in (workspace.given_csv, workspace.subgroups_csv) if path.is_file()]
    return Provenance(folds | {f"{path.stem}_sha256": sha256(path) for path in tables})


def _folds(made_from: Provenance) -> dict[str, object]:
    """The facts that decide the masks."""
    return {name: fact for name, fact in made_from.facts.items() if name.startswith(_FOLD)}


def _rows(dataset: Dataset, splits: Splits, plan: Plan, device: Device, progress: Progress) -> Iterator[CrossvalRow]:
    computes_on = resolve_device(device)
    cases = {case.case_id: case for case in dataset.cases}
    done = 0
    for fold in range(splits.n_folds):
        model = out_of_fold_model(dataset, plan, fold)
        segmenter = HipSegmenter(model, engine_for(model, computes_on, EngineName.AUTO))
        for case_id in splits.validation(fold):
            case = cases[case_id]
            mask, traits = _predicted(dataset, case, segmenter)
            mask.write_labels(dataset.workspace.crossval / "masks" / f"{case_id}.nii.gz")
            row = crossval_row(case.hip, fold, HipMask(Volume.read(dataset.label(case))), HipMask(mask))
            row = row.with_traits(traits)
            LOGGER.info("%s: judged by fold %d, grade %s, true grade %s", case_id, fold, row.grade_pred, row.grade_true)
            yield row
            done += 1
            progress(case_id, done, len(cases))


def _predicted(dataset: Dataset, case: Case, segmenter: HipSegmenter) -> tuple[Volume, HipTraits | None]:
    """The cleaned mask on the grid of the case's label, and its traits; an empty one counts as missed."""
    image = Volume.read(dataset.image(case))
    probabilities = segmenter.probabilities(image)
    mask = Volume(labels_of(probabilities), image.grid)
    if not np.any(Region.HEAD.mask(mask.array)):
        return mask, None
    heads = find_head_candidates(probabilities[0], HipCrop.whole(image.grid))
    head = max(heads, key=lambda each: each.ml, default=None)
    return predicted_hip(mask, case.case_id).labels, hip_traits(image, probabilities, head) if head else None


def _complete(folder: Path, dataset: Dataset) -> bool:
    masks = [folder / "masks" / f"{case.case_id}.nii.gz" for case in dataset.cases]
    return all(path.is_file() for path in (*masks, *(folder / name for name in TABLES)))
