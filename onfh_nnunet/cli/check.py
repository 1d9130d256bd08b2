"""``onfh check``."""

from __future__ import annotations

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Cohort, HeadLabel, LabelNames, NecrosisLabel, Quiet, ResampleLabels, Series, Strict
from onfh_nnunet.cli.progress import steps


def check(
    cohort: Cohort,
    head_label: HeadLabel = None,
    necrosis_label: NecrosisLabel = None,
    label_names: LabelNames = None,
    resample_labels: ResampleLabels = False,
    series: Series = None,
    strict: Strict = False,
    _quiet: Quiet = False,
) -> None:
    """Check a cohort for errors and unlikely values, without writing anything; exit code 1 when there are errors."""
    from onfh_nnunet.workflows.convert import check as check_cohort
    from onfh_nnunet.workflows.convert import shown_once

    with steps("check") as step:
        findings = check_cohort(
            cohort,
            head_label=head_label,
            necrosis_label=necrosis_label,
            label_names=label_names,
            resample_labels=resample_labels,
            series=series,
            progress=step,
        )
    errors, warnings = ([one for one in findings if one.level == level] for level in ("error", "warning"))
    for title, found in (("Errors", errors), ("Warnings", warnings)):
        if not found:
            console.result(f"{title}: none")
            continue
        rows = [
            [f"{one.line or ''}", one.patient_id, one.case_id, one.check, console.as_typed(text)]
            for one, text in zip(found, shown_once(found), strict=True)
        ]
        console.table(f"{title}: {len(found)}", ["line", "patient", "case", "check", "what"], rows, always=True)
    for note in (one for one in findings if one.level == "note"):
        console.note(f"{note.level}: {note}")
    if errors or (strict and warnings):
        raise typer.Exit(1)
    options = {
        "--head-label": head_label,
        "--necrosis-label": necrosis_label,
        "--label-names": label_names,
        "--series": series,
    }
    given = [word for option in options.items() if option[1] is not None for word in option]
    console.next_step("convert", cohort, *given, *(["--resample-labels"] if resample_labels else []))
