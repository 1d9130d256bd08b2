"""The charts of a cross-validation; what a chart cannot show because it is undefined is counted under it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onfh_nnunet.labels import Region
from onfh_nnunet.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT
from postprocessing.report.slices import COLOURS
from postprocessing.summarize import CrossvalRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHART_INCH = 3.4
DOTS_PER_INCH = 160
HALF_STRIP = 0.16


def percent_png(rows: Sequence[CrossvalRow]) -> bytes:
    """Necrosis in percent of the head, predicted against true, with the limits of Steinberg's grades.

    A point outside the boxes on the diagonal is a hip whose grades differ. Hips without a predicted head are left out.
    """
    figure, axes = _figure()
    pairs = [(row.necrosis_percent_true, row.necrosis_percent_pred) for row in rows]
    known = [(true, pred) for true, pred in pairs if true is not None and pred is not None]
    top = 1.08 * max([SEVERE_ABOVE_PERCENT, *(value for pair in known for value in pair)])
    axes.plot((0, top), (0, top), color="0.75", linewidth=0.8)
    for limit in (MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT):
        axes.axvline(limit, color="0.4", linewidth=0.8, linestyle="dashed")
        axes.axhline(limit, color="0.4", linewidth=0.8, linestyle="dashed")
    axes.plot([true for true, _ in known], [pred for _, pred in known], **_dots(Region.NECROSIS))
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="true, % of the head", ylabel="predicted, % of the head")
    axes.set_aspect("equal")
    return _png(figure)


def dice_png(rows: Sequence[CrossvalRow]) -> bytes:
    """The Dice coefficient of each hip in each region, and the box of its quartiles."""
    figure, axes = _figure()
    for place, region in enumerate(Region):
        values = [value for row in rows if (value := getattr(row, f"{region}_dice")) is not None]
        spread = [place + HALF_STRIP * (2 * i / max(1, len(values) - 1) - 1) for i in range(len(values))]
        axes.plot(spread, values, **_dots(region))
        axes.boxplot([values], positions=[place], widths=0.6, showfliers=False, medianprops={"color": "black"})
    axes.set(xlim=(-0.5, len(Region) - 0.5), ylim=(None, 1), ylabel="Dice")
    axes.set_xticks(range(len(Region)), list(Region))
    return _png(figure)


def _figure() -> tuple[Any, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(CHART_INCH, CHART_INCH), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _dots(region: Region) -> dict[str, Any]:
    look = {"linestyle": "", "marker": "o", "color": COLOURS[region], "mec": "black", "mew": 0.5, "markersize": 5}
    return look | {"zorder": 3, "clip_on": False}


def _png(figure: Any) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()
