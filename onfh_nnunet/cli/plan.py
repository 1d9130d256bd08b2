"""``onfh plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, Work
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.preset import PresetName, preset_named
from onfh_nnunet.study.workspace import Workspace


def plan(
    work: Work = DEFAULT_WORK,
    preset: Annotated[
        PresetName, typer.Option(help="paper: five stages; resenc: nnU-Net's ResEncM.")
    ] = PresetName.PAPER,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Which of the many fair ways to split.")] = 0,
) -> None:
    """Plan and preprocess with nnU-Net, and split the patients into folds."""
    from dataset_conversion.cohort.folds import make_folds
    from onfh_nnunet.training.plan import plan as make_plan

    dataset = Dataset.read(Workspace.open(work))
    splits = make_folds(dataset.cases, folds, seed)
    made, unchanged = make_plan(dataset, splits, preset_named(preset))
    state = "unchanged" if unchanged else "planned"
    console.say(
        f"{state}: {len(dataset.cases)} hips, preset {made.preset}, {folds} folds: {dataset.workspace.folds_csv}"
    )
