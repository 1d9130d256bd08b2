"""The errors of predicted percentages by the true one: where predictions lie, and how far they spread.

Both are straight lines over the true percentage: a bias may be a constant, a share of the lesion, or a regression to
the mean, and small lesions may be predicted more exactly than large ones. The lines only scale the errors. They need
not be true for the coverage by grade, which the quantiles in `conformal` bring; the truer they are, the better is the
coverage within a grade, and the shorter are the intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from onfh_nnunet.core.grid import FloatArray

SLOPES = (0.5, 2.0)
"""Points that a prediction may move by a point of the truth; ours, for cohorts that are too small to tell a slope."""

LEAST_SPREAD = 0.2, 1.0
"""The least spread at 0 and at 100 % as a share of the mean one; ours. Few cohorts hold lesions of more than half a
head: a line that falls towards them is not followed."""

FINEST = 0.01
"""Points. The spread where no prediction errs: four voxels of 1 mm in a head of 40 ml."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ErrorLaw:
    """Centre and mean absolute error of the predictions, in points, on straight lines over the true percentage.

    Args:
        centre_0: The centre of the predictions of a lesion of 0 %.
        centre_100: Of one of 100 %.
        spread_0: Their mean absolute error about it at 0 %, more than 0.
        spread_100: At 100 %.
    """

    centre_0: float = 0.0
    centre_100: float = 100.0
    spread_0: float = 1.0
    spread_100: float = 1.0

    @classmethod
    def fit(cls, true: FloatArray, pred: FloatArray, weights: FloatArray) -> Self:
        """Weighted least squares of the predictions on the truth, and of their absolute residuals.

        Args:
            true: Percent, (n,). Hips without necrosis are left out: their errors have one sign.
            pred: Percent, (n,).
            weights: Of the hips, (n,).
        """
        ill = true > 0
        if not ill.any():
            return cls()
        true, pred, weights = true[ill], pred[ill], weights[ill]
        centre = _line(true, pred, weights, *SLOPES)
        residuals = np.abs(pred - _at(*centre, true))
        mean = max(float(np.average(residuals, weights=weights)), FINEST)
        spread = _line(true, residuals, weights, -np.inf, np.inf)
        return cls(*centre, *(max(end, share * mean) for end, share in zip(spread, LEAST_SPREAD, strict=True)))

    def scores(self, true: FloatArray, pred: FloatArray) -> FloatArray:
        """Errors in multiples of the spread, (n,). Of a hip without necrosis all that is predicted is an error."""
        centre = np.where(true > 0, _at(self.centre_0, self.centre_100, true), 0.0)
        return np.abs(pred - centre) / _at(self.spread_0, self.spread_100, true)

    def candidates(self, pred: float, reach: float, low: float, high: float) -> tuple[float, float] | None:
        """The ends of the true percentages above 0, from `low` to `high`, whose score is at most `reach`."""
        below = _at_most(pred, self.centre_0 - reach * self.spread_0, self.centre_100 - reach * self.spread_100)
        above = _at_most(-pred, -self.centre_0 - reach * self.spread_0, -self.centre_100 - reach * self.spread_100)
        low, high = max(low, below[0], above[0]), min(high, below[1], above[1])
        return (low, high) if low <= high else None


def _line(x: FloatArray, y: FloatArray, weights: FloatArray, least: float, most: float) -> tuple[float, float]:
    """A weighted least squares line at 0 and at 100, with a slope within limits; slope 1 or 0 where x does not vary."""
    x_mean, y_mean = (float(np.average(values, weights=weights)) for values in (x, y))
    variance = float(np.average((x - x_mean) ** 2, weights=weights))
    covariance = float(np.average((x - x_mean) * (y - y_mean), weights=weights))
    flat = 1.0 if least > 0 else 0.0
    slope = min(max(covariance / variance, least), most) if variance > _ROUNDING else flat
    return y_mean - slope * x_mean, y_mean + slope * (100 - x_mean)


def _at(at_0: float, at_100: float, percent: FloatArray) -> FloatArray:
    return at_0 + (at_100 - at_0) / 100 * percent


def _at_most(bound: float, at_0: float, at_100: float) -> tuple[float, float]:
    """Where a line is at most a bound: the ends of an interval, infinite on one side."""
    slope = (at_100 - at_0) / 100
    if slope == 0:
        return (-np.inf, np.inf) if at_0 <= bound else (np.inf, -np.inf)
    crossing = (bound - at_0) / slope
    return (-np.inf, crossing) if slope > 0 else (crossing, np.inf)
