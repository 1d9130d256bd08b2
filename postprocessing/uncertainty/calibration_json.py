"""A calibration as names with numbers, as a model's card holds it, and back; impossible values are refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.steinberg import Grade
from postprocessing.uncertainty.error_law import ErrorLaw

if TYPE_CHECKING:
    from postprocessing.uncertainty.conformal import Calibration

LEVELS = (0.5, 0.999)
"""Levels that a calibration in a model file may have."""

MOST_HIPS = 10_000_000
"""More than any registry has."""

FARTHEST = 1000.0
"""Points. No line through percentages gets there."""

NARROWEST = 1e-3
"""Points. The least half-width at a lesion's grade that a model file may state: one voxel of 1 mm in a head of 40 ml is
0.0025 points."""

LAW = ("centre_0", "centre_100", "spread_0", "spread_100")
COUNTS = ("n_patients", "n_hips")
_REACH, _PATIENTS = "reach_", "patients_"


def write_flat(calibration: Calibration) -> dict[str, Any]:
    """The values of a calibration by name."""
    reach = {f"{_REACH}{grade}": value for grade, value in calibration.reach.items()}
    patients = {f"{_PATIENTS}{grade}": count for grade, count in calibration.patients.items()}
    counts = {name: getattr(calibration, name) for name in COUNTS}
    return {
        "level": calibration.level,
        **vars(calibration.law),
        **reach,
        **patients,
        **counts,
        "method": calibration.method,
    }


def read_flat(values: Mapping[str, Any], fewest: Callable[[float], int]) -> dict[str, Any]:
    """The arguments of a calibration.

    Args:
        values: Of `write_flat`.
        fewest: Patients that an interval of a level needs.

    Raises:
        KeyError: A value is missing.
        TypeError: It is no mapping.
        ValueError: A value is impossible, or there are more of them.
    """
    left = dict(values)
    law = ErrorLaw(*(_number(name, left.pop(name), -FARTHEST, FARTHEST) for name in LAW))
    if min(law.spread_0, law.spread_100) <= 0 or law.centre_100 <= law.centre_0:
        raise ValueError(f"{law}, expected spreads above 0 and a centre that rises")
    level = _number("level", left.pop("level"), *LEVELS)
    reach = {grade: _reach(grade, left.pop(f"{_REACH}{grade}"), law) for grade in Grade}
    patients = {grade: _count(f"patients of grade {grade}", left.pop(f"{_PATIENTS}{grade}")) for grade in Grade}
    n_patients, n_hips = (_count(name, left.pop(name)) for name in COUNTS)
    if None not in reach.values() and n_patients < fewest(level):
        raise ValueError(f"an interval from {n_patients} patients, expected {fewest(level)} or more")
    if max(patients.values()) > n_patients:
        raise ValueError(f"{max(patients.values())} patients of one grade, expected up to {n_patients}")
    method = left.pop("method")
    if left:
        raise ValueError(f"unknown values {', '.join(map(str, left))[:200]}")
    return {
        "level": level,
        "law": law,
        "reach": reach,
        "patients": patients,
        "n_patients": n_patients,
        "n_hips": n_hips,
        "method": method,
    }


def _reach(grade: Grade, value: Any, law: ErrorLaw) -> float | None:
    if value is None:
        return None
    reach = _number(f"reach of grade {grade}", value, 0.0, 1e6)
    if grade is not Grade.NONE and reach * max(law.spread_0, law.spread_100) < NARROWEST:
        raise ValueError(f"a reach of {reach} for grade {grade}, expected {NARROWEST} points or more")
    return reach


def _number(name: str, value: Any, low: float, high: float) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} {value!r}, expected from {low} to {high}")
    return float(value)


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_HIPS:
        raise ValueError(f"{value!r} {name}, expected a whole number up to {MOST_HIPS}")
    return int(value)
