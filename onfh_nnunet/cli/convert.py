"""``onfh convert``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import (
    DEFAULT_WORK,
    Cohort,
    HeadLabel,
    LabelNames,
    NecrosisLabel,
    Quiet,
    ResampleLabels,
    Series,
    Strict,
    Work,
)
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.choices import DEFAULT_DATASET_ID
from onfh_nnunet.core.printable import plural


def convert(
    cohort: Cohort,
    work: Work = DEFAULT_WORK,
    dataset_id: Annotated[int, typer.Option(help="nnU-Net's number of the dataset.")] = DEFAULT_DATASET_ID,
    head_label: HeadLabel = None,
    necrosis_label: NecrosisLabel = None,
    label_names: LabelNames = None,
    resample_labels: ResampleLabels = False,
    series: Series = None,
    keep_ids: Annotated[bool, typer.Option("--keep-ids", help="Keep patient_id instead of a pseudonym.")] = False,
    strict: Strict = False,
    _quiet: Quiet = False,
) -> None:
    """Turn a cohort into an nnU-Net dataset, one case a hip."""
    from onfh_nnunet.workflows.convert import convert as convert_cohort

    with steps("convert") as step:
        made = convert_cohort(
            cohort,
            work,
            dataset_id=dataset_id,
            head_label=head_label,
            necrosis_label=necrosis_label,
            label_names=label_names,
            resample_labels=resample_labels,
            series=series,
            keep_ids=keep_ids,
            strict=strict,
            progress=step,
        )
    for finding in made.findings:
        console.warn(f"{finding.level}: {finding.place}{finding.place and ', '}{finding}")
    for scan in made.unlabelled:
        console.warn(f"left out, it has no label: {scan}")
    state = f"{plural(made.converted, 'scan')} converted" if made.converted else "unchanged"
    console.result(f"{plural(len(made.dataset.cases), 'hip')}, {state}: {made.dataset.workspace.cases_csv}")
    console.next_step("plan", "--work", work)
