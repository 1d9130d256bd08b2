"""``onfh convert``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import show
from onfh_nnunet.cli.options import DEFAULT_WORK, Work
from onfh_nnunet.workspace import DEFAULT_DATASET_ID, Workspace


def convert(
    cohort: Annotated[Path, typer.Argument(help="cohort.csv: patient_id, image, side, label, grade.")],
    work: Work = DEFAULT_WORK,
    dataset_id: Annotated[int, typer.Option(help="nnU-Net's number of the dataset.")] = DEFAULT_DATASET_ID,
    head_label: Annotated[int, typer.Option(help="Value of the viable head in the label maps.")] = 1,
    necrosis_label: Annotated[int, typer.Option(help="Value of the necrosis in the label maps.")] = 2,
    keep_ids: Annotated[bool, typer.Option("--keep-ids", help="Keep patient_id instead of a pseudonym.")] = False,
) -> None:
    """Turn a cohort into an nnU-Net dataset, one case a hip."""
    from dataset_conversion.write import convert as convert_cohort

    with show.steps("convert") as step:
        made = convert_cohort(
            cohort,
            Workspace(work, dataset_id),
            head_value=head_label,
            necrosis_value=necrosis_label,
            keep_ids=keep_ids,
            progress=step,
        )
    for warning in made.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for scan in made.unlabelled:
        print(f"left out, it has no label: {scan}", file=sys.stderr)
    state = "unchanged" if made.unchanged else "converted"
    print(f"{len(made.dataset.cases)} hips {state}: {made.dataset.workspace.cases_csv}")
