"""Decision curves: the net benefit of acting on a predicted grade (Vickers & Elkin, Med Decis Making 2006;26:565)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from postprocessing.figures.style import BLUE, FONT_POINTS, ORANGE, new_figure
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.decisions import AT_CUTS
from postprocessing.statistics.net_benefit import benefits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE_INCH = 4.4
PROBABILITIES = np.linspace(0.05, 0.95, 91)
SHOWN_FROM = -0.1
"""Net benefits below are of no interest: calling nobody has 0."""


def net_benefit_figure(hips: Sequence[GradePair]) -> Figure:
    """Net benefit over the threshold probability, for hips from 15 % on and above 30 %.

    A solid line is of the predicted grade, a dashed one of calling every hip; calling none has 0. Without hips the
    figure is empty.
    """
    figure, axes = new_figure(WIDE_INCH)
    highest = 0.0
    for decision, colour in zip(AT_CUTS, (BLUE, ORANGE), strict=True):
        name = decision.name.replace("_percent", " %").replace("_", " ")
        for call_all, line, label in ((False, "-", name), (True, "--", f"every hip, {name}")):
            found = [benefits(hips, decision, pt, call_all=call_all).mean() for pt in PROBABILITIES if hips]
            highest = max([highest, *found])
            axes.plot(PROBABILITIES[: len(found)], found, line, color=colour, linewidth=1.4, label=label)
    axes.axhline(0, color="0.7", linewidth=0.7, zorder=1)
    axes.set(xlim=(0, 1), ylim=(SHOWN_FROM, highest + 0.1), xlabel="threshold probability", ylabel="net benefit")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=FONT_POINTS)
    return figure
