"""``onfh grade``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.printable import counted


def grade(
    masks: Annotated[
        list[Path], typer.Argument(help="NIfTI, NRRD or MetaImage label maps, one hip each, or folders: 0, 1, 2.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write.")],
    side: Annotated[Side | None, typer.Option(help="Side of masks whose names do not end with _L or _R.")] = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Acetabular edge and teardrop of each hip, CSV or Slicer .mrk.json: JIC types.")
    ] = None,
    jic_ties: Annotated[
        JicTies, typer.Option(help="Where exactly 1/3 and 2/3 belong: the ministry's B and C, or A and B of 2001.")
    ] = JicTies.MINISTRY,
    as_json: AsJson = False,
) -> None:
    """Measure and grade masks from any tool: 1 viable head, 2 necrosis."""
    from onfh_nnunet.workflows.grade import grade as grade_masks

    with console.steps("grade") as progress:
        rows = grade_masks(masks, side=side, landmarks=landmarks, jic_ties=jic_ties, out=out, progress=progress)
    if as_json:
        console.document(hips=rows)
    else:
        console.say(f"{counted(len(rows), 'hip')} graded: {out}")
