"""Calibration of the percentage: what the true percentage is, in the mean, where one of some size is predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from postprocessing.statistics.measures import Measure, Statistic, statistics
from postprocessing.statistics.regression import fit_lines

Pair = tuple[float | None, float | None]

ONE_SIZE = "fewer than two hips, or one percentage is predicted of all"


def percent_calibration(patients: Sequence[str], pairs: Sequence[Pair]) -> list[Statistic]:
    """Slope and intercept of the line of least squares of the true on the predicted percentage.

    True = ``calibration_intercept_points`` + ``calibration_slope`` x predicted: 0 and 1 where predictions are right in
    the mean at every size. A slope below 1 is of predictions that are too extreme (Cox, Biometrika 1958;45:562; Van
    Calster et al., BMC Med 2019;17:230). Intervals are jackknifed by patient.

    Args:
        patients: The patient of each hip.
        pairs: True and predicted percentage of each hip; a hip that lacks one is left out.
    """
    known = [(who, pair) for who, pair in zip(patients, pairs, strict=True) if None not in pair]
    true, pred = np.array([pair for _, pair in known], float).reshape(-1, 2).T
    measures = [
        Measure("calibration_slope", lambda weights: fit_lines(pred, true, weights).slope, ONE_SIZE),
        Measure("calibration_intercept_points", lambda weights: fit_lines(pred, true, weights).intercept, ONE_SIZE),
    ]
    return statistics(measures, [who for who, _ in known])
