"""``onfh export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli.options import DEFAULT_WORK, Work
from onfh_nnunet.dataset import Dataset
from onfh_nnunet.plan import Plan
from onfh_nnunet.splits import Splits
from onfh_nnunet.workspace import Workspace


def export(
    out: Annotated[Path, typer.Option(help="Model file to write, such as hips.onfh.")],
    work: Work = DEFAULT_WORK,
) -> None:
    """Put all trained folds into one model file that runs nothing when it is opened."""
    from onfh_nnunet.bundle import export as export_model
    from onfh_nnunet.cli.evaluation import calibration, evaluated

    dataset = Dataset.read(Workspace.open(work))
    splits = Splits.read(dataset.workspace.folds_csv)
    plan = Plan.read(dataset, splits)
    known = calibration(dataset.workspace) if evaluated(dataset, splits, plan) else None
    bundle = export_model(dataset, splits, plan, out, known.to_json() if known else None)
    if known is None:
        print("no calibrated intervals in it: run onfh crossval first, then export again", file=sys.stderr)
    elif known.note:
        print(f"no calibrated intervals in it: {known.note}", file=sys.stderr)
    print(f"model of {splits.n_folds} folds, sha256 {bundle.sha256[:12]}: {out}")
