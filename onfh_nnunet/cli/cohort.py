"""``onfh cohort``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import Quiet
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.printable import plural


def cohort(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of studies and labels, at any depth.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The table, such as cohort.csv; default: printed on stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a table at --out that is another one.")] = False,
    _quiet: Quiet = False,
) -> None:
    """Propose a cohort.csv from a folder, for a person to correct.

    Paths are relative to the folder of --out, or to the current one. What is uncertain goes to stderr. A side that
    header, label and names do not tell is B where the scan shows both hips; any other must be filled in.
    """
    from onfh_nnunet.workflows.cohort import propose, write_proposal

    with steps("cohort") as step:
        proposal = propose(folder, relative_to=out.resolve().parent if out else None, progress=step)
    for note in proposal.notes:
        console.warn(f"uncertain: {note}")
    if out is None:
        typer.echo(proposal.csv().encode(), nl=False)
        return
    write_proposal(proposal, out, force=force)
    console.result(f"{plural(len(proposal.rows), 'row')}: {out}")
    console.next_step("check", out)
