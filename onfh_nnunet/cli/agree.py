"""``onfh agree``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson, Quiet
from onfh_nnunet.core.printable import plural


def agree(
    first: Annotated[Path, typer.Argument(help="CSV of one reader: case_id, steinberg_grade or grade.")],
    second: Annotated[Path, typer.Argument(help="CSV of the other reader, of the same hips.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for agreement.csv, confusion.csv and figures.")],
    as_json: AsJson = False,
    _quiet: Quiet = False,
) -> None:
    """Agreement of two readers' grades, and of their percentages where both give them."""
    from onfh_nnunet.workflows.agree import agree as compare_readers

    found = compare_readers(first, second, out=out)
    if as_json:
        console.document(statistics=found)
        return
    rows = [
        [row.statistic, console.number(row.value), console.number(row.ci_low), console.number(row.ci_high), row.note]
        for row in found
    ]
    console.table("Second reader against first", ["statistic", "value", "95 % from", "to", "note"], rows)
    console.result(f"{plural(max(row.n for row in found), 'hip')}, tables and figures: {out}")
