"""Plan of a synthetic cohort: grades in the published proportions, sides balanced, most patients ill on both sides.

The other hip of a patient who is ill on one side is healthy, and it is a hip of the cohort like any other.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade

PAPER_MIX = {Grade.A: 22, Grade.B: 23, Grade.C: 18}
"""Hips a grade in Uemura et al., J Arthroplasty 2025;40(10 Suppl 1):S160-S166."""

PERCENT_RANGES = {Grade.A: (3.0, 14.5), Grade.B: (15.5, 29.5), Grade.C: (30.5, 35.0)}
"""Of the head. The whole head, which every threshold may choose, has a Dice of 0.52 with a lesion of 35 % and of 0.6
with one of 43 %; a band that is dark, or an inside that is darker, adds to that."""

_BOTH_ILL = 0.6
"""Share of the patients with osteonecrosis in both hips, as in the clinic; of the hips of such a cohort a fifth is
healthy."""


@dataclass(frozen=True)
class PlannedPatient:
    """A patient to generate and to scan.

    Args:
        number: From 1.
        shares: The lesion's share of the head, of each ill hip.
        listed: The hips that the cohort lists: both, or the ill one where an odd number of hips is asked for.
        together: Whether one scan shows them; otherwise each has a scan of its own.
    """

    number: int
    shares: Mapping[Side, float]
    listed: tuple[Side, ...]
    together: bool

    @property
    def patient_id(self) -> str:
        """The patient number of the invented clinic."""
        return f"MRN{self.number:04d}"

    @property
    def scans(self) -> list[tuple[Side, ...]]:
        """The hips in the field of view of each scan."""
        return [self.listed] if self.together else [(side,) for side in self.listed]


def plan_patients(hips: int, rng: np.random.Generator, *, bilateral: bool) -> list[PlannedPatient]:
    """The patients of a cohort that lists `hips` hips, ill and healthy, at least 1."""
    pairs, odd = divmod(hips, 2)
    both_ill = [*(rng.permutation(pairs) < round(_BOTH_ILL * pairs)).tolist(), *[False] * odd]
    alternate = itertools.cycle(Side)
    ill = [tuple(Side) if both else (next(alternate),) for both in both_ill]
    shares = iter(draw_shares(sum(map(len, ill)), rng))
    return [
        PlannedPatient(k + 1, {side: next(shares) for side in sides}, tuple(Side) if k < pairs else sides, bilateral)
        for k, sides in enumerate(ill)
    ]


def draw_shares(hips: int, rng: np.random.Generator) -> list[float]:
    """Lesion sizes as shares of the head in random order: the published proportions of grades, exact up to rounding."""
    total = sum(PAPER_MIX.values())
    exact = {grade: hips * n / total for grade, n in PAPER_MIX.items()}
    counts = {grade: int(n) for grade, n in exact.items()}
    by_remainder = sorted(exact, key=lambda grade: counts[grade] - exact[grade])
    for grade in by_remainder[: hips - sum(counts.values())]:
        counts[grade] += 1
    percents = [rng.uniform(*PERCENT_RANGES[grade]) for grade, n in counts.items() for _ in range(n)]
    return [percents[k] / 100 for k in rng.permutation(hips)]
