"""Hips of patients, and the jackknife that leaves out one patient after the other, with all hips of the patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import FloatArray

Estimator = Callable[[FloatArray], FloatArray]
"""How often each hip counts in each draw (draws, n) -> the statistic of each draw (draws,), NaN where undefined."""

MOST_PARTS = 200
"""Samples of more patients leave out one part of so many at a time (Kott, J Off Stat 2001;17:521)."""


class Jackknife(NamedTuple):
    """A statistic of all hips, and without each part of the patients.

    Args:
        value: Of all hips.
        left_out: Without each part, (parts,); NaN where undefined.
    """

    value: float
    left_out: FloatArray

    @property
    def deviations(self) -> FloatArray:
        """Of the values without a part from their mean, (parts,)."""
        deviations: FloatArray = self.left_out - self.left_out.mean()
        return deviations

    @property
    def variance(self) -> float:
        """Of the statistic (Efron & Stein, Ann Stat 1981;9:586); NaN where a value is undefined."""
        parts = len(self.left_out)
        return float((parts - 1) / parts * np.square(self.deviations).sum())


@dataclass(frozen=True)
class Sample:
    """The hips that a statistic rests on.

    Args:
        patients: The patient of each of n hips.
    """

    patients: tuple[str, ...]

    @classmethod
    def of(cls, patients: Sequence[str]) -> Sample:
        """A sample of hips, by the patient of each."""
        return cls(tuple(map(str, patients)))

    @property
    def n(self) -> int:
        """Hips."""
        return len(self.patients)

    @cached_property
    def n_patients(self) -> int:
        """Patients."""
        return len(set(self.patients))

    @cached_property
    def least_effective(self) -> float:
        """The hips that count when all hips of a patient are alike (Kish, Survey Sampling, 1965): n when none share."""
        n_of = np.unique(np.array(self.patients), return_counts=True)[1]
        return float(self.n**2 / np.square(n_of).sum())

    @cached_property
    def patient_of(self) -> NDArray[np.intp]:
        """The number of each hip's patient, (n,)."""
        return np.unique(np.array(self.patients), return_inverse=True)[1]

    @cached_property
    def weights(self) -> FloatArray:
        """All hips once, and then without each part of the patients, (1 + parts, n)."""
        parts = min(self.n_patients, MOST_PARTS)
        left_out = self.patient_of % parts == np.arange(parts)[:, None]
        return np.concatenate([np.ones((1, self.n)), 1.0 - left_out])

    def jackknife(self, estimate: Estimator) -> Jackknife:
        """A statistic of the sample, and of the sample without each part."""
        value, *left_out = estimate(self.weights)
        return Jackknife(float(value), np.array(left_out))
