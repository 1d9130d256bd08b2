"""``onfh agree``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.folder_record import claim


def agree(
    first: Annotated[Path, typer.Argument(help="CSV of one reader: case_id, steinberg_grade or grade.")],
    second: Annotated[Path, typer.Argument(help="CSV of the other reader, of the same hips.")],
    out: Annotated[Path, typer.Option(help="Folder for agreement.csv, confusion.csv and figures.")],
) -> None:
    """Agreement of two readers' grades, and of their percentages where both give them."""
    from postprocessing.figures import FIGURE_FILES, write_reader_figures
    from postprocessing.figures.agreement_plots import Names
    from postprocessing.statistics.inter_rater import reader_agreement, write_reader_tables
    from postprocessing.statistics.reader_tables import paired, read_gradings

    require_output_apart(out, (first, second))
    readings = paired(read_gradings(first), read_gradings(second))
    found = reader_agreement(readings)
    with locked(out, "onfh agree", "give another --out"):
        claim(out, "tables and figures", ("agreement.csv", "confusion.csv", *FIGURE_FILES))
        write_reader_tables(out, readings, found)
        write_reader_figures(out, readings, Names("first reader", "second reader"))
    rows = [
        [row.statistic, console.number(row.value), console.number(row.ci_low), console.number(row.ci_high), row.note]
        for row in found
    ]
    console.table("Second reader against first", ["statistic", "value", "95 % from", "to", "note"], rows)
    console.say(f"{len(readings)} hips, tables and figures: {out}")
