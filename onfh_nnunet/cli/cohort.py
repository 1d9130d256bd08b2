"""``onfh cohort``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console


def cohort(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of studies and labels, at any depth.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The table, such as cohort.csv; default: printed on stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a table at --out that is another one.")] = False,
) -> None:
    """Propose a cohort.csv from a folder, for a person to correct.

    Paths are relative to the folder of --out, or to the current one. What is uncertain goes to stderr. A side that
    header, label and names do not tell is what the scan shows; one that it does not show clearly must be filled in.
    """
    from onfh_nnunet.workflows.cohort import propose, write_proposal

    with console.steps("cohort") as step:
        proposal = propose(folder, relative_to=out.resolve().parent if out else None, progress=step)
    for note in proposal.notes:
        console.note(f"uncertain: {note}")
    if out is None:
        typer.echo(proposal.csv().encode(), nl=False)
        return
    write_proposal(proposal, out, force=force)
    console.say(f"{len(proposal.rows)} rows: {out}")
    console.note(f"Next: correct the table, then run onfh check {out}")
