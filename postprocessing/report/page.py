"""HTML pages from rows and pictures. Every value is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.printable import printable
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, printed_percent
from postprocessing.figures.agreement_plots import Names, percent_figure
from postprocessing.figures.metric_plots import dice_figure
from postprocessing.figures.style import rendered
from postprocessing.measurement.grades_table import Line, graded_in
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.report.slices import COLOURS, FIELD_MM
from postprocessing.statistics.agreement import ConfusionRow, Statistic
from postprocessing.statistics.published import KAPPA_NOTE, PUBLISHED, SOURCE, Published
from postprocessing.statistics.summary_tables import SummaryRow
from postprocessing.uncertainty.margin_interval import MARGIN_VOXELS

MISSING = "\N{EN DASH}"
"""What a value that is undefined looks like."""

TEMPLATE = Path(__file__).with_name("report.html.jinja")

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


def prediction_page(lines: Sequence[Line], pictures: Pictures, model: Mapping[str, str], version: str) -> str:
    """The report of a prediction.

    Args:
        lines: The lines of grades.csv.
        pictures: The picture of each graded hip.
        model: What is said of the model that made them, by heading such as ``made by``; empty for nothing.
        version: The program's version, for the foot of the page.
    """
    return _render(version, kind="prediction", rows=graded_in(lines), lines=lines, pictures=pictures, model=model)


def crossval_page(tables: CrossvalTables, pictures: Pictures, version: str) -> str:
    """The report of a cross-validation, with the published figures beside it.

    Args:
        tables: Its tables.
        pictures: The picture of each hip in them.
        version: The program's version, for the foot of the page.
    """
    charts = {"percent": percent_png(tables.cases), "dice": dice_png(tables.cases)}
    published = {(figure.region, figure.metric): figure for figure in PUBLISHED}
    return _render(
        version,
        kind="crossval",
        rows=tables.cases,
        pictures=pictures,
        tables=tables,
        charts=charts,
        published=published,
        source=SOURCE,
        kappa_note=KAPPA_NOTE,
    )


def percent_png(rows: Sequence[CrossvalRow]) -> bytes:
    """Necrosis in percent of the head, predicted against true, as a PNG; see `percent_figure`."""
    return rendered(percent_figure([row.grade_pair for row in rows], Names(), intervals=True), "png")


def dice_png(rows: Sequence[CrossvalRow]) -> bytes:
    """The Dice coefficient of each hip, as a PNG; see `dice_figure`."""
    return rendered(dice_figure(rows), "png")


def with_digest(page: str) -> str:
    """Append a line with a digest, which identifies the page as onfh's and as unedited."""
    return f"{page}<!-- onfh report, sha256 {hashlib.sha256(page.encode()).hexdigest()} -->\n"


def has_valid_digest(content: bytes) -> bool:
    """Whether a file's content is an unedited page of `with_digest`."""
    page, _, _ = content.rpartition(b"<!-- onfh report, sha256 ")
    return bool(page) and with_digest(page.decode(errors="replace")).encode() == content


def _render(version: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    environment.filters |= {"number": _number, "percent": printed_percent}
    environment.filters |= {"spread": _spread, "interval": _interval, "png": _data_uri}
    limits = {"moderate": MODERATE_FROM_PERCENT, "severe": SEVERE_ABOVE_PERCENT, "margin": MARGIN_VOXELS}
    page: str = environment.get_template(TEMPLATE.name).render(
        values, version=version, limits=limits, colours=COLOURS, field_mm=FIELD_MM
    )
    return page


def _shown(value: Any) -> Any:
    """Filter of all values: printable text; markup made here is unchanged."""
    return printable(value) if type(value) is str else value


def _number(value: float | None, digits: int = 1) -> str:
    return MISSING if value is None else f"{value:.{digits}f}"


def _spread(row: SummaryRow | Published, digits: int = 2) -> str:
    """Median (first to third quartile)."""
    quartiles = "" if row.q1 is None else f" ({_number(row.q1, digits)} to {_number(row.q3, digits)})"
    return _number(row.median, digits) + quartiles


def _interval(row: SummaryRow | Statistic, digits: int) -> str:
    return MISSING if row.ci_low is None else f"{_number(row.ci_low, digits)} to {_number(row.ci_high, digits)}"


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
