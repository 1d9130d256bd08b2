"""Cross-validation folds, grouped by patient and balanced by grade.

Patients are dealt one by one, those with more hips first, to the fold that most lacks their grades. Several deals are
tried, each in another random order, and the most even one is kept. (scikit-learn's StratifiedGroupKFold makes one such
deal, and refuses a cohort whose rarest grade has fewer hips than there are folds.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.errors import SplitError
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.study.dataset import Case
from onfh_nnunet.study.splits import FoldRow, Splits

RESTARTS = 200
"""Random orders that are tried; more did not make 63 hips in four folds more even."""

Counts = NDArray[np.integer[Any]]  # (patients or folds, grades and their sum)


def make_folds(cases: Sequence[Case], n_folds: int, seed: int) -> Splits:
    """Assign cases to folds; the result depends on cases and seed only, not on the order of the cases.

    Raises:
        SplitError: There are fewer patients than folds, or fewer than two folds.
    """
    patients = sorted({case.patient for case in cases})
    if not 2 <= n_folds <= len(patients):
        problem = f"{plural(n_folds, 'fold')} of {plural(len(patients), 'patient')} cannot be made"
        raise SplitError("folds", problem, "Use 2 folds or more, and no more than there are patients")
    counts = _counts(cases, patients)
    weights = 1 / np.maximum(counts.sum(axis=0), 1)
    deals = [_assign(counts, weights, n_folds, np.random.default_rng([seed, deal])) for deal in range(RESTARTS)]
    best = min(deals, key=lambda fold_of: _unevenness(counts, weights, n_folds, fold_of))
    fold = dict(zip(patients, best.tolist(), strict=True))
    ordered = sorted(cases, key=lambda case: case.case_id)
    return Splits(tuple(FoldRow(case.case_id, case.patient, case.grade, fold[case.patient]) for case in ordered))


def _counts(cases: Sequence[Case], patients: list[str]) -> Counts:
    """Number of hips of each patient by grade, with the total in the last column."""
    grades = list(Grade)
    counts = np.zeros((len(patients), len(grades) + 1), int)
    for case in cases:
        counts[patients.index(case.patient), [grades.index(case.grade), -1]] += 1
    return counts


def _assign(counts: Counts, weights: NDArray[np.floating[Any]], n_folds: int, rng: np.random.Generator) -> Counts:
    """Assign each patient to a fold. No fold stays empty: an empty fold always adds the least unevenness."""
    shuffled = rng.permutation(len(counts))
    folds = np.zeros((n_folds, counts.shape[1]), int)
    fold_of = np.empty(len(counts), int)
    for patient in shuffled[np.argsort(-counts[shuffled, -1], kind="stable")]:
        added = ((folds + counts[patient]) ** 2 - folds**2) @ weights
        fold_of[patient] = np.argmin(added)
        folds[fold_of[patient]] += counts[patient]
    return fold_of


def _unevenness(counts: Counts, weights: NDArray[np.floating[Any]], n_folds: int, fold_of: Counts) -> float:
    """Sum of squares of grade counts and fold sizes, each relative to its total; rounded, so that ties stay ties."""
    folds = np.array([counts[fold_of == fold].sum(axis=0) for fold in range(n_folds)])
    return round(float((folds**2 @ weights).sum()), 9)
