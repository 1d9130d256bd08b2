"""``onfh compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.folder_record import written_folder


def compare(
    reference_dir: Annotated[Path, typer.Argument(help="Reference masks, one hip each: 1 viable head, 2 necrosis.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Masks of the same hips under the same names.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables; those of an earlier comparison are replaced.")],
) -> None:
    """Metrics and agreement of two folders of masks."""
    from postprocessing.metrics.mask_pairs import compare_pairs, match_masks
    from postprocessing.statistics.summary_tables import write_tables

    require_output_apart(out, (reference_dir, prediction_dir))
    with locked_output(out, "onfh compare"), written_folder(out, "tables") as part:
        pairs = match_masks(reference_dir, prediction_dir)
        with console.steps("compare") as step:
            rows = compare_pairs(pairs, step)
        write_tables(part, rows)
    _show_summary(out)
    console.say(f"{len(rows)} hips compared: {out}")


def _show_summary(out: Path) -> None:
    from postprocessing.statistics.summary_tables import SummaryRow

    rows = [
        [row.region, row.metric, *map(console.number, (row.median, row.q1, row.q3)), f"{row.n_undefined}"]
        for row in read_rows(out / "summary.csv", SummaryRow)
        if row.metric in console.SHOWN_METRICS
    ]
    console.table("Prediction against reference", ["region", "metric", "median", "q1", "q3", "undefined"], rows)
