"""Symmetry of a table of two gradings: are hips moved up as often as down, grade by grade?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from postprocessing.statistics.agreement import GradePair, grade_scale
from postprocessing.statistics.measures import NO_HIPS, Statistic

INDEPENDENT = "the test takes hips as independent"


def bowker(readings: Sequence[GradePair]) -> Statistic:
    """Bowker's test of symmetry (J Am Stat Assoc 1948;43:572) on the grades that occur, as ``bowker_p``.

    Without any hip that is graded differently there is nothing to test, and no value.
    """
    from statsmodels.stats.contingency_tables import SquareTable

    grades = grade_scale(readings)
    pairs = [(row.grade_true, row.grade_pred) for row in readings]
    table = np.array([[pairs.count((first, second)) for second in grades] for first in grades], float)
    n_patients = len({row.patient for row in readings})
    if np.array_equal(table, np.diag(np.diag(table))):
        note = "undefined: no hip is graded differently" if readings else NO_HIPS
        return Statistic("bowker_p", None, None, None, len(readings), note, n_patients)
    test = SquareTable(table, shift_zeros=False).symmetry()
    note = f"chi-squared {test.statistic:.3f}, {test.df:.0f} degrees of freedom; {INDEPENDENT}"
    return Statistic("bowker_p", float(test.pvalue), None, None, len(readings), note, n_patients)
