"""``onfh cohort``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Quiet
from onfh_nnunet.cli.progress import steps


def cohort(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of studies and labels, at any depth.")],
    _quiet: Quiet = False,
) -> None:
    """Propose a cohort.csv from a folder, for a person to correct: onfh cohort DIR > cohort.csv.

    Paths are relative to the current folder, so keep the table in it. What is uncertain goes to stderr; a side that
    nothing tells stays empty, and must be filled in.
    """
    from onfh_nnunet.workflows.cohort import propose

    with steps("cohort") as step:
        proposal = propose(folder, progress=step)
    for note in proposal.notes:
        console.warn(f"uncertain: {note}")
    typer.echo(proposal.csv().encode(), nl=False)
    console.next_step("check", "cohort.csv")
