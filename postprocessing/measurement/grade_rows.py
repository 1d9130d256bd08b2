"""grades.csv: one row per hip, with stable columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.steinberg import Grade
from postprocessing.measurement.arco import ArcoType, arco_type
from postprocessing.measurement.jic import JicType, jic_type, weight_bearing
from postprocessing.measurement.landmarks import Landmarks
from postprocessing.measurement.measure import HipMeasurement, measure
from postprocessing.uncertainty.margin_interval import IntervalMethod, PercentInterval, margin_interval, possible_grades


@dataclass(frozen=True)
class GradeRow:
    """A row of grades.csv; `warnings` explain empty cells, except `jic_type`, which needs landmarks.

    Columns up to `warnings` are the first ones for good; later ones come after it.

    Args:
        case_id: The hip.
        source: The scan or mask that it comes from.
        side: L or R; empty when nothing tells.
        possible_grades: Every grade that the interval meets, in order of severity, such as ``A/B``.
        warnings: Joined with ``; ``.
        interval_method: Where `percent_low` and `percent_high` come from.
        jic_type: From landmarks; then `arco_2021_type` tells 2 from 3.

    The other columns come from `HipMeasurement`, `LesionLocation`, `Octants`, `PercentInterval`, `steinberg_grade`.
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
    interval_method: IntervalMethod
    sphere_residual_mm: float | None
    head_centre_x_mm: float | None
    head_centre_y_mm: float | None
    head_centre_z_mm: float | None
    lesion_latitude_deg: float | None
    lesion_longitude_deg: float | None
    lateral_necrotic_angle_deg: float | None
    anterior_necrotic_angle_deg: float | None
    necrosis_depth_mm: float | None
    superior_anterior_lateral_percent: float | None
    superior_anterior_medial_percent: float | None
    superior_posterior_lateral_percent: float | None
    superior_posterior_medial_percent: float | None
    inferior_anterior_lateral_percent: float | None
    inferior_anterior_medial_percent: float | None
    inferior_posterior_lateral_percent: float | None
    inferior_posterior_medial_percent: float | None
    arco_2021_type: ArcoType | None
    jic_type: JicType | None


def grade_row(
    case_id: str,
    source: str,
    hip: HipMask,
    extra_warnings: Iterable[str] = (),
    interval: PercentInterval | None = None,
) -> GradeRow:
    """Measure and grade one hip. The grade follows from whole voxel counts, without rounding.

    Args:
        case_id: The hip.
        source: The scan or mask that it comes from.
        hip: Its mask, from `clean` or `require_hip_labels`, and its side, where known.
        extra_warnings: What earlier steps have to say; they come first.
        interval: The calibrated interval of the percentage; without it, the margin's.

    Raises:
        LabelError: There is no head.
    """
    measured, met = measure(hip), interval or margin_interval(hip)
    return GradeRow(
        case_id=case_id,
        source=source,
        side=hip.side,
        percent_low=met.low,
        percent_high=met.high,
        steinberg_grade=hip.extent.grade,
        possible_grades="/".join(possible_grades(met)),
        warnings="; ".join((*extra_warnings, *measured.warnings)),
        interval_method=met.method,
        jic_type=None,
        **_columns(measured),
    )


def with_landmarks(row: GradeRow, landmarks: Landmarks | None, ties: JicTies = JicTies.MINISTRY) -> GradeRow:
    """Add what two landmarks determine: the JIC type, and ARCO type 2 or 3. Only the row is needed.

    Args:
        row: A graded hip.
        landmarks: Its landmarks; None when they were asked for and there are none, which `warnings` then says.
        ties: Where a lesion of exactly one or two thirds belongs.

    Raises:
        GeometryError: The landmarks do not fit the head.
    """
    x, y, z, lateral = row.head_centre_x_mm, row.head_centre_y_mm, row.head_centre_z_mm, row.lateral_necrotic_angle_deg
    if landmarks is None:
        return _warned(row, "no landmarks: no JIC type")
    if row.side is None or x is None or y is None or z is None:
        return _warned(row, "no side or no sphere: no JIC type")
    surface = weight_bearing(row.case_id, landmarks, (x, y, z), row.side)
    if lateral is None:
        return _warned(row, "no lateral angle: no JIC type")
    return replace(row, jic_type=jic_type(lateral, surface, ties), arco_2021_type=arco_type(lateral, surface.edge_deg))


def write_grades(path: Path, rows: Iterable[GradeRow]) -> None:
    """Write grades.csv atomically."""
    write_rows(path, GradeRow, rows)


def _columns(measured: HipMeasurement) -> dict[str, Any]:
    nested = {**vars(measured), **vars(measured.location), **vars(measured.location.octants)}
    return {name: value for name, value in nested.items() if name not in ("location", "octants", "warnings")}


def _warned(row: GradeRow, warning: str) -> GradeRow:
    return replace(row, warnings="; ".join(filter(None, (row.warnings, warning))))
