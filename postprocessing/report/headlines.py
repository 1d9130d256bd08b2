"""The figures that a report of a cross-validation begins with, the published ones beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postprocessing.report.rendering import MISSING, number
from postprocessing.statistics.agreement import ConfusionRow, Statistic
from postprocessing.statistics.published import PUBLISHED, Published
from postprocessing.statistics.summary_tables import SummaryRow

MEDIANS = (
    ("head", "dice", "Femoral head: Dice", 3),
    ("head", "assd_mm", "Femoral head: surface distance, mm", 2),
    ("necrosis", "dice", "Necrosis: Dice", 3),
    ("necrosis", "assd_mm", "Necrosis: surface distance, mm", 2),
)
"""Region, metric, name and digits."""

STATISTICS = (
    ("accuracy", "Steinberg grade correct", "accuracy"),
    ("kappa_linear", "Linear kappa of the grade", "weighted_kappa"),
    ("kappa_quadratic", "Quadratic kappa of the grade", "weighted_kappa"),
    ("icc_2_1_percent", "ICC(2,1) of the percentage", ""),
    ("bland_altman_bias_points", "Bias of the percentage, points", ""),
    ("bland_altman_lower_points", "Lower limit of agreement, points", ""),
    ("bland_altman_upper_points", "Upper limit of agreement, points", ""),
    ("lesion_sensitivity", "True lesions that were found", ""),
    ("healthy_hip_specificity", "Healthy hips called healthy", ""),
)
"""Statistic, name, and the published figure of it."""

UNSTATED_WEIGHTS = ", weights not stated"


@dataclass(frozen=True)
class Headline:
    """A line of the summary, as text.

    Args:
        name: The figure.
        here: Its value in this study.
        interval: Its 95 % interval, or `MISSING`.
        published: The published value; empty for none.
        n: The hips that it is of.
        note: Why a value or an interval is missing, or what else a reader must know.
    """

    name: str
    here: str
    interval: str
    published: str
    n: str
    note: str


def headlines(
    summary: Sequence[SummaryRow], agreement: Sequence[Statistic], confusion: Sequence[ConfusionRow]
) -> list[Headline]:
    """The lines of the summary: medians with quartiles, then grade and percentage. What a table lacks has no line."""
    return [*_medians(summary), *_statistics(agreement, confusion)]


def spread(row: SummaryRow | Published, digits: int = 2) -> str:
    """Median (first to third quartile)."""
    quartiles = "" if row.q1 is None else f" ({number(row.q1, digits)} to {number(row.q3, digits)})"
    return number(row.median, digits) + quartiles


def interval(row: SummaryRow | Statistic, digits: int) -> str:
    """Its 95 % interval, or `MISSING`."""
    return MISSING if row.ci_low is None else f"{number(row.ci_low, digits)} to {number(row.ci_high, digits)}"


def published_of(region: str, metric: str) -> Published | None:
    """The published figure of a region and metric, or of a statistic of the grade."""
    return next((one for one in PUBLISHED if (one.region, one.metric) == (region, metric)), None)


def _medians(summary: Sequence[SummaryRow]) -> Iterator[Headline]:
    rows = {(str(row.region), row.metric): row for row in summary}
    for region, metric, name, digits in MEDIANS:
        if row := rows.get((region, metric)):
            published = published_of(region, metric)
            n = f"{row.n}, {row.n_undefined} undefined" if row.n_undefined else f"{row.n}"
            beside = spread(published) if published else ""
            yield Headline(name, spread(row, digits), interval(row, digits), beside, n, row.note)


def _statistics(agreement: Sequence[Statistic], confusion: Sequence[ConfusionRow]) -> Iterator[Headline]:
    rows = {row.statistic: row for row in agreement}
    for statistic, name, known in STATISTICS:
        if row := rows.get(statistic):
            digits = 2 if statistic.endswith("points") else 3
            published = published_of("grade", known)
            beside = "" if published is None else number(published.median, 3 if known == "accuracy" else 2)
            beside += UNSTATED_WEIGHTS if known == "weighted_kappa" else ""
            right = f" ({_same_grade(confusion)} of {row.n})" if statistic == "accuracy" else ""
            yield Headline(name, number(row.value, digits) + right, interval(row, digits), beside, f"{row.n}", row.note)


def _same_grade(confusion: Sequence[ConfusionRow]) -> int:
    return sum(int(getattr(row, row.true)) for row in confusion)
