"""``onfh implant``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Cohort, HeadLabel, LabelNames, NecrosisLabel, Quiet
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.choices import Weighting
from onfh_nnunet.core.printable import plural


def implant(
    cohort: Cohort,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to create.")],
    weighting: Annotated[Weighting, typer.Option(help="What shows a lesion in these scans; t1 also for PD.")],
    per_hip: Annotated[int, typer.Option(help="Implants of each hip.")] = 1,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same bytes.")] = 0,
    head_label: HeadLabel = None,
    necrosis_label: NecrosisLabel = None,
    label_names: LabelNames = None,
    _quiet: Quiet = False,
) -> None:
    """Paint lesions of known volume into real labelled hips: images, labels, cohort.csv, truth.csv."""
    from onfh_nnunet.workflows.implant import implant as paint_cohort

    with steps("implant") as step:
        hips = paint_cohort(
            cohort,
            out,
            weighting=weighting,
            per_hip=per_hip,
            seed=seed,
            head_label=head_label,
            necrosis_label=necrosis_label,
            label_names=label_names,
            progress=step,
        )
    console.result(f"{plural(hips, 'hip')} with an implant: {out}")
    console.next_step("check", out / "cohort.csv")
