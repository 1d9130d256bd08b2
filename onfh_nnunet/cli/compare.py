"""``onfh compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson
from onfh_nnunet.core.printable import counted


def compare(
    reference_dir: Annotated[Path, typer.Argument(help="Reference masks, one hip each: 1 viable head, 2 necrosis.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Masks of the same hips under the same names.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the tables; those of an earlier comparison are replaced.")
    ],
    as_json: AsJson = False,
) -> None:
    """Metrics and agreement of two folders of masks."""
    from onfh_nnunet.workflows.compare import compare as compare_masks

    with console.steps("compare") as step:
        rows = compare_masks(reference_dir, prediction_dir, out=out, progress=step)
    if as_json:
        console.document(hips=rows)
        return
    console.comparison_table(out)
    console.say(f"{counted(len(rows), 'hip')} compared: {out}")
