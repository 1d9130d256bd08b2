"""Bowker's test against the published example and statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import SquareTable

from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.symmetry import bowker

# Stuart, Biometrika 1953;40:105: unaided vision of the right and the left eye of 7477 women, four classes.
VISION = np.array([[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]])


def readings(table, grades=tuple(Grade)):
    cells = [(first, second) for first in grades for second in grades]
    pairs = [cell for cell, count in zip(cells, np.ravel(table), strict=True) for _ in range(count)]
    return [GradePair(f"P{i // 2}", first, second, None, None) for i, (first, second) in enumerate(pairs)]


def test_vision_is_not_symmetric_as_published():
    row = bowker(readings(VISION))
    assert row.value == pytest.approx(0.004, abs=0.0005)
    assert row.note == "chi-squared 19.107, 6 degrees of freedom; the test takes hips as independent"
    assert (row.n, row.n_patients) == (7477, 3739)
    assert row.value == pytest.approx(SquareTable(VISION, shift_zeros=False).symmetry().pvalue)


def test_grades_that_nobody_gives_have_no_degrees_of_freedom():
    table = [[9, 4, 0], [1, 8, 3], [0, 2, 7]]
    row = bowker(readings(table, (Grade.A, Grade.B, Grade.C)))
    assert row.value == pytest.approx(SquareTable(np.array(table), shift_zeros=False).symmetry().pvalue)
    assert "3 degrees of freedom" in row.note


def test_no_disagreement_and_no_hips_have_an_empty_value_and_the_reason():
    alike = bowker(readings(np.diag([3, 4, 5, 6])))
    assert (alike.value, alike.n, alike.note) == (None, 18, "undefined: no hip is graded differently")
    assert (bowker([]).value, bowker([]).note) == (None, "no hips")
