"""``onfh plan``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, Quiet, Work
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.choices import PresetName
from onfh_nnunet.core.printable import plural


def plan(
    work: Work = DEFAULT_WORK,
    preset: Annotated[
        PresetName,
        typer.Option(help="paper: five stages; resenc: nnU-Net's ResEncM; laptop: five small stages for a CPU."),
    ] = PresetName.PAPER,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Which of the many fair ways to split.")] = 0,
    _quiet: Quiet = False,
) -> None:
    """Plan and preprocess with nnU-Net, and split the patients into folds."""
    from onfh_nnunet.workflows.plan import plan as plan_study

    with steps("plan") as step:
        made = plan_study(work, preset, folds, seed, progress=step)
    state = "unchanged" if made.unchanged else "planned"
    console.result(f"{state}: {plural(made.hips, 'hip')}, preset {made.plan.preset}, {folds} folds: {made.folds_csv}")
    console.next_step("train", "--work", work)
