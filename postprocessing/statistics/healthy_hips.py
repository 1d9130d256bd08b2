"""Healthy hips of a comparison: is a lesion outlined where there is none, and how much of one?

A hip is healthy when its reference has no measurable lesion, grade ``none``. A healthy hip whose head was not found is
no success: it counts as wrong. The Dice coefficient of a lesion is undefined here, and in no mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onfh_nnunet.core.steinberg import Grade
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.measures import Measure, Statistic, mean, share, statistic_among

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
    right = [float(row.grade_pred is Grade.NONE and row.necrosis_percent_pred is not None) for row in healthy]
    found = [float(row.grade_pred is not Grade.NONE) for row in ill]
    return [
        _among(share("healthy_hip_specificity", np.array(right), np.ones(len(healthy))), healthy, NO_HEALTHY),
        _among(share("ill_hip_sensitivity", np.array(found), np.ones(len(ill))), ill, NO_ILL),
        _mean("healthy_hip_false_positive_ml", healthy, [row.necrosis_ml_pred for row in healthy]),
        _mean("healthy_hip_false_positive_percent", healthy, [row.necrosis_percent_pred for row in healthy]),
    ]


def _mean(name: str, rows: Sequence[CrossvalRow], values: Sequence[float | None]) -> Statistic:
    known = [(row, value) for row, value in zip(rows, values, strict=True) if value is not None]
    measure = mean(name, np.array([value for _, value in known], float))
    return _among(measure, [row for row, _ in known], NO_HEALTHY)


def _among(measure: Measure, rows: Sequence[CrossvalRow], missing: str) -> Statistic:
    return statistic_among(measure, [row.patient for row in rows], missing)
