"""The figures of a comparison as the pictures of its report."""

from __future__ import annotations

from collections.abc import Sequence

from postprocessing.figures.agreement_plots import Names, percent_figure
from postprocessing.figures.metric_plots import dice_figure
from postprocessing.figures.style import rendered
from postprocessing.metrics.case_metrics import CrossvalRow


def percent_png(rows: Sequence[CrossvalRow]) -> bytes:
    """Necrosis in percent of the head, predicted against true; see `percent_figure`."""
    return rendered(percent_figure([row.reading for row in rows], Names(), intervals=True), "png")


def dice_png(rows: Sequence[CrossvalRow]) -> bytes:
    """The Dice coefficient of each hip; see `dice_figure`."""
    return rendered(dice_figure(rows), "png")
