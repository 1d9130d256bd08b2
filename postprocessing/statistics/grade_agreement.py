"""Accuracy, agreement, kappas and Gwet's coefficients of grades, over all four grades and over A, B, C alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.intervals import Ends, wilson
from postprocessing.statistics.kappa import (
    ByChance,
    coefficient,
    disagreement,
    disagreement_weights,
    not_corrected,
    of_hard_hips,
    of_two_raters,
)
from postprocessing.statistics.measures import Measure, Statistic, mean, statistics
from postprocessing.statistics.reliability import ratio
from postprocessing.statistics.sample import Estimator, Sample

SEVERITY = tuple(Grade)
"""none, A, B, C: the scale of every coefficient whose name has no ending."""

ILL = (Grade.A, Grade.B, Grade.C)
"""The scale of the coefficients that end with ``_abc``: of the hips that both give one of these."""

POWERS = {"unweighted": 0, "linear": 1, "quadratic": 2}
CORRECTIONS: dict[str, ByChance] = {"agreement": not_corrected, "kappa": of_two_raters, "gwet": of_hard_hips}

ONE_GRADE = "both graded every hip alike, with one grade"
PERFECT = "no hip is graded differently: the lower end is Wilson's, for hips that are one grade apart"
PARADOX = "one more error may raise it, because it changes how often grades agree by chance"

_ROUNDING = 1e-12


@dataclass(frozen=True)
class GradeTable:
    """Grades of the same hips by two readings, on a scale.

    Args:
        grades: The scale, in order of severity.
        pairs: Both grades of each hip, of this scale.
        patients: The patient of each hip.
    """

    grades: tuple[Grade, ...]
    pairs: tuple[tuple[Grade, Grade], ...]
    patients: tuple[str, ...]

    @cached_property
    def cells(self) -> FloatArray:
        """The cell of the table that each hip is in, (n, k * k)."""
        of = [(first, second) for first in self.grades for second in self.grades]
        return np.array([[pair == cell for cell in of] for pair in self.pairs], float).reshape(-1, len(of))

    def counts(self, weights: FloatArray) -> FloatArray:
        """The table (draws, k, k) under many weightings (draws, n) of the hips."""
        return (weights @ self.cells).reshape(-1, len(self.grades), len(self.grades))

    @cached_property
    def counted(self) -> FloatArray:
        """The table of all hips, (k, k)."""
        table: FloatArray = self.counts(np.ones((1, len(self.pairs))))[0]
        return table


def grade_statistics(patients: Sequence[str], pairs: Sequence[tuple[Grade, Grade]]) -> list[Statistic]:
    """Accuracy, and each coefficient on both scales.

    Args:
        patients: The patient of each hip.
        pairs: Both grades of each hip.
    """
    ill = [(who, pair) for who, pair in zip(patients, pairs, strict=True) if Grade.NONE not in pair]
    right = np.array([first is second for first, second in pairs], float)
    return [
        *statistics([mean("accuracy", right, wilson)], patients),
        *_coefficients(GradeTable(SEVERITY, tuple(pairs), tuple(patients)), ""),
        *_coefficients(
            GradeTable(ILL, tuple(pair for _, pair in ill), tuple(who for who, _ in ill)), "_abc", len(pairs) - len(ill)
        ),
    ]


def _coefficients(table: GradeTable, ending: str, not_ill: int = 0) -> list[Statistic]:
    left_out = f"hips with a grade none are left out: {not_ill}" if not_ill else ""
    scales = {name: disagreement_weights(len(table.grades), power) for name, power in POWERS.items()}
    measures = [
        _measure(f"{_name(name, weighting)}{ending}", table, weights, by_chance, left_out)
        for name, by_chance in CORRECTIONS.items()
        for weighting, weights in scales.items()
    ]
    return statistics(measures, table.patients)


def _measure(name: str, table: GradeTable, weights: FloatArray, by_chance: ByChance, left_out: str) -> Measure:
    def estimate(draws: FloatArray) -> FloatArray:
        return coefficient(table.counts(draws), weights, by_chance)

    perfect = PERFECT if len(table.pairs) and not disagreement(table.counted, weights) else ""
    leaves = table.grades != SEVERITY
    paradox = PARADOX if may_rise(table.counted, weights, by_chance, leaves=leaves) else ""
    note = "; ".join(filter(None, (perfect, paradox, left_out)))
    return Measure(name, estimate, ONE_GRADE, partial(_interval, table, weights, by_chance), note)


def _interval(
    table: GradeTable, weights: FloatArray, by_chance: ByChance, sample: Sample, estimate: Estimator
) -> Ends | str:
    """Wilson's interval of the share of hips that are graded differently, turned into one of the coefficient.

    The mean weight of a disagreement and the disagreement by chance are those of the table; they vary far less than the
    number of the disagreements. Without any, a disagreement is taken to be one grade apart.
    """
    differs = np.array([first is not second for first, second in table.pairs], float)
    ends = wilson(sample, lambda draws: ratio(draws @ differs, draws.sum(1)))
    if isinstance(ends, str):
        return ends
    each = float(disagreement(table.counted, weights)) / differs.mean() if differs.any() else weights[0, 1]
    unit = each / float(by_chance(table.counted, weights))
    return max(float(1 - unit * ends[1]), -1.0), float(1 - unit * ends[0])


def may_rise(table: FloatArray, weights: FloatArray, by_chance: ByChance, *, leaves: bool = False) -> bool:
    """Whether a coefficient would be higher if a hip that both grade alike were graded differently by either.

    The observed agreement never is, and unweighted or linear kappa is not where it is 0 or more.

    Args:
        table: Counts (k, k).
        weights: Of disagreement, (k, k).
        by_chance: The correction.
        leaves: Whether a hip may be graded off the scale as well, and so leave the table.
    """
    worse = list(_with_one_more_error(table, leaves))
    if not worse:
        return False
    value = coefficient(table, weights, by_chance)
    return bool((coefficient(np.array(worse), weights, by_chance) > value + _ROUNDING).any())


def _with_one_more_error(table: FloatArray, leaves: bool) -> Iterator[FloatArray]:
    for i in np.flatnonzero(np.diag(table)):
        without = table.copy()
        without[i, i] -= 1
        if leaves:
            yield without
        for j in np.delete(np.arange(len(table)), i):
            for cell in ((i, j), (j, i)):
                worse = without.copy()
                worse[cell] += 1
                yield worse


def _name(coefficient_name: str, weighting: str) -> str:
    if coefficient_name != "gwet":
        return f"{coefficient_name}_{weighting}"
    return "gwet_ac1" if weighting == "unweighted" else f"gwet_ac2_{weighting}"
