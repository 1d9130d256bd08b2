"""``onfh doctor``."""

from __future__ import annotations

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, AsJson, Work


def doctor(work: Work = DEFAULT_WORK, as_json: AsJson = False) -> None:
    """Say what is installed and whether the main job can run here."""
    from onfh_nnunet.workflows.doctor import diagnose

    findings = diagnose(work)
    if as_json:
        console.document(findings=findings)
    for finding in () if as_json else findings:
        console.result(f"{'ok  ' if finding.fine else 'FAIL'}  {finding.subject}: {finding.text}")
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)
