"""``onfh plan-study``."""

from __future__ import annotations

from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson, Quiet
from onfh_nnunet.core.choices import StudyFigure


def plan_study(
    figure: Annotated[StudyFigure | None, typer.Argument(help="What the interval is of; default: all four.")] = None,
    width: Annotated[
        float | None, typer.Option(help="Of the 95 % interval, from end to end; of limits in points.")
    ] = None,
    expected: Annotated[float | None, typer.Option(help="The kappa or share that is expected.")] = None,
    sd: Annotated[float | None, typer.Option(help="SD of the Dice coefficient, or of the error in points.")] = None,
    hips_per_patient: Annotated[float, typer.Option(help="Mean number, 1 to 2.")] = 1.6,
    correlation: Annotated[float, typer.Option(help="Of the errors of both hips of a patient.")] = 0.5,
    as_json: AsJson = False,
    _quiet: Quiet = False,
) -> None:
    """How many hips a study needs for an interval of a wanted width."""
    from onfh_nnunet.workflows.plan_study import plan_study as plan

    sizes = plan(figure, width, expected=expected, sd=sd, hips_per_patient=hips_per_patient, correlation=correlation)
    if as_json:
        console.document(sizes=sizes)
        return
    rows = [
        [
            *(size.figure, f"{size.width:g}", f"{size.assumption} {size.assumed:.3g}", size.source),
            *(f"{size.hips}", f"{size.patients}"),
        ]
        for size in sizes
    ]
    console.table("95 % interval of a wanted width", ["figure", "width", "assumed", "from", "hips", "patients"], rows)
    for size in sizes:
        console.say(f"{size.figure}: {size.method}")
    most = max(sizes, key=lambda size: size.patients)
    console.result(
        f"{most.hips} hips of {most.patients} patients, {most.hips_per_patient:g} a patient, whose errors have a "
        f"correlation of {most.correlation:g}"
    )
