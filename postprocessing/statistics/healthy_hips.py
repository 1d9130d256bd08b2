"""Healthy hips of a comparison: is a lesion outlined where there is none, and how much of one?

A hip is healthy when its reference has no measurable lesion, grade ``none``. A healthy hip whose head was not found is
no success: it counts as wrong. The Dice coefficient of a lesion is undefined here, and in no mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import Grade
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.agreement import WILSON_NOTE
from postprocessing.statistics.bootstrap_statistics import Measure, Statistic, statistics
from postprocessing.statistics.reliability import ratio, wilson_interval

NO_HEALTHY = "no healthy hip: nothing is known of how often one is called ill"
NO_ILL = "no ill hip"


def healthy_hip_statistics(rows: Sequence[CrossvalRow]) -> list[Statistic]:
    """Rows of agreement.csv about healthy hips.

    - ``healthy_hip_specificity``: the share of the healthy hips that are graded ``none``, their head being found.
    - ``ill_hip_sensitivity``: the share of the ill hips that have any other grade.
    - ``healthy_hip_false_positive_ml``, ``healthy_hip_false_positive_percent``: the mean volume of what is outlined as
      necrosis in a healthy hip, and the mean percentage of the predicted heads; 0 where nothing is.
    """
    healthy = [row for row in rows if row.grade_true is Grade.NONE]
    ill = [row for row in rows if row.grade_true is not Grade.NONE]
    right = sum(row.grade_pred is Grade.NONE and row.necrosis_percent_pred is not None for row in healthy)
    found = sum(row.grade_pred is not Grade.NONE for row in ill)
    return [
        _proportion("healthy_hip_specificity", right, len(healthy), NO_HEALTHY),
        _proportion("ill_hip_sensitivity", found, len(ill), NO_ILL),
        _mean("healthy_hip_false_positive_ml", [(row.patient, row.necrosis_ml_pred) for row in healthy]),
        _mean("healthy_hip_false_positive_percent", [(row.patient, row.necrosis_percent_pred) for row in healthy]),
    ]


def _proportion(name: str, part: int, n: int, missing: str) -> Statistic:
    if n == 0:
        return Statistic(name, None, None, None, 0, missing)
    return Statistic(name, part / n, *wilson_interval(part, n), n, WILSON_NOTE)


def _mean(name: str, hips: Sequence[tuple[str, float | None]]) -> Statistic:
    known = [(patient, value) for patient, value in hips if value is not None]
    if not known:
        return Statistic(name, None, None, None, 0, NO_HEALTHY)
    values = np.array([value for _, value in known])
    return statistics([Measure(name, partial(_weighted_mean, values), NO_HEALTHY)], [who for who, _ in known])[0]


def _weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    return ratio(weights @ values, weights.sum(1))
