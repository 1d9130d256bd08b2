"""Inter-rater agreement: `agreement`, and tests whether one reader grades higher."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.agreement import ConfusionRow, GradePair, agreement, confusion_rows
from postprocessing.statistics.grade_agreement import SEVERITY
from postprocessing.statistics.intervals import Ends, difference
from postprocessing.statistics.measures import NO_HIPS, Statistic, mean, statistics
from postprocessing.statistics.repeatability import repeatability
from postprocessing.statistics.sample import Estimator, Sample
from postprocessing.statistics.size_limits import limits_by_size
from postprocessing.statistics.symmetry import INDEPENDENT, bowker

CUTS = {"b_or_c": (Grade.B, Grade.C), "c": (Grade.C,)}
"""The two decisions that Steinberg's limits make, by the grades above each."""


def reader_agreement(readings: Sequence[GradePair]) -> list[Statistic]:
    """The statistics of `agreement`, and tests whether the readers' grades differ in one direction.

    - ``share_b_or_c_difference``, ``share_c_difference``: the second reader's share of such hips minus the first's,
      with an interval where the readers differ in enough patients.
    - ``mcnemar_b_or_c_p``, ``mcnemar_c_p``: exact test of the same (McNemar, Psychometrika 1947;12:153).
    - ``stuart_maxwell_p``: of all grades at once; see `stuart_maxwell`.
    - ``bowker_p``: of each pair of grades; see `bowker`.
    - Limits of agreement that follow the size, and repeatability of the percentage, the two reads taken as alike.

    The tests take hips as independent, which the two hips of a patient are not; the intervals do not.
    """
    patients, pairs = [row.patient for row in readings], [(row.percent_true, row.percent_pred) for row in readings]
    return [
        *agreement(readings),
        *_differences(readings),
        *_mcnemar(readings),
        _homogeneity(readings),
        bowker(readings),
        *limits_by_size(patients, pairs),
        *repeatability("points", list(zip(patients, pairs, strict=True))),
    ]


def write_reader_tables(folder: Path, readings: Sequence[GradePair], found: Sequence[Statistic]) -> None:
    """Write agreement.csv of `reader_agreement` and confusion.csv (rows: first reader) atomically."""
    write_rows(folder / "agreement.csv", Statistic, found)
    write_rows(folder / "confusion.csv", ConfusionRow, confusion_rows(readings))


def stuart_maxwell(table: FloatArray) -> tuple[float, int, float]:
    """Test whether both readers use each grade equally often (Stuart, Biometrika 1955;42:412; Maxwell 1970).

    The pseudo-inverse takes the place of a left-out last grade, so that grades that nobody disagrees on, or that fall
    into separate groups, need no special case; else this is statsmodels' ``SquareTable.homogeneity``.

    Args:
        table: (k, k) counts, rows the first reader, columns the second.

    Returns:
        Chi-squared, its degrees of freedom, and p. Without any disagreement these are 0, 0 and NaN.
    """
    from scipy.stats import chi2

    difference = table.sum(0) - table.sum(1)
    covariance = np.diag(table.sum(0) + table.sum(1)) - table - table.T
    freedom = int(np.linalg.matrix_rank(covariance))
    statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
    return statistic, freedom, float(chi2.sf(statistic, freedom)) if freedom else float("nan")


def _differences(readings: Sequence[GradePair]) -> list[Statistic]:
    apart = {name: _above(readings, cut) @ [-1.0, 1.0] for name, cut in CUTS.items()}
    measures = [mean(f"share_{name}_difference", values, partial(_interval, values)) for name, values in apart.items()]
    return statistics(measures, [row.patient for row in readings])


def _interval(values: FloatArray, sample: Sample, estimate: Estimator) -> Ends | str:
    return difference(sample, values)


def _mcnemar(readings: Sequence[GradePair]) -> list[Statistic]:
    from statsmodels.stats.contingency_tables import mcnemar

    found = []
    for name, cut in CUTS.items():
        first, second = _above(readings, cut).T.astype(bool)
        table = [[sum(first & second), sum(first & ~second)], [sum(~first & second), sum(~first & ~second)]]
        p = float(mcnemar(table, exact=True).pvalue) if readings else None
        found.append(_test(f"mcnemar_{name}_p", p, readings, INDEPENDENT if readings else NO_HIPS))
    return found


def _homogeneity(readings: Sequence[GradePair]) -> Statistic:
    rows = {row.true: row for row in confusion_rows(readings)}
    table = np.array([[getattr(rows[first], second) for second in SEVERITY] for first in SEVERITY], float)
    statistic, freedom, p = stuart_maxwell(table)
    if not freedom:
        note = "undefined: the readers disagree on no hip" if readings else NO_HIPS
        return _test("stuart_maxwell_p", None, readings, note)
    note = f"chi-squared {statistic:.3f}, {freedom} degrees of freedom; {INDEPENDENT}"
    return _test("stuart_maxwell_p", p, readings, note)


def _test(name: str, p: float | None, readings: Sequence[GradePair], note: str) -> Statistic:
    return Statistic(name, p, None, None, len(readings), note, len({row.patient for row in readings}))


def _above(readings: Sequence[GradePair], cut: tuple[Grade, ...]) -> FloatArray:
    """Whether each reader gave each hip one of some grades, (n, 2)."""
    return np.array([(row.grade_true in cut, row.grade_pred in cut) for row in readings], float).reshape(-1, 2)
