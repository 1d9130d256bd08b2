"""``onfh check``."""

from __future__ import annotations

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Cohort, HeadLabel, LabelNames, NecrosisLabel, ResampleLabels, Series, Strict


def check(
    cohort: Cohort,
    head_label: HeadLabel = "1",
    necrosis_label: NecrosisLabel = "2",
    label_names: LabelNames = None,
    resample_labels: ResampleLabels = False,
    series: Series = None,
    strict: Strict = False,
) -> None:
    """Look for what is wrong or unlikely in a cohort, and write nothing; exit 1 when there are errors."""
    from dataset_conversion.convert import check as check_cohort
    from dataset_conversion.hips.findings import Level, at_level
    from onfh_nnunet.cli.labels import label_rules

    rules = label_rules(head_label, necrosis_label, label_names, resample=resample_labels)
    with console.steps("check") as step:
        findings = check_cohort(cohort, rules, series=series, progress=step)
    errors, warnings = (at_level(findings, level) for level in (Level.ERROR, Level.WARNING))
    for title, found in (("Errors", errors), ("Warnings", warnings)):
        if not found:
            console.say(f"{title}: none")
            continue
        rows = [[f"{one.line or ''}", one.case_id, one.check, one.shown] for one in found]
        console.table(f"{title}: {len(found)}", ["line", "case", "check", "what"], rows)
    if errors or (strict and warnings):
        raise typer.Exit(1)
