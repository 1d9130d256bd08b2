"""HTML page of a cross-validation, from its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.csv_rows import read_rows
from postprocessing.figures.agreement_plots import Names, percent_figure
from postprocessing.figures.metric_plots import dice_figure
from postprocessing.figures.style import rendered
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.report.rendering import MISSING, number, render
from postprocessing.statistics.agreement import ConfusionRow, Statistic
from postprocessing.statistics.published import KAPPA_NOTE, PUBLISHED, SOURCE, Published
from postprocessing.statistics.summary_tables import SummaryRow

Pictures = Mapping[str, bytes]
"""A PNG for each case id."""


@dataclass(frozen=True)
class CrossvalTables:
    """The four tables of a cross-validation."""

    cases: Sequence[CrossvalRow]
    summary: Sequence[SummaryRow]
    agreement: Sequence[Statistic]
    confusion: Sequence[ConfusionRow]

    @classmethod
    def read(cls, folder: Path) -> CrossvalTables:
        """Read the tables that `write_tables` wrote.

        Raises:
            ReadError: A table is missing or damaged.
        """
        return cls(
            read_rows(folder / "cases.csv", CrossvalRow),
            read_rows(folder / "summary.csv", SummaryRow),
            read_rows(folder / "agreement.csv", Statistic),
            read_rows(folder / "confusion.csv", ConfusionRow),
        )


def crossval_page(tables: CrossvalTables, pictures: Pictures, version: str) -> str:
    """The report of a cross-validation, with the published figures beside it.

    Args:
        tables: Its tables.
        pictures: The picture of each hip in them.
        version: The program's version, for the foot of the page.
    """
    charts = {"percent": percent_png(tables.cases), "dice": dice_png(tables.cases)}
    published = {(figure.region, figure.metric): figure for figure in PUBLISHED}
    shown = {"rows": tables.cases, "tables": tables, "pictures": pictures, "charts": charts, "published": published}
    said = {"source": SOURCE, "kappa_note": KAPPA_NOTE, "version": version}
    return render("crossval.html.jinja", shown | said, {"spread": _spread, "interval": _interval})


def percent_png(rows: Sequence[CrossvalRow]) -> bytes:
    """Necrosis in percent of the head, predicted against true, as a PNG; see `percent_figure`."""
    return rendered(percent_figure([row.grade_pair for row in rows], Names(), intervals=True), "png")


def dice_png(rows: Sequence[CrossvalRow]) -> bytes:
    """The Dice coefficient of each hip, as a PNG; see `dice_figure`."""
    return rendered(dice_figure(rows), "png")


def _spread(row: SummaryRow | Published, digits: int = 2) -> str:
    """Median (first to third quartile)."""
    quartiles = "" if row.q1 is None else f" ({number(row.q1, digits)} to {number(row.q3, digits)})"
    return number(row.median, digits) + quartiles


def _interval(row: SummaryRow | Statistic, digits: int) -> str:
    return MISSING if row.ci_low is None else f"{number(row.ci_low, digits)} to {number(row.ci_high, digits)}"
