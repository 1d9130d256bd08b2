"""Repeatability: how far measurements of the same hip lie apart (Bland & Altman, Stat Methods Med Res 1999;8:135)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import groupby

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.intervals import LOGARITHM, student
from postprocessing.statistics.measures import NO_HIPS, Measure, Statistic, statistic_among
from postprocessing.statistics.reliability import Z_95, ratio

Reads = tuple[str, Sequence[float | None]]
"""The patient of a hip, and its measurements; None is missing."""

APART = math.sqrt(2) * Z_95
"""2.77: two measurements of a hip differ by less than so many within-hip SDs in 95 % of hips."""

NO_HIP_TWICE = "no hip was read twice"
UNCHANGED = "takes hips as unchanged between their visits"
SAME_AS_COEFFICIENT = "1.96 sqrt(2) SEM, the SEM being the within-hip SD: equals the coefficient"


def repeatability(ending: str, hips: Sequence[Reads], note: str = "") -> list[Statistic]:
    """Within-hip SD, repeatability coefficient and smallest detectable change of hips that were read twice or more.

    - ``within_hip_sd_``: s_w, the root of the mean variance within a hip (one-way analysis of variance); a constant
      difference between first and second read counts.
    - ``repeatability_coefficient_``: 1.96 sqrt(2) s_w = 2.77 s_w.
    - ``smallest_detectable_change_``: 1.96 sqrt(2) SEM (de Vet et al., J Clin Epidemiol 2006;59:1033, SEM agreement),
      which is the same figure under another name.

    Args:
        ending: Of the names.
        hips: Each hip's reads; a hip with fewer than two that are known is left out.
        note: What a reader must know of all three.
    """
    known = [(who, [value for value in reads if value is not None]) for who, reads in hips]
    twice = [(who, np.array(reads)) for who, reads in known if len(reads) > 1]
    squares = np.array([np.square(reads - reads.mean()).sum() for _, reads in twice])
    freedom = np.array([len(reads) - 1.0 for _, reads in twice])

    def scaled(factor: float, weights: FloatArray) -> FloatArray:
        found: FloatArray = factor * np.sqrt(ratio(weights @ squares, weights @ freedom))
        return found

    measures = {
        "within_hip_sd": (1.0, note),
        "repeatability_coefficient": (APART, note),
        "smallest_detectable_change": (APART, "; ".join(filter(None, (SAME_AS_COEFFICIENT, note)))),
    }
    interval = partial(student, scale=LOGARITHM)
    return [
        statistic_among(
            Measure(f"{name}_{ending}", partial(scaled, factor), NO_HIP_TWICE, interval, said),
            [who for who, _ in twice],
            NO_HIP_TWICE if hips else NO_HIPS,
        )
        for name, (factor, said) in measures.items()
    ]


def visit_repeatability(rows: Sequence[CrossvalRow]) -> list[Statistic]:
    """`repeatability` over the visits of the same hip, of the true (``true_points``) and the predicted percentage."""
    hips = [list(visits) for _, visits in groupby(sorted(rows, key=_hip), key=_hip)]
    return [
        statistic
        for column in ("true", "pred")
        for statistic in repeatability(
            f"{column}_points",
            [(hip[0].patient, [getattr(row, f"necrosis_percent_{column}") for row in hip]) for hip in hips],
            UNCHANGED,
        )
    ]


def _hip(row: CrossvalRow) -> tuple[str, str]:
    """Patient and side; a case of unknown side is a hip of its own."""
    return row.patient, row.side or f"case {row.case_id}"
