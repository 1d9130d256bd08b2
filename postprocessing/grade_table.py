"""grades.csv: one row a hip, in the columns that other programs rely on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.hip import Side
from onfh_nnunet.steinberg import Grade
from onfh_nnunet.tables import write_rows
from onfh_nnunet.volume import Volume
from postprocessing.extent import extent
from postprocessing.interval import margin_interval, possible_grades
from postprocessing.measure import measure


@dataclass(frozen=True)
class GradeRow:
    """A row of grades.csv; an empty cell is explained in `warnings`.

    Args:
        case_id: The hip.
        source: The scan or mask that it comes from.
        side: L or R; empty when nothing tells.
        possible_grades: Every grade that the interval meets, in order of severity, such as ``A/B``.
        warnings: Joined with ``; ``.

    The other columns are those of `HipMeasurement`, `PercentInterval` and `steinberg_grade`.
    """

    case_id: str
    source: str
    side: Side | None
    head_ml: float
    necrosis_ml: float
    necrosis_percent: float
    percent_low: float
    percent_high: float
    steinberg_grade: Grade
    possible_grades: str
    necrosis_percent_of_sphere: float | None
    head_diameter_mm: float | None
    kerboul_coronal_deg: float | None
    kerboul_sagittal_deg: float | None
    kerboul_deg: float | None
    kerboul_grade: int | None
    necrotic_surface_percent: float | None
    warnings: str


def grade_row(
    case_id: str, source: str, side: Side | None, mask: Volume, extra_warnings: Iterable[str] = ()
) -> GradeRow:
    """Measure and grade one hip. The grade follows from whole voxel counts; nothing is rounded before it.

    Args:
        case_id: The hip.
        source: The scan or mask that it comes from.
        side: The patient's side, where known.
        mask: Labels 0, 1, 2 (z, y, x), from `clean` or `require_hip_labels`.
        extra_warnings: What earlier steps have to say; they come first.

    Raises:
        LabelError: There is no head.
    """
    hip, interval = measure(mask), margin_interval(mask)
    measured = {name: value for name, value in vars(hip).items() if name != "warnings"}
    return GradeRow(
        case_id=case_id,
        source=source,
        side=side,
        percent_low=interval.low,
        percent_high=interval.high,
        steinberg_grade=extent(mask).grade,
        possible_grades="/".join(possible_grades(interval)),
        warnings="; ".join((*extra_warnings, *hip.warnings)),
        **measured,
    )


def write_grades(path: Path, rows: Iterable[GradeRow]) -> None:
    """Write grades.csv whole."""
    write_rows(path, GradeRow, rows)
