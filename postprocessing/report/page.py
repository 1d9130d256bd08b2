"""HTML page of a cross-validation, from its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.csv_rows import read_rows, rows_text
from onfh_nnunet.core.steinberg import Grade
from postprocessing.figures.style import rendered
from postprocessing.figures.write import crossval_figures
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.report.checklists import SOURCES, ChecklistRow, filled_checklists
from postprocessing.report.headlines import headlines, interval, published_of, spread
from postprocessing.report.rendering import render
from postprocessing.report.study_statement import StudyStatement
from postprocessing.statistics.agreement import ConfusionRow, Statistic
from postprocessing.statistics.published import COHORT, KAPPA_NOTE, SOURCE
from postprocessing.statistics.summary_tables import SummaryRow

Pictures = Mapping[str, bytes]
"""A WebP for each case id."""


SHOWN = ("percent", "bland_altman", "confusion", "dice", "assd", "calibration", "limits_by_size", "net_benefit")
"""The figures of the page, in their order; all lie in the folder ``figures`` beside it, too."""

SEVERITY = tuple(Grade)


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


def crossval_page(tables: CrossvalTables, pictures: Pictures, study: StudyStatement, version: str) -> str:
    """The report of a cross-validation, with the published figures beside it.

    Args:
        tables: Its tables.
        pictures: The picture of each hip in them.
        study: What the study's folder tells of it.
        version: The program's version, for the foot of the page.
    """
    drawn, known = crossval_figures(tables.cases), facts(tables, study, version)
    items = filled_checklists(known)
    shown = {
        "hips": worst_first(tables.cases),
        "headlines": headlines(tables.summary, tables.agreement, tables.confusion),
        "tables": tables,
        "pictures": pictures,
        "figures": {name: rendered(drawn[name](), "svg") for name in SHOWN},
        "severity": SEVERITY,
        "study": study,
        "known": known,
        "checklists": {name: [item for item in items if item.checklist == name] for name in SOURCES},
        "checklists_csv": rows_text(ChecklistRow, items).encode(),
    }
    said = {"source": SOURCE, "cohort": COHORT, "kappa_note": KAPPA_NOTE, "version": version, "sources": SOURCES}
    filters = {"spread": spread, "interval": interval, "apart": grades_apart, "error": percent_error}
    return render("crossval.html.jinja", shown | said | {"published_of": published_of}, filters)


def worst_first(rows: Sequence[CrossvalRow]) -> list[CrossvalRow]:
    """The hips in the order in which a person should look at them.

    First by how many grades the prediction is off, on the scale none, A, B, C; then by the error of the percentage, an
    undefined one before all others; then by name.
    """

    def goodness(row: CrossvalRow) -> tuple[int, float, str]:
        error = percent_error(row)
        return -grades_apart(row), -(float("inf") if error is None else abs(error)), row.case_id

    return sorted(rows, key=goodness)


def grades_apart(row: CrossvalRow) -> int:
    """By how many grades true and predicted grade differ, on the scale none, A, B, C."""
    return abs(SEVERITY.index(row.grade_true) - SEVERITY.index(row.grade_pred))


def percent_error(row: CrossvalRow) -> float | None:
    """Predicted minus true percentage, in points; None where one is undefined."""
    true, pred = row.necrosis_percent_true, row.necrosis_percent_pred
    return None if true is None or pred is None else pred - true


def facts(tables: CrossvalTables, study: StudyStatement, version: str) -> dict[str, str]:
    """What the run knows, by the names of `checklists.csv`; what it does not know has no name."""
    rows = tables.cases
    flow = {row.statistic.removeprefix("flow_"): row.value for row in tables.agreement if "flow_" in row.statistic}
    found = {
        "hips": f"{len(rows)}",
        "patients": f"{len({row.patient for row in rows})}",
        "folds": f"{len({row.fold for row in rows})}",
        "grades": ", ".join(f"{sum(row.grade_true is grade for row in rows)} {grade}" for grade in SEVERITY),
        "differ": f"{sum(row.grade_true is not row.grade_pred for row in rows)}",
        "version": version,
        "cohort": study.cohort,
        "training": study.training,
        "start": study.start,
        "pseudonyms": "pseudonyms" if study.pseudonyms else "",
        **{name: "" if value is None else f"{value:.0f}" for name, value in flow.items()},
    }
    return {name: text for name, text in found.items() if text}
