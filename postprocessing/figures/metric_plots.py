"""Box plots of metrics with one point per hip, by region, and of the lesion by true grade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade
from postprocessing.figures.style import dots, new_figure
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.report.slices import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_INCH = 4.8
HALF_STRIP = 0.17
MARKERS = {Region.HEAD: "o", Region.NECROSIS: "^"}
BOX: dict[str, Any] = {
    "widths": 0.6,
    "showfliers": False,
    "medianprops": {"color": "black", "linewidth": 1.6},
    "zorder": 4,
}


def dice_figure(rows: Sequence[CrossvalRow]) -> Figure:
    """Dice coefficient of each hip; undefined values are counted under the box."""
    return _spread_figure(rows, "dice", "Dice", top=1)


def assd_figure(rows: Sequence[CrossvalRow]) -> Figure:
    """Average symmetric surface distance of each hip; undefined values are counted under the box."""
    return _spread_figure(rows, "assd_mm", "average symmetric surface distance, mm", bottom=0)


def _spread_figure(
    rows: Sequence[CrossvalRow], metric: str, label: str, top: float | None = None, bottom: float | None = None
) -> Figure:
    figure, axes = new_figure(WIDTH_INCH)
    boxes = [(region, str(region), rows) for region in Region]
    for grade in (Grade.A, Grade.B, Grade.C):
        boxes.append((Region.NECROSIS, f"necrosis\nof grade {grade}", [row for row in rows if row.grade_true is grade]))
    labels = []
    for place, (region, name, hips) in enumerate(boxes):
        values = [getattr(row, f"{region}_{metric}") for row in hips]
        known = [value for value in values if value is not None]
        strip = [place + HALF_STRIP * (2 * i / max(1, len(known) - 1) - 1) for i in range(len(known))]
        axes.plot(strip, known, **dots(COLOURS[region], MARKERS[region]))
        axes.boxplot([known], positions=[place], **BOX)
        missing = len(values) - len(known)
        labels.append(f"{name}\nn = {len(known)}" + (f"\n{missing} undefined" if missing else ""))
    axes.set_xticks(range(len(boxes)), labels)
    axes.axvline(len(Region) - 0.5, color="0.7", linewidth=0.7)
    axes.set(xlim=(-0.5, len(boxes) - 0.5), ylim=(bottom, top), ylabel=label)
    return figure
