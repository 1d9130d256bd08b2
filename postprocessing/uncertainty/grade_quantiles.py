"""Quantiles of scores by true grade, for patients with one hip or two; grades of few patients are merged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT, Grade

Reach = Mapping[Grade, float | None]
IntArray = NDArray[np.integer[Any]]

_ROUNDING = 1e-9


def fewest_patients(level: float) -> int:
    """The minimum number of patients for a confidence level: 9 for 90 %."""
    return math.ceil(level / (1 - level) - _ROUNDING)


def grades_of(true: FloatArray) -> IntArray:
    """The index in `Grade` of each percentage: 0 none, 1 A, 2 B, 3 C."""
    limits = (true > 0, true >= MODERATE_FROM_PERCENT, true > SEVERE_ABOVE_PERCENT)
    numbers: IntArray = np.sum(limits, axis=0)
    return numbers


def reach_by_grade(
    scores: FloatArray, grades: IntArray, patient_of: IntArray, kind_of: NDArray[np.str_], level: float
) -> tuple[Reach, Mapping[Grade, int]]:
    """The quantile of the scores for each grade, and its patients, before grades of few patients are merged.

    Args:
        scores: Of n hips, (n,).
        grades: Of `grades_of`, (n,).
        patient_of: The number of each hip's patient, (n,).
        kind_of: The kind of each hip's patient, (n,); the largest quantile of any kind is taken.
        level: Of the quantile.
    """
    counts = {grade: len(np.unique(patient_of[grades == number])) for number, grade in enumerate(Grade)}
    kinds = [kind_of == kind for kind in np.unique(kind_of)] or [np.zeros(0, bool)]
    each = [_reach_of_one(scores[own], grades[own], patient_of[own], level) for own in kinds]
    reach = {grade: max((one[grade] for one in each), key=lambda value: value or -1.0) for grade in Grade}
    return reach, counts


def _reach_of_one(scores: FloatArray, grades: IntArray, patient_of: IntArray, level: float) -> Reach:
    """The quantiles of one kind of patients."""
    reach: dict[Grade, float | None] = {}
    for merged in _merged(grades, patient_of, fewest_patients(level)):
        among = np.isin(grades, merged)
        _, own, n_of = np.unique(patient_of[among], return_inverse=True, return_counts=True)
        quantile = _quantile(scores[among], 1 / n_of[own] if len(own) else scores[among], level * (len(n_of) + 1))
        reach |= {tuple(Grade)[number]: quantile for number in merged}
    return reach


def _merged(grades: IntArray, patient_of: IntArray, fewest: int) -> list[list[int]]:
    """Neighbouring grades, merged until each group has so many patients or all are one group; the smallest first."""
    groups = [[number] for number in range(len(Grade))]
    while len(groups) > 1:
        sizes = [len(np.unique(patient_of[np.isin(grades, group)])) for group in groups]
        least = sizes.index(min(sizes))
        if sizes[least] >= fewest:
            break
        beside = [i for i in (least - 1, least + 1) if 0 <= i < len(groups)]
        first, second = sorted((least, min(beside, key=sizes.__getitem__)))
        groups[first] += groups.pop(second)
    return groups


def _quantile(scores: FloatArray, weights: FloatArray, reach: float) -> float | None:
    """The smallest score at which the cumulative weight reaches `reach`; None when the total is too small."""
    order = np.argsort(scores)
    reached = np.flatnonzero(np.cumsum(weights[order]) >= reach - _ROUNDING)
    return float(scores[order[reached[0]]]) if len(reached) else None
