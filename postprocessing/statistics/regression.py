"""Straight lines by least squares, for many weightings of the hips at once, which no library takes."""

from __future__ import annotations

from typing import NamedTuple

from onfh_nnunet.core.grid import FloatArray
from postprocessing.statistics.reliability import ratio, without_rounding


class Lines(NamedTuple):
    """A line y = intercept + slope x for each weighting, each field (draws,); NaN where all x are equal."""

    intercept: FloatArray
    slope: FloatArray

    def at(self, x: float) -> FloatArray:
        """The height of each line at x, (draws,)."""
        return self.intercept + self.slope * x

    def along(self, x: FloatArray) -> FloatArray:
        """The height of each line at each of n places, (draws, n)."""
        return self.intercept[:, None] + self.slope[:, None] * x


def fit_lines(x: FloatArray, y: FloatArray, weights: FloatArray) -> Lines:
    """The lines of least squares.

    Args:
        x: Of n hips, (n,).
        y: Of n hips, (n,); or another one for each weighting, (draws, n).
        weights: How often each hip counts, (draws, n).
    """
    n = weights.sum(1)
    x_mean, y_mean = ratio(weights @ x, n), ratio((weights * y).sum(1), n)
    apart = x - x_mean[:, None]
    spread = without_rounding((weights * apart**2).sum(1), x)
    slope = ratio((weights * apart * (y - y_mean[:, None])).sum(1), spread)
    return Lines(y_mean - slope * x_mean, slope)
