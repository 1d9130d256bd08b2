"""Cross-validation: out-of-fold masks, driven by the folds and never by what happens to lie on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from onfh_nnunet.bundle import out_of_fold_model
from onfh_nnunet.cli import show
from onfh_nnunet.dataset import Case, Dataset
from onfh_nnunet.devices import Device, resolve_device
from onfh_nnunet.files import remove, sha256, write_text
from onfh_nnunet.labels import Region
from onfh_nnunet.plan import Plan, require_all_cases
from onfh_nnunet.segment import HipSegmenter, labels_of
from onfh_nnunet.splits import Splits
from onfh_nnunet.train import finished_checkpoint
from onfh_nnunet.volume import Volume
from onfh_nnunet.workspace import Workspace
from postprocessing.clean import clean
from postprocessing.summarize import CrossvalRow, crossval_row, write_tables

TABLES = ("cases.csv", "summary.csv", "agreement.csv", "confusion.csv")


def cross_validate(workspace: Workspace, device: Device) -> Path:
    """Predict each hip with the fold that never saw it, clean, compare, and write the tables.

    What was made from the same checkpoints before is left as it is.

    Returns:
        The folder of the tables.

    Raises:
        TrainingError: A fold is not trained.
        StaleError: A fold was trained on other data or other folds.
    """
    dataset = Dataset.read(workspace)
    splits = Splits.read(workspace.folds_csv)
    require_all_cases(dataset, splits)
    plan = Plan.read(dataset, splits)
    folder, record = workspace.crossval, workspace.crossval / "made_from.json"
    made_from = json.dumps([sha256(finished_checkpoint(workspace, plan, fold)) for fold in range(splits.n_folds)])
    if record.is_file() and record.read_text(encoding="utf-8") == made_from and _complete(folder, dataset):
        return folder
    remove(folder)
    rows = sorted(_rows(dataset, splits, plan, device), key=lambda row: row.case_id)
    write_tables(folder, rows)
    write_text(record, made_from)
    return folder


def _rows(dataset: Dataset, splits: Splits, plan: Plan, device: Device) -> Iterator[CrossvalRow]:
    chosen = resolve_device(device)
    cases = {case.case_id: case for case in dataset.cases}
    with show.steps("crossval") as step:
        done = 0
        for fold in range(splits.n_folds):
            segmenter = HipSegmenter(out_of_fold_model(dataset, plan, fold), chosen)
            for case_id in splits.validation(fold):
                mask = _mask(dataset, cases[case_id], segmenter)
                mask.write(dataset.workspace.crossval / "masks" / f"{case_id}.nii.gz")
                yield crossval_row(cases[case_id].hip, fold, Volume.read(dataset.label(cases[case_id])), mask)
                done += 1
                step(case_id, done, len(cases))


def _mask(dataset: Dataset, case: Case, segmenter: HipSegmenter) -> Volume:
    """The cleaned mask on the grid of the case's label; without any head it stays empty, and counts as missed."""
    image = Volume.read(dataset.image(case))
    mask = Volume(labels_of(segmenter.probabilities(image)), image.grid)
    return clean(mask, case.case_id) if np.any(Region.HEAD.mask(mask.array)) else mask


def _complete(folder: Path, dataset: Dataset) -> bool:
    masks = [folder / "masks" / f"{case.case_id}.nii.gz" for case in dataset.cases]
    return all(path.is_file() for path in (*masks, *(folder / name for name in TABLES)))
