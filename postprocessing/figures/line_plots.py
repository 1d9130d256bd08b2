"""Plots of the percentage with a line of least squares: calibration, and limits of agreement that follow the size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import SEVERE_ABOVE_PERCENT
from postprocessing.figures.agreement_plots import WIDE_INCH, Names
from postprocessing.figures.style import BLUE, FONT_POINTS, LIMIT, LINE, dots, new_figure
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.intervals import student
from postprocessing.statistics.measures import too_few
from postprocessing.statistics.regression import fit_lines
from postprocessing.statistics.sample import Sample
from postprocessing.statistics.size_limits import size_limits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLACES = 40
"""Along a line, where its interval is drawn."""


def calibration_figure(readings: Sequence[GradePair]) -> Figure:
    """True against predicted percentage, the line of least squares, and its 95 % interval in grey.

    Predictions are right in the mean where the line lies on the thin diagonal. The interval is by patient, and missing
    where `percent_calibration` has none. Hips that lack a percentage are left out.
    """
    figure, axes = new_figure()
    sample, values = _known(readings)
    true, pred = values.T
    top = 1.08 * max(1.4 * SEVERE_ABOVE_PERCENT, *values.ravel(), 0)
    axes.plot((0, top), (0, top), color="0.6", linewidth=0.8)
    if len(np.unique(pred)) > 1:
        places = np.linspace(pred.min(), pred.max(), PLACES)
        found = [student(sample, partial(_height, pred, true, x)) for x in places]
        ends = np.array([one for one in found if not isinstance(one, str)])
        if not too_few(sample.n_patients) and len(ends) == PLACES:
            axes.fill_between(places, ends[:, 0], ends[:, 1], color="0.88", linewidth=0, zorder=0)
        axes.plot(places, fit_lines(pred, true, np.ones((1, len(pred)))).along(places)[0], **LINE)
    axes.plot(pred, true, **dots(BLUE))
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="predicted, % of the head", ylabel="true, % of the head")
    axes.set_aspect("equal")
    return figure


def limits_by_size_figure(readings: Sequence[GradePair], names: Names) -> Figure:
    """Bland-Altman plot with a bias and limits of agreement that follow the size; see `size_limits`.

    Hips that lack a percentage are left out; limits are drawn where their SD is above 0.
    """
    figure, axes = new_figure(WIDE_INCH)
    _, values = _known(readings)
    size = values.mean(1)
    axes.plot(size, values[:, 1] - values[:, 0], **dots(BLUE))
    if len(np.unique(size)) > 1:
        places = np.linspace(size.min(), size.max(), PLACES)
        limits = size_limits(values, np.ones((1, len(values))))
        for limit, line in ((0, LINE), (-1, LIMIT), (1, LIMIT)):
            heights = np.array([float(limits.at(x, limit)[0]) for x in places])
            axes.plot(places, heights, **line)
            axes.annotate(f" {heights[-1]:+.1f}", (places[-1], heights[-1]), va="center", fontsize=FONT_POINTS)
    axes.axhline(0, color="0.7", linewidth=0.7, zorder=1)
    axes.set(xlabel="mean of both, % of the head", ylabel=f"{names.second} minus {names.first}, points")
    return figure


def _height(x: FloatArray, y: FloatArray, place: float, weights: FloatArray) -> FloatArray:
    return fit_lines(x, y, weights).at(place)


def _known(readings: Sequence[GradePair]) -> tuple[Sample, FloatArray]:
    """The hips with both percentages, and these, (n, 2)."""
    pairs = [(row.patient, (row.percent_true, row.percent_pred)) for row in readings]
    known = [(who, pair) for who, pair in pairs if None not in pair]
    return Sample.of([who for who, _ in known]), np.array([pair for _, pair in known], float).reshape(-1, 2)
