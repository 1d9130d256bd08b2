"""``onfh mesh``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import HeadLabel, LabelNames, NecrosisLabel, NecrosisMasks, Quiet
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.printable import plural


def mesh(
    masks: Annotated[list[Path], typer.Argument(help="Labels in any format that convert reads, or folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for STL, PLY and GLB.")],
    side: Annotated[Side | None, typer.Option(help="Side of masks whose names state none, such as P001_L.")] = None,
    head_label: HeadLabel = None,
    necrosis_label: NecrosisLabel = None,
    label_names: LabelNames = None,
    necrosis_masks: NecrosisMasks = None,
    _quiet: Quiet = False,
) -> None:
    """Make closed surfaces of head and necrosis for 3D Slicer and printers, in mm, LPS."""
    from onfh_nnunet.workflows.mesh import mesh as mesh_masks

    with steps("mesh") as progress:
        hips = mesh_masks(
            masks,
            side=side,
            head_label=head_label,
            necrosis_label=necrosis_label,
            label_names=label_names,
            necrosis_masks=necrosis_masks,
            out=out,
            progress=progress,
        )
    for hip in hips:
        for note in hip.notes:
            console.warn(f"warning: {hip.case_id}: {note}")
    console.result(f"Surfaces of {plural(len(hips), 'hip')}, mm, LPS: {out}")
