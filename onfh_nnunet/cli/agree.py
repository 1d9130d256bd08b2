"""``onfh agree``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import show
from onfh_nnunet.files import require_output_apart
from onfh_nnunet.folder_record import claim
from onfh_nnunet.lock import locked


def agree(
    first: Annotated[Path, typer.Argument(help="CSV of one reader: case_id, steinberg_grade or grade.")],
    second: Annotated[Path, typer.Argument(help="CSV of the other reader, of the same hips.")],
    out: Annotated[Path, typer.Option(help="Folder for agreement.csv, confusion.csv and figures.")],
) -> None:
    """Agreement of two readers' grades, and of their percentages where both give them."""
    from postprocessing.figures import FIGURE_FILES, write_reader_figures
    from postprocessing.figures.pairs import Names
    from postprocessing.grade_readers import paired, read_gradings
    from postprocessing.two_readers import reader_agreement, write_reader_tables

    require_output_apart(out, (first, second))
    readings = paired(read_gradings(first), read_gradings(second))
    found = reader_agreement(readings)
    with locked(out, "onfh agree", "give another --out"):
        claim(out, "tables and figures", ("agreement.csv", "confusion.csv", *FIGURE_FILES))
        write_reader_tables(out, readings, found)
        write_reader_figures(out, readings, Names("first reader", "second reader"))
    rows = [
        [row.statistic, show.number(row.value), show.number(row.ci_low), show.number(row.ci_high), row.note]
        for row in found
    ]
    show.table("Second reader against first", ["statistic", "value", "95 % from", "to", "note"], rows)
    show.say(f"{len(readings)} hips, tables and figures: {out}")
