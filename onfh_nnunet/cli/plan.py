"""``onfh plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, Work
from onfh_nnunet.core.choices import PresetName
from onfh_nnunet.core.printable import counted


def plan(
    work: Work = DEFAULT_WORK,
    preset: Annotated[
        PresetName, typer.Option(help="paper: five stages; resenc: nnU-Net's ResEncM.")
    ] = PresetName.PAPER,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the split.")] = 0,
) -> None:
    """Plan and preprocess with nnU-Net, and split the patients into folds."""
    from onfh_nnunet.workflows.plan import plan as plan_study

    made = plan_study(work, preset, folds, seed)
    state = "unchanged" if made.unchanged else "planned"
    console.say(f"{state}: {counted(made.hips, 'hip')}, preset {made.plan.preset}, {folds} folds: {made.folds_csv}")
