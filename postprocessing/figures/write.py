"""All figures of a comparison as SVG and PNG, in the folder ``figures``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onfh_nnunet.core.atomic_files import atomic_write
from postprocessing.figures.agreement_plots import Names, bland_altman_figure, confusion_figure, percent_figure
from postprocessing.figures.decision_plots import net_benefit_figure
from postprocessing.figures.line_plots import calibration_figure, limits_by_size_figure
from postprocessing.figures.metric_plots import assd_figure, dice_figure
from postprocessing.figures.style import rendered
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.agreement import GradePair

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("svg", "png")
NAMES = ("dice", "assd", "percent", "bland_altman", "limits_by_size", "calibration", "net_benefit", "confusion")

FIGURE_FILES = tuple(f"figures/{name}.{kind}" for name in NAMES for kind in KINDS)
"""All that `write_figures` may write, relative to the folder of the tables."""


def write_figures(folder: Path, rows: Sequence[CrossvalRow]) -> None:
    """Write the figures of `NAMES` atomically.

    Args:
        folder: Of the tables; the figures lie in its folder ``figures``.
        rows: The hips. What is undefined is left out of a figure; without hips they are empty.
    """
    _write(folder, crossval_figures(rows))


def crossval_figures(rows: Sequence[CrossvalRow]) -> dict[str, Callable[[], Figure]]:
    """What draws each figure of `NAMES`."""
    readings = [row.grade_pair for row in rows]
    of_reference = {
        "dice": lambda: dice_figure(rows),
        "assd": lambda: assd_figure(rows),
        "calibration": lambda: calibration_figure(readings),
        "net_benefit": lambda: net_benefit_figure(readings),
    }
    return of_reference | _of_readings(readings, Names(), intervals=True)


def write_reader_figures(folder: Path, readings: Sequence[GradePair], names: Names) -> None:
    """Write percent, bland_altman, limits_by_size and confusion of two readers atomically."""
    _write(folder, _of_readings(readings, names, intervals=False))


def _of_readings(readings: Sequence[GradePair], names: Names, *, intervals: bool) -> dict[str, Callable[[], Figure]]:
    return {
        "percent": lambda: percent_figure(readings, names, intervals=intervals),
        "bland_altman": lambda: bland_altman_figure(readings, names),
        "limits_by_size": lambda: limits_by_size_figure(readings, names),
        "confusion": lambda: confusion_figure(readings, names),
    }


def _write(folder: Path, figures: Mapping[str, Callable[[], Figure]]) -> None:
    for name, draw in figures.items():
        figure = draw()
        for kind in KINDS:
            with atomic_write(folder / "figures" / f"{name}.{kind}") as part:
                part.write_bytes(rendered(figure, kind))
