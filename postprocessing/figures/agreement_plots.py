"""Plots of agreement between two gradings of the same hips: reference and prediction, or two readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT
from postprocessing.figures.style import BLUE, FONT_POINTS, LIMIT, LINE, ORANGE, dots, new_figure
from postprocessing.statistics.agreement import GradePair, confusion_rows, grade_scale, limits_of_agreement
from postprocessing.uncertainty.conformal import Calibration
from postprocessing.uncertainty.margin_interval import PercentInterval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_INCH = 4.4
LIMITS = (MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT)
SAME, OTHER = dots(BLUE, "o"), dots(ORANGE, "D")


@dataclass(frozen=True)
class Names:
    """The axis labels of the two gradings."""

    first: str = "true"
    second: str = "predicted"


def percent_figure(readings: Sequence[GradePair], names: Names, *, intervals: bool) -> Figure:
    """Necrosis in percent of the head, second grading against the first, with the limits of Steinberg's grades.

    Discs are hips of one grade in both, diamonds of two. Hips that lack a percentage are left out.

    Args:
        readings: The hips.
        names: Of the axes.
        intervals: Whether to draw the 90 % interval about each prediction, by the `Calibration` of these hips.
    """
    figure, axes = new_figure()
    known = _known(readings)
    lines = _intervals(readings) if intervals else []
    ends = [about.high for _, about in lines]
    top = min(100.0, 1.08 * max([1.4 * SEVERE_ABOVE_PERCENT, *ends, *(value for _, x, y in known for value in (x, y))]))
    _grade_boxes(axes, top)
    axes.plot((0, top), (0, top), color="0.6", linewidth=0.8)
    axes.vlines([x for x, _ in lines], [about.low for _, about in lines], ends, color="0.45", linewidth=0.8, zorder=2)
    for look, same in ((SAME, True), (OTHER, False)):
        points = [(x, y) for row, x, y in known if (row.grade_true is row.grade_pred) is same]
        label = f"same grade, {len(points)}" if same else f"grades differ, {len(points)}"
        axes.plot([x for x, _ in points], [y for _, y in points], **look, label=label)
    axes.set(
        xlim=(0, top), ylim=(0, top), xlabel=f"{names.first}, % of the head", ylabel=f"{names.second}, % of the head"
    )
    axes.set_aspect("equal")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=FONT_POINTS)
    return figure


def bland_altman_figure(readings: Sequence[GradePair], names: Names) -> Figure:
    """Bland-Altman plot of the percentages: bias, limits of agreement, and their 95 % intervals in grey.

    Bland & Altman, Lancet 1986;1:307. Hips that lack a percentage are left out.
    """
    figure, axes = new_figure(WIDE_INCH)
    known = _known(readings)
    axes.plot([(x + y) / 2 for _, x, y in known], [y - x for _, x, y in known], **dots(BLUE))
    pairs = [(row.percent_true, row.percent_pred) for row in readings]
    found = limits_of_agreement("points", [row.patient for row in readings], pairs)
    for statistic, line in zip(found, (LINE, LIMIT, LIMIT), strict=True):
        if statistic.value is None:
            continue
        if statistic.ci_low is not None and statistic.ci_high is not None:
            axes.axhspan(statistic.ci_low, statistic.ci_high, color="0.88", linewidth=0, zorder=0)
        axes.axhline(statistic.value, **line)
        axes.annotate(
            f" {statistic.value:+.1f}",
            (1, statistic.value),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=FONT_POINTS,
        )
    axes.axhline(0, color="0.7", linewidth=0.7, zorder=1)
    axes.set(xlabel="mean of both, % of the head", ylabel=f"{names.second} minus {names.first}, points")
    return figure


def confusion_figure(readings: Sequence[GradePair], names: Names) -> Figure:
    """Confusion matrix: hips by the first grading (rows) and the second (columns), with a framed diagonal."""
    from matplotlib.patches import Rectangle

    figure, axes = new_figure()
    grades = grade_scale(readings)
    counts = {row.true: row for row in confusion_rows(readings)}
    table = [[getattr(counts[true], pred) for pred in grades] for true in grades]
    most = max(1, *(count for row in table for count in row))
    axes.imshow(table, cmap="Blues", vmin=0, vmax=1.9 * most)  # black figures stay legible on the darkest cell
    for i, row in enumerate(table):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=1.4, zorder=3))
        for j, count in enumerate(row):
            axes.text(j, i, count, ha="center", va="center", fontsize=1.3 * FONT_POINTS)
    axes.set_xticks(range(len(grades)), grades)
    axes.set_yticks(range(len(grades)), grades)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel=f"{names.second} grade", ylabel=f"{names.first} grade")
    return figure


def _known(readings: Sequence[GradePair]) -> list[tuple[GradePair, float, float]]:
    rows = [(row, row.percent_true, row.percent_pred) for row in readings]
    return [(row, x, y) for row, x, y in rows if x is not None and y is not None]


def _intervals(readings: Sequence[GradePair]) -> list[tuple[float, PercentInterval]]:
    """The interval of each hip's second percentage, at its first percentage; empty for a small cohort."""
    calibration = Calibration.fit(
        percent_true=[row.percent_true for row in readings],
        percent_pred=[row.percent_pred for row in readings],
        patients=[row.patient for row in readings],
    )
    found = [(x, calibration.interval(y)) for _, x, y in _known(readings)]
    return [(x, interval) for x, interval in found if interval]


def _grade_boxes(axes: Axes, top: float) -> None:
    """Shade the areas where both gradings agree, and draw the limits."""
    from matplotlib.patches import Rectangle

    for low, high, name in _bands(top):
        axes.add_patch(Rectangle((low, low), high - low, high - low, color="0.93", linewidth=0, zorder=0))
        axes.text((low + high) / 2, 1.01 * top, name, ha="center", va="bottom", fontsize=FONT_POINTS)
        axes.text(1.02 * top, (low + high) / 2, name, ha="left", va="center", fontsize=FONT_POINTS)
    for limit in LIMITS:
        axes.axvline(limit, **LIMIT)
        axes.axhline(limit, **LIMIT)


def _bands(top: float) -> Iterator[tuple[float, float, str]]:
    edges = (0.0, *LIMITS, top)
    yield from zip(edges, edges[1:], "ABC", strict=False)
