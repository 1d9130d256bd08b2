"""The tables of a comparison and of a cross-validation that a person wants to see first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onfh_nnunet.cli.console import number, say, table

SHOWN_METRICS = ("dice", "assd_mm", "hd95_mm", "nsd_1mm", "volume_error_ml", "accuracy")
"""Of the many in summary.csv, those that come first."""

SHOWN_STATISTICS = (
    *("accuracy", "kappa_unweighted", "kappa_linear", "kappa_quadratic", "icc_2_1_percent"),
    *(f"bland_altman_{name}_points" for name in ("bias", "lower", "upper")),
    *("calibration_slope", "healthy_hip_specificity", "ill_hip_sensitivity"),
    *(f"{name}_at_{cut}_percent" for cut in (15, 30) for name in ("sensitivity", "specificity", "auc")),
    *(f"flow_{name}" for name in ("given", "excluded", "failed", "analysed")),
)
"""The same of agreement.csv."""


def comparison_table(folder: Path) -> None:
    """The metrics of a comparison that a person wants to see first."""
    from onfh_nnunet.workflows.result_tables import read_summary

    rows = [
        [row.region, row.metric, *map(number, (row.median, row.q1, row.q3)), f"{row.n_undefined}"]
        for row in read_summary(folder)
        if row.metric in SHOWN_METRICS
    ]
    table("Prediction against reference", ["region", "metric", "median", "q1", "q3", "undefined"], rows)


def crossval_tables(folder: Path) -> None:
    """The cross-validation beside the published figures."""
    from onfh_nnunet.workflows.result_tables import KAPPA_NOTE, PUBLISHED, SOURCE, read_agreement, read_summary

    published = {(figure.region, figure.metric): figure for figure in PUBLISHED}
    rows = [
        [
            row.region,
            row.metric,
            _spread(row),
            _spread(published.get((row.region, row.metric))),
            f"{row.n}",
            f"{row.n_undefined}",
        ]
        for row in read_summary(folder)
        if row.metric in SHOWN_METRICS
    ]
    table("Out of fold, median (IQR)", ["region", "metric", "here", "published", "n", "undefined"], rows)
    agreement = [
        [row.statistic, number(row.value), f"{number(row.ci_low)} to {number(row.ci_high)}", f"{row.n}", row.note]
        for row in read_agreement(folder)
        if row.statistic in SHOWN_STATISTICS
    ]
    table("Steinberg grade and percent of the head", ["statistic", "value", "95 % interval", "n", "note"], agreement)
    say(f"All statistics: {folder / 'agreement.csv'}")
    say(f"Published: {SOURCE}; accuracy {published['grade', 'accuracy'].median:.3f}. {KAPPA_NOTE}")


def _spread(row: Any) -> str:
    if row is None or row.median is None:
        return "" if row is None else "undefined"
    return f"{number(row.median)} ({number(row.q1)}-{number(row.q3)})"
