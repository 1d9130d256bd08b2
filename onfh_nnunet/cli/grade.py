"""``onfh grade``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson, HeadLabel, LabelNames, NecrosisLabel, NecrosisMasks, Quiet
from onfh_nnunet.cli.predict import warn_of
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.printable import plural


def grade(
    masks: Annotated[list[Path], typer.Argument(help="Labels in any format that convert reads, or folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write.")],
    side: Annotated[Side | None, typer.Option(help="Side of masks whose names state none, such as P001_L.")] = None,
    head_label: HeadLabel = None,
    necrosis_label: NecrosisLabel = None,
    label_names: LabelNames = None,
    necrosis_masks: NecrosisMasks = None,
    landmarks: Annotated[
        Path | None, typer.Option(help="Acetabular edge and teardrop of each hip, CSV or Slicer .mrk.json: JIC types.")
    ] = None,
    jic_ties: Annotated[
        JicTies, typer.Option(help="Where exactly 1/3 and 2/3 belong: the ministry's B and C, or A and B of 2001.")
    ] = JicTies.MINISTRY,
    clean: Annotated[
        bool, typer.Option("--clean", help="Mend masks first: drop strays, fill holes, relabel specks; and say so.")
    ] = False,
    as_json: AsJson = False,
    _quiet: Quiet = False,
) -> None:
    """Measure and grade masks from any tool, read as convert reads labels."""
    from onfh_nnunet.workflows.grade import grade as grade_masks

    with steps("grade") as progress:
        rows = grade_masks(
            masks,
            side=side,
            head_label=head_label,
            necrosis_label=necrosis_label,
            label_names=label_names,
            necrosis_masks=necrosis_masks,
            landmarks=landmarks,
            jic_ties=jic_ties,
            clean=clean,
            out=out,
            progress=progress,
        )
    warn_of(rows)
    if as_json:
        console.document(hips=rows)
    else:
        console.result(f"{plural(len(rows), 'hip')} graded: {out}")
