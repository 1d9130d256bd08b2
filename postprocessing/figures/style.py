"""Common style of all figures: readable in grey and without colour vision, small enough to print."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.no_telemetry import import_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT_INCH = 3.4
DOTS_PER_INCH = 300
"""What journals ask for."""

FONT_POINTS = 8

BLUE, ORANGE = "#0072B2", "#E69F00"
"""Of the palette that Okabe and Ito made for all kinds of colour vision (Color Universal Design, 2008); in print in
grey the one is dark and the other light."""

LINE: dict[str, Any] = {"color": "0.25", "linewidth": 0.9}
LIMIT: dict[str, Any] = {"color": "0.25", "linewidth": 0.9, "linestyle": (0, (5, 3))}
"""Grey 0.25 of 1, long dashes."""

_STYLE: dict[Any, Any] = {
    "font.size": FONT_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "svg.hashsalt": "onfh",  # the same names inside the file each time
    "svg.fonttype": "none",  # text is text: it can be searched, edited and read aloud
}
_METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def new_figure(width_inch: float = HEIGHT_INCH) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes."""
    mpl = import_matplotlib()
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width_inch, HEIGHT_INCH), dpi=DOTS_PER_INCH, layout="constrained")
        return figure, figure.add_subplot()


def rendered(figure: Figure, kind: str) -> bytes:
    """A figure as ``png`` or ``svg``, without a date."""
    mpl = import_matplotlib()
    content = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(content, format=kind, metadata=_METADATA[kind])
    return content.getvalue()


def dots(colour: str, marker: str = "o") -> dict[str, Any]:
    """The style of one point per hip."""
    look = {"linestyle": "", "marker": marker, "color": colour, "mec": "black", "mew": 0.5, "markersize": 4.5}
    return look | {"zorder": 3, "clip_on": False}
