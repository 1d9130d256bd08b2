"""``onfh compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson, HeadLabel, LabelNames, NecrosisLabel, NecrosisMasks, Quiet
from onfh_nnunet.cli.predict import warn_of
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.cli.result_tables import comparison_table
from onfh_nnunet.core.printable import plural


def compare(
    reference: Annotated[
        Path,
        typer.Argument(help="Folder of reference labels, read as convert reads them; or the table that lists them."),
    ],
    prediction: Annotated[
        Path,
        typer.Argument(help="Folder of masks of the same hips under the same names; or OUT of predict of the table."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the tables; those of an earlier comparison are replaced.")
    ],
    head_label: HeadLabel = None,
    necrosis_label: NecrosisLabel = None,
    label_names: LabelNames = None,
    necrosis_masks: NecrosisMasks = None,
    as_json: AsJson = False,
    _quiet: Quiet = False,
) -> None:
    """Metrics and agreement of two folders of masks, or of the labels of a table and what predict made of it."""
    from onfh_nnunet.workflows.compare import compare as compare_masks

    with steps("compare") as step:
        rows = compare_masks(
            reference,
            prediction,
            head_label=head_label,
            necrosis_label=necrosis_label,
            label_names=label_names,
            necrosis_masks=necrosis_masks,
            out=out,
            progress=step,
        )
    warn_of(rows)
    if as_json:
        console.document(hips=rows)
        return
    comparison_table(out)
    console.result(f"{plural(len(rows), 'hip')} compared: {out}")
