"""``onfh report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Quiet
from onfh_nnunet.cli.progress import steps


def report(
    out: Annotated[Path, typer.Argument(help="OUT of onfh predict, or the folder crossval of a study.")],
    landmarks: Annotated[
        Path | None,
        typer.Option(help="Acetabular edge and teardrop of each predicted hip, CSV or Slicer .mrk.json: JIC types."),
    ] = None,
    _quiet: Quiet = False,
) -> None:
    """Write a prediction or a cross-validation as one HTML file."""
    from onfh_nnunet.workflows.report import report as write_report

    with steps("report") as step:
        page = write_report(out, landmarks=landmarks, progress=step)
    console.result(f"report: {page}")
