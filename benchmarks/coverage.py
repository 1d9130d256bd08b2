"""Coverage of the 90 % interval of the percentage: true grade by law of the errors by size of the cohort.

Each cohort is drawn, calibrated, and asked for the intervals of hips of new patients. Patients have one hip or two,
whose errors go together; some hips are healthy, and some small lesions are missed. The laws say how a prediction errs.
The method knows none of them. It promises 90 % for each true grade over cohorts; one cohort's own coverage varies, and
the last columns say how much.

    python -m benchmarks.coverage [COHORTS]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import MODERATE_FROM_PERCENT, Grade
from postprocessing.uncertainty.conformal import LEVEL, Calibration
from postprocessing.uncertainty.grade_quantiles import grades_of

COHORTS = 400
SIZES = (20, 63, 200)
"""Hips of a cohort."""

BILATERAL = 24 / 39
"""Share of patients with two hips in the cohort: 63 hips are of 39 patients."""

NEW_PATIENTS = 100
HEALTHY = 0.12
MISSED = 0.02
CORRELATION = 0.6
LARGE = 50.0
SEED = 711

Law = Callable[[FloatArray, FloatArray], FloatArray]
LAWS: dict[str, Law] = {
    "additive": lambda true, error: true + 1 + 2.5 * error,
    "proportional": lambda true, error: 1.03 * true + (0.5 + 0.09 * true) * error,
    "heavy-tailed": lambda true, error: true + 0.4 + 0.065 * np.sqrt(true * (100 - true)) * error,
    "regression to the mean": lambda true, error: 22 + 0.85 * (true - 22) + 2.5 * error,
    "shifted margin": lambda true, error: true - 1 + 0.05 * np.sqrt(true * (100 - true)) * error,
}
"""Predicted percentage from the true one and an error of variance 1, which has heavy tails under one law."""


@dataclass(frozen=True)
class NewHips:
    """Hips of new patients, (cohorts, patients, 2); the second hip of some is not counted.

    Args:
        true: Percent.
        held: Whether the interval holds it.
        width: Of the interval in points.
        counted: Whether there is such a hip.
    """

    true: FloatArray
    held: FloatArray
    width: FloatArray
    counted: FloatArray

    def coverage(self, among: FloatArray, *, by_patient: bool = False) -> float:
        """Share of the counted hips among some that are held; each patient weighs the same if asked for."""
        counted = self.counted & among
        of = counted.sum(-1, keepdims=True) if by_patient else 1
        weights = counted / np.maximum(of, 1)
        return float((self.held * weights).sum() / weights.sum())

    @property
    def by_cohort(self) -> FloatArray:
        """The coverage of each cohort over its new hips, (cohorts,)."""
        return (self.held & self.counted).sum((1, 2)) / self.counted.sum((1, 2))


def simulate(name: str, hips: int, cohorts: int, seed: int = SEED) -> NewHips:
    """Draw cohorts of a law, calibrate on each, and compute the intervals of new patients' hips."""
    rng = np.random.default_rng(seed)
    return NewHips(*map(np.array, zip(*(_cohort(rng, name, hips) for _ in range(cohorts)), strict=True)))


def _cohort(rng: np.random.Generator, name: str, hips: int) -> tuple[FloatArray, ...]:
    patients = round(hips / (1 + BILATERAL))
    counted = np.ones((patients, 2), bool)
    counted[: 2 * patients - hips, 1] = False
    true, pred = _hips(rng, name, patients)
    names = [f"P{i}" for i in np.nonzero(counted)[0]]
    calibration = Calibration.fit(true[counted].tolist(), pred[counted].tolist(), names)
    true, pred = _hips(rng, name, NEW_PATIENTS)
    intervals = [calibration.interval(float(each)) for each in pred.ravel()]
    ends = np.array([(each.low, each.high) for each in intervals if each]).reshape(*pred.shape, 2)
    new = np.stack([np.ones(NEW_PATIENTS, bool), rng.random(NEW_PATIENTS) < BILATERAL], 1)
    return true, (ends[..., 0] <= true) & (true <= ends[..., 1]), ends[..., 1] - ends[..., 0], new


def _hips(rng: np.random.Generator, name: str, patients: int) -> tuple[FloatArray, FloatArray]:
    """True and predicted percentages of both hips, each (patients, 2)."""
    true = 100 * rng.beta(1.6, 4.6, (patients, 2))
    draw = (lambda size: rng.standard_t(3, size) / np.sqrt(3)) if name == "heavy-tailed" else rng.standard_normal
    error = np.sqrt(CORRELATION) * draw((patients, 1)) + np.sqrt(1 - CORRELATION) * draw((patients, 2))
    pred = np.clip(LAWS[name](true, error), 0, 100)
    pred[(rng.random(pred.shape) < MISSED) & (true < MODERATE_FROM_PERCENT)] = 0
    healthy = rng.random(true.shape) < HEALTHY
    invented = np.maximum(rng.exponential(3, true.shape) - 2, 0)  # half of the healthy hips are predicted as such
    return np.where(healthy, 0, true), np.where(healthy, invented, pred)


def table(cohorts: int) -> Iterator[str]:
    """A Markdown table, one row a law and a size."""
    grades = [f"{grade}" for grade in Grade]
    last = ("2.5 % of cohorts", "97.5 %")
    yield "| " + " | ".join(("errors", "hips", *grades, "above 50 %", "all", "by patient", "widths", *last)) + " |"
    yield "|---" * 12 + "|"
    for name in LAWS:
        for hips in SIZES:
            found = simulate(name, hips, cohorts)
            groups = [grades_of(found.true) == number for number in range(len(grades))]
            shares = [found.coverage(among) for among in (*groups, found.true > LARGE, found.true >= 0)]
            shares.append(found.coverage(found.true >= 0, by_patient=True))
            widths = ", ".join(f"{np.median(found.width[among]):.0f}" for among in groups)
            ends = np.percentile(found.by_cohort, [2.5, 97.5])
            percents = [f"{100 * share:.0f}" for share in (*shares, *ends)]
            yield "| " + " | ".join((name, str(hips), *percents[:-2], widths, *percents[-2:])) + " |"


def main() -> None:
    """Print coverage in percent by true grade, and median widths in points."""
    cohorts = int(sys.argv[1]) if len(sys.argv) > 1 else COHORTS
    print(f"{cohorts} cohorts a row, level {LEVEL:.0%}; coverage in %, widths of none, A, B, C in points")
    for row in table(cohorts):
        print(row, flush=True)


if __name__ == "__main__":
    main()
