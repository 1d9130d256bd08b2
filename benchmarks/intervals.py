"""Coverage of the 95 % intervals of agreement, over simulated cohorts of 20, 39 and 120 patients.

Three patients in five have two hips, whose errors go together. A hip is graded by its percentage, without or with
error; the laws say how large the errors are. The truth of a statistic is its value over 100,000 patients.

    python -m benchmarks.intervals [COHORTS]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.steinberg import Grade
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.decisions import decision_statistics
from postprocessing.statistics.descriptive import describe
from postprocessing.statistics.inter_rater import reader_agreement
from postprocessing.statistics.measures import Statistic
from postprocessing.statistics.net_benefit import net_benefit_statistics
from postprocessing.statistics.percent_calibration import percent_calibration
from postprocessing.statistics.roc import auc_statistics
from postprocessing.uncertainty.grade_quantiles import grades_of

COHORTS = 500
PATIENTS = (20, 39, 120)
MANY = 100_000
BILATERAL = 24 / 39
CORRELATION = 0.6
HEALTHY = 0.1
SEED = 711

SHOWN = (
    *("accuracy", "kappa_unweighted", "kappa_linear", "kappa_quadratic", "kappa_linear_abc", "gwet_ac1"),
    *("gwet_ac2_quadratic", "agreement_linear", "icc_2_1_percent", "lin_ccc_percent"),
    *(f"bland_altman_{name}_points" for name in ("bias", "lower", "upper")),
    *("share_b_or_c_difference", "share_c_difference", "median_error"),
    *("sensitivity_grade_A", "specificity_grade_A", "sensitivity_at_15_percent", "ppv_at_30_percent"),
    *("auc_at_15_percent", "auc_at_30_percent", "net_benefit_at_15_percent_pt_0.5"),
    *("calibration_slope", "calibration_intercept_points", "bland_altman_slope", "bland_altman_sd_slope"),
    *(f"bland_altman_{name}_at_{cut}_points" for cut in (15, 30) for name in ("bias", "lower", "upper")),
    "within_hip_sd_points",
)

Law = Callable[[np.random.Generator, tuple[int, ...], FloatArray], FloatArray]
LAWS: dict[str, Law] = {
    "1.2 points": lambda rng, size, true: 1.2 * rng.standard_normal(size),
    "3 points": lambda rng, size, true: 3 * rng.standard_normal(size),
    "in proportion": lambda rng, size, true: (0.5 + 0.09 * true) * rng.standard_normal(size),
    "heavy tails": lambda rng, size, true: 2.5 / np.sqrt(2) * rng.standard_t(4, size),
}


def cohort(rng: np.random.Generator, law: Law, patients: int) -> list[GradePair]:
    """The hips of a cohort, graded by their true percentages and by those with errors."""
    true = 100 * rng.beta(1.6, 4.6, (patients, 2))
    shared, own = law(rng, (patients, 1), true), law(rng, (patients, 2), true)
    pred = np.clip(true + 0.4 + np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own, 0.1, 100)
    healthy = rng.random(true.shape) < HEALTHY
    true, pred = np.where(healthy, 0, true), np.where(healthy, np.maximum(rng.normal(-1, 1, true.shape), 0), pred)
    there = np.stack([np.ones(patients, bool), rng.random(patients) < BILATERAL], 1)
    names, grades = np.nonzero(there)[0], tuple(Grade)
    columns = (grades_of(true[there]), grades_of(pred[there]), true[there], pred[there])
    return [
        GradePair(f"{who}", grades[first], grades[second], float(x), float(y))
        for who, first, second, x, y in zip(names, *columns, strict=True)
    ]


def figures(hips: list[GradePair]) -> dict[str, Statistic]:
    """The statistics of `SHOWN`."""
    errors = [row.percent_pred - row.percent_true for row in hips]  # type: ignore[operator]  # all are known
    middle = describe(errors, [row.patient for row in hips])
    median = Statistic("median_error", middle.median, middle.ci_low, middle.ci_high, middle.n)
    patients, pairs = [row.patient for row in hips], [(row.percent_true, row.percent_pred) for row in hips]
    found = [
        *reader_agreement(hips),
        *decision_statistics(hips),
        *auc_statistics(hips),
        *net_benefit_statistics(hips),
        *percent_calibration(patients, pairs),
        median,
    ]
    return {row.statistic: row for row in found if row.statistic in SHOWN}


def simulate(law: Law, patients: int, cohorts: int, seed: int = SEED) -> dict[str, tuple[float, float]]:
    """Share of the intervals that hold the truth, and share of the cohorts that have an interval, by statistic."""
    rng = np.random.default_rng(seed)
    one = [replace(row, patient="all") for row in cohort(rng, law, MANY)]  # one patient has no intervals to wait for
    truth = {name: row.value for name, row in figures(one).items()}
    held: dict[str, list[bool]] = defaultdict(list)
    for _ in range(cohorts):
        for name, row in figures(cohort(rng, law, patients)).items():
            if row.ci_low is not None and row.ci_high is not None:
                held[name].append(row.ci_low <= truth[name] <= row.ci_high)  # type: ignore[operator]  # many hips
    return {name: (float(np.mean(held[name] or np.nan)), len(held[name]) / cohorts) for name in SHOWN}


def table(cohorts: int) -> Iterator[str]:
    """A Markdown table, one row a statistic; a figure in brackets is the share of cohorts that have an interval."""
    yield "| statistic | " + " | ".join(f"{name}, {n}" for name in LAWS for n in PATIENTS) + " |"
    yield "|---" * (1 + len(LAWS) * len(PATIENTS)) + "|"
    found = [simulate(law, patients, cohorts) for law in LAWS.values() for patients in PATIENTS]
    for name in SHOWN:
        cells = [_cell(*one[name]) for one in found]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _cell(held: float, there: float) -> str:
    if there == 0:
        return "no interval"
    return f"{held:.2f}" + (f" ({there:.2f})" if there < 1 else "")


def main() -> None:
    """Print the coverage of each statistic by law and patients."""
    cohorts = int(sys.argv[1]) if len(sys.argv) > 1 else COHORTS
    print(f"{cohorts} cohorts a column; share of 95 % intervals that hold the truth, by errors and patients")
    for row in table(cohorts):
        print(row, flush=True)


if __name__ == "__main__":
    main()
