"""``onfh compare``."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import show
from onfh_nnunet.errors import WorkspaceError
from onfh_nnunet.files import written_whole
from onfh_nnunet.tables import read_rows


def compare(
    reference_dir: Annotated[Path, typer.Argument(help="Reference masks, one hip each: 1 viable head, 2 necrosis.")],
    prediction_dir: Annotated[Path, typer.Argument(help="Masks of the same hips under the same names.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables; those of an earlier comparison are replaced.")],
) -> None:
    """Metrics and agreement of two folders of masks."""
    from postprocessing.pairs import compare_pairs, match_masks
    from postprocessing.summarize import TABLES, write_tables

    _refuse_other_content(out, TABLES)
    pairs = match_masks(reference_dir, prediction_dir)
    with show.steps("compare") as step:
        rows = compare_pairs(pairs, step)
    with written_whole(out) as part:
        write_tables(part, rows)
    _show_summary(out)
    show.say(f"{len(rows)} hips compared: {out}")


def _refuse_other_content(out: Path, tables: Collection[str]) -> None:
    """The folder is replaced whole: nothing but tables of an earlier comparison may be lost."""
    found = [path.name for path in out.iterdir()] if out.is_dir() else [out.name] if out.exists() else []
    other = sorted(set(found) - set(tables))
    if other:
        shown = ", ".join(other[:3]) + (", ..." if len(other) > 3 else "")
        raise WorkspaceError(out, f"holds something other than tables ({shown})", "Give a new or empty folder")


def _show_summary(out: Path) -> None:
    from postprocessing.summarize import SummaryRow

    rows = [
        [row.region, row.metric, *map(show.number, (row.median, row.q1, row.q3)), f"{row.n_undefined}"]
        for row in read_rows(out / "summary.csv", SummaryRow)
        if row.metric in show.SHOWN_METRICS
    ]
    show.table("Prediction against reference", ["region", "metric", "median", "q1", "q3", "undefined"], rows)
