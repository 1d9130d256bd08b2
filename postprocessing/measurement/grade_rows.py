"""grades.csv: one row per hip, with stable columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.steinberg import Grade
from postprocessing.masks.lesion_parts import lesion_parts
from postprocessing.measurement.arco import ArcoType, arco_type, possible_arco_types
from postprocessing.measurement.jic import JicType, jic_type, possible_jic_types, weight_bearing
from postprocessing.measurement.landmarks import Landmarks
from postprocessing.measurement.measure import HipMeasurement, measure_parts
from postprocessing.uncertainty.margin_interval import IntervalMethod, PercentInterval, margin_interval, possible_grades


@dataclass(frozen=True)
class GradeRow:
    """A row of grades.csv; `warnings` explain empty cells.

    Except what needs landmarks, such as `jic_type`, and what only a lesion has, in a row of grade ``none``.

    Columns up to `warnings` are the first ones for good; later ones come after it.

    Args:
        case_id: The hip.
        source: The scan or mask that it comes from.
        side: L or R; empty when nothing tells.
        possible_grades: Every grade that the interval meets, in order of severity, such as ``A/B``.
        warnings: Joined with ``; ``.
        interval_method: Where `percent_low` and `percent_high` come from.
        jic_type: From landmarks; then `arco_2021_type` tells 2 from 3.
        possible_arco_2021_types: Every type of a lesion whose margin lies half a mean voxel further in or out.
        possible_jic_types: The same; from landmarks.

    The other columns come from `HipMeasurement`, `LesionLocation`, `Octants`, `PercentInterval`, `steinberg_grade`,
    and the last ones from `HipTraits`.
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
    surface_residual_mm: float | None
    collapse_depth_mm: float | None
    kerboul_low_deg: float | None
    kerboul_high_deg: float | None
    possible_kerboul_grades: str | None
    lateral_necrotic_angle_low_deg: float | None
    lateral_necrotic_angle_high_deg: float | None
    possible_arco_2021_types: str | None
    possible_jic_types: str | None
    thickest_mm: float | None
    head_grey_sd: float | None
    head_score: float | None
    unsure_percent: float | None


def grade_row(
    case_id: str,
    source: str,
    hip: HipMask,
    extra_warnings: Iterable[str] = (),
    interval: PercentInterval | None = None,
    traits: HipTraits | None = None,
) -> GradeRow:
    """Measure and grade one hip. The grade follows from whole voxel counts, without rounding.

    Args:
        case_id: The hip.
        source: The scan or mask that it comes from.
        hip: Its mask, from `clean` or `require_hip_labels`, and its side, where known.
        extra_warnings: What earlier steps have to say; they come first.
        interval: The calibrated interval of the percentage; without it, the margin's.
        traits: Of a predicted hip; their columns are empty without them.

    Raises:
        LabelError: There is no head.
    """
    parts = lesion_parts(hip)
    measured, met = measure_parts(parts), interval or margin_interval(parts.hip)
    possible = possible_grades(met, hip.extent.least_percent)
    low, high = measured.location.lateral_necrotic_angle_low_deg, measured.location.lateral_necrotic_angle_high_deg
    return GradeRow(
        case_id=case_id,
        source=source,
        side=hip.side,
        percent_low=met.low,
        percent_high=met.high,
        steinberg_grade=parts.grade,
        possible_grades="/".join(possible if parts.measurable else dict.fromkeys((Grade.NONE, *possible))),
        warnings="; ".join((*extra_warnings, *measured.warnings)),
        interval_method=met.method,
        jic_type=None,
        possible_arco_2021_types=None if low is None or high is None else possible_arco_types(low, high),
        possible_jic_types=None,
        **_columns(measured),
        **(vars(traits) if traits else dict.fromkeys(field.name for field in fields(HipTraits))),
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
    low, high = row.lateral_necrotic_angle_low_deg, row.lateral_necrotic_angle_high_deg
    if landmarks is None:
        return _warned(row, "no landmarks: no JIC type")
    if row.side is None or x is None or y is None or z is None:
        return _warned(row, "no side or no sphere: no JIC type")
    surface = weight_bearing(row.case_id, landmarks, (x, y, z), row.side)
    if row.steinberg_grade is Grade.NONE:
        return row
    if lateral is None or low is None or high is None:
        return _warned(row, "no lateral angle: no JIC type")
    return replace(
        row,
        jic_type=jic_type(lateral, surface, ties),
        arco_2021_type=arco_type(lateral, surface.edge_deg),
        possible_arco_2021_types=possible_arco_types(low, high, surface.edge_deg),
        possible_jic_types=possible_jic_types(low, high, surface, ties),
    )


def write_grades(path: Path, rows: Iterable[GradeRow]) -> None:
    """Write grades.csv atomically."""
    write_rows(path, GradeRow, rows)


def _columns(measured: HipMeasurement) -> dict[str, Any]:
    nested = {**vars(measured), **vars(measured.location), **vars(measured.location.octants)}
    return {name: value for name, value in nested.items() if name not in ("location", "octants", "warnings")}


def _warned(row: GradeRow, warning: str) -> GradeRow:
    return replace(row, warnings="; ".join(filter(None, (row.warnings, warning))))
