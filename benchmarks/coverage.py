"""Coverage of the 90 % interval of the percentage, over simulated cohorts of 63 hips.

Patients have one hip or two, whose errors go together. The errors have heavy tails and a bias, some small lesions are
missed, and the spread grows with the lesion by the law of a shifted margin, which is that of the interval's scale, or
in proportion to the lesion, which is not. The guarantee knows none of it. It is one over all hips, not one a grade.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT
from postprocessing.uncertainty.conformal import LEVEL, Calibration

COHORTS = 10_000
BILATERAL, UNILATERAL = 24, 15
"""63 hips of 39 patients; about 60 % of patients have it on both sides."""

CORRELATION = 0.6
MISSED = 0.02
SEED = 711

Law = Callable[[FloatArray], FloatArray]
LAWS: dict[str, Law] = {
    "a shifted margin": lambda true: 0.05 * np.sqrt(true * (100 - true)),
    "in proportion": lambda true: 0.5 + 0.06 * true,
}
"""Spread of the error in points, by the true percentage."""


@dataclass(frozen=True)
class NewHips:
    """One new hip for each cohort, of a patient who is not in the cohort.

    Args:
        true: Percent, (cohorts,).
        held: Whether the interval holds it, (cohorts,).
        width: Of the interval in points, (cohorts,).
    """

    true: FloatArray
    held: FloatArray
    width: FloatArray


def simulate(law: Law, cohorts: int, seed: int = SEED) -> NewHips:
    """Draw cohorts, calibrate on each, and compute the interval of one hip of a new patient."""
    rng = np.random.default_rng(seed)
    patients = [f"P{i:02d}" for i in range(BILATERAL) for _ in "LR"] + [f"Q{i:02d}" for i in range(UNILATERAL)]
    true, pred = _hips(rng, law, cohorts, BILATERAL + UNILATERAL + 1)
    known = np.r_[: 2 * BILATERAL, 2 * BILATERAL : 2 * (BILATERAL + UNILATERAL) : 2]  # of the others one hip only
    results = []
    for cohort_true, cohort_pred in zip(true, pred, strict=True):
        calibration = Calibration.fit(cohort_true[known].tolist(), cohort_pred[known].tolist(), patients)
        interval = calibration.interval(float(cohort_pred[-1]))
        if interval is None:
            raise ValueError(calibration.note)
        results.append((interval.low <= cohort_true[-1] <= interval.high, interval.high - interval.low))
    held, width = np.array(results, float).T
    return NewHips(true[:, -1], held, width)


def _hips(rng: np.random.Generator, law: Law, cohorts: int, patients: int) -> tuple[FloatArray, FloatArray]:
    """True and predicted percentages of two hips a patient, each (cohorts, 2 * patients)."""
    true = 100 * rng.beta(1.6, 4.6, (cohorts, patients, 2))
    shared = np.sqrt(CORRELATION) * rng.standard_t(4, (cohorts, patients, 1))
    own = np.sqrt(1 - CORRELATION) * rng.standard_t(4, (cohorts, patients, 2))
    pred = np.clip(true + 0.4 + law(true) * (shared + own), 0, 100)
    pred[rng.random(pred.shape) < MISSED * (true < MODERATE_FROM_PERCENT)] = 0
    return true.reshape(cohorts, -1), pred.reshape(cohorts, -1)


def main() -> None:
    """Print coverage and median width, over all hips and by true grade."""
    cohorts = int(sys.argv[1]) if len(sys.argv) > 1 else COHORTS
    hips, error = 2 * BILATERAL + UNILATERAL, np.sqrt(LEVEL * (1 - LEVEL) / cohorts)
    print(f"{cohorts} cohorts of {hips} hips of {BILATERAL + UNILATERAL} patients, level {LEVEL:.0%}")
    for name, law in LAWS.items():
        found = simulate(law, cohorts)
        print(f"errors grow like {name}: coverage {found.held.mean():.1%} (standard error {error:.1%})")
        grade = np.digitize(found.true, (MODERATE_FROM_PERCENT, SEVERE_ABOVE_PERCENT))
        for number, letter in enumerate("ABC"):
            share, width = found.held[grade == number].mean(), np.median(found.width[grade == number])
            print(f"  true grade {letter}: coverage {share:.1%}, median width {width:.1f} points")


if __name__ == "__main__":
    main()
