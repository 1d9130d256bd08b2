"""Intervals of hips that come in patients, against closed forms and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, norm
from scipy.stats import t as student_t

from benchmarks.intervals import LAWS, simulate
from postprocessing.statistics.descriptive import describe, median_interval
from postprocessing.statistics.intervals import (
    FISHER,
    LOGARITHM,
    LOGIT,
    difference,
    mover,
    student,
    wilson,
    wilson_interval,
)
from postprocessing.statistics.measures import Measure, mean, share, statistic, statistics
from postprocessing.statistics.reliability import variance
from postprocessing.statistics.sample import MOST_PARTS, Sample


def mean_of(values):
    return lambda weights: weights @ values / weights.sum(1)


def alone(n):
    return Sample.of([f"P{i}" for i in range(n)])


def test_sample_counts_hips_and_patients():
    sample = Sample.of(["P1", "P2", "P1", "P3", "P2"])
    assert (sample.n, sample.n_patients) == (5, 3)
    assert sample.least_effective == pytest.approx(25 / 9)  # 5^2 / (2^2 + 2^2 + 1^2)
    assert alone(7).least_effective == 7


def test_each_part_leaves_out_all_hips_of_a_patient():
    weights = Sample.of(["P1", "P2", "P1", "P3"]).weights
    assert weights[0].tolist() == [1, 1, 1, 1]
    assert sorted(map(tuple, weights[1:].tolist())) == [(0, 1, 0, 1), (1, 0, 1, 1), (1, 1, 1, 0)]
    assert alone(3 * MOST_PARTS).weights.shape == (1 + MOST_PARTS, 3 * MOST_PARTS)
    assert (alone(3 * MOST_PARTS).weights[1:] == 0).sum(1).tolist() == [3] * MOST_PARTS


def test_jackknife_variance_of_a_mean_is_the_textbooks():
    values = np.random.default_rng(0).normal(size=30)
    assert alone(30).jackknife(mean_of(values)).variance == pytest.approx(values.var(ddof=1) / 30)


def test_interval_of_a_mean_of_many_patients_is_that_of_students_distribution():
    values = np.random.default_rng(0).normal(size=150)
    half = student_t.ppf(0.975, 149) * values.std(ddof=1) / math.sqrt(150)
    ends = student(alone(150), mean_of(values))
    assert ends == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02 * half)


def test_repeated_hips_of_a_patient_add_nothing():
    values = np.random.default_rng(0).normal(size=40)
    twins = Sample.of([f"P{i // 2}" for i in range(80)])
    assert student(twins, mean_of(np.repeat(values, 2))) == pytest.approx(student(alone(40), mean_of(values)))
    yes = (values > 0.3).astype(float)
    assert wilson(twins, mean_of(np.repeat(yes, 2))) == pytest.approx(wilson(alone(40), mean_of(yes)), abs=1e-9)


def test_order_and_names_of_patients_do_not_matter():
    rng = np.random.default_rng(1)
    values, patients = rng.normal(size=60), rng.integers(0, 35, 60)
    order = rng.permutation(60)
    one = student(Sample.of([f"P{i}" for i in patients]), mean_of(values))
    other = student(Sample.of([f"Q{99 - i}" for i in patients[order]]), mean_of(values[order]))
    assert one == pytest.approx(other)


@pytest.mark.parametrize(
    ("scale", "values"),
    [(FISHER, (-0.9, 0.99)), (LOGARITHM, (0.1, 9.0)), (LOGIT, (0.02, 0.98))],
    ids=["z", "log", "logit"],
)
def test_scale_and_its_inverse_meet(scale, values):
    assert scale.back(scale.to(np.array(values))) == pytest.approx(values)


@given(st.integers(20, 60), st.floats(0, 1))
def test_wilson_of_one_hip_a_patient_is_the_textbooks(n, part):
    right = round(part * n)
    found = wilson(alone(n), mean_of(np.arange(n) < right))
    assert found == pytest.approx(wilson_interval(right / n, n, student_t.ppf(0.975, n - 1)))
    assert found[0] <= right / n <= found[1]
    assert found[0] < found[1]


def test_share_is_of_the_hips_that_it_counts():
    ill = np.repeat([1.0, 0.0], 30)
    found = np.tile([1.0, 0.0, 1.0], 20) * ill
    (row,) = statistics([share("sensitivity", found, ill)], [f"P{i}" for i in range(60)])
    assert row.value == pytest.approx(2 / 3)
    assert (row.ci_low, row.ci_high) == pytest.approx(wilson_interval(2 / 3, 30, student_t.ppf(0.975, 29)))
    (few,) = statistics([share("sensitivity", found[20:], ill[20:])], [f"P{i}" for i in range(40)])
    assert (few.ci_low, few.note) == (None, "no interval: 10 patients, 20 are needed")


def test_mover_of_normal_differences_is_zous():
    # Many normal differences: the interval of the standard deviation is that of chi-squared, and limits are Zou's.
    n, factor = 150, 1.96
    values = norm.ppf((np.arange(n) + 0.5) / n)
    spread, half = values.std(ddof=1), student_t.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n)
    low, high = (spread * math.sqrt((n - 1) / chi2.ppf(p, n - 1)) for p in (0.975, 0.025))
    upper = factor * spread
    zou = upper - math.hypot(half, factor * (spread - low)), upper + math.hypot(half, factor * (high - spread))
    log_variance = lambda weights: np.log(variance(values, weights))  # noqa: E731
    found = mover(alone(n), mean_of(values), log_variance, factor)
    assert found == pytest.approx(zou, abs=0.1 * (zou[1] - zou[0]))
    lower = mover(alone(n), mean_of(values), log_variance, -factor)
    assert (-lower[1], -lower[0]) == pytest.approx(found)  # symmetric values


def test_rare_differences_have_no_interval_and_the_reason():
    values = np.zeros(40)
    values[:2] = 1
    reason = "no interval: the readings differ in 2 patients, 3 are needed"
    assert difference(alone(40), values) == reason
    values[2] = -1
    low, high = difference(alone(40), values)
    assert low < 1 / 40 < high


def test_too_few_patients_have_a_value_and_the_reason():
    row = statistic(mean("m", np.arange(19.0)), alone(19))
    assert (row.value, row.ci_low, row.note, row.n, row.n_patients) == (
        9,
        None,
        "no interval: 19 patients, 20 are needed",
        19,
        19,
    )
    assert statistic(mean("m", np.arange(20.0)), alone(20)).note == ""


def test_statistic_that_needs_everybody_has_no_interval():
    def only_of_all(weights):
        return np.where(weights.all(1), 1.0, np.nan)

    row = statistic(Measure("m", only_of_all), alone(25))
    assert (row.value, row.ci_low, row.note) == (1, None, "no interval: undefined without some of the patients")
    constant = statistic(mean("m", np.full(25, 3.0)), alone(25))
    assert (constant.ci_low, constant.note) == (None, "no interval: the same without any one patient")


@given(st.lists(st.floats(-50, 50), min_size=20, max_size=60))
def test_interval_of_a_median_is_of_the_values_and_holds_it(values):
    found = np.array(values)
    low, high = median_interval(found, alone(len(found)))
    assert low <= np.median(found) <= high
    assert {low, high} <= set(values)


def test_ranks_of_the_median_are_nearly_those_of_the_sign_test():
    # Binomial, n = 39, one half: ranks 14 to 26 hold the median in 94.7 %, 13 to 27 in 97.6 %.
    low, high = median_interval(np.arange(1.0, 40), alone(39))
    assert low in (13, 14)
    assert high in (26, 27)
    row = describe(list(np.arange(1.0, 20)), [f"P{i}" for i in range(19)])
    assert (row.n_patients, row.ci_low, row.note) == (19, None, "no interval: 19 patients, 20 are needed")


def test_intervals_hold_the_truth_as_often_as_they_promise():
    found = simulate(LAWS["3 points"], 39, 80)
    for name, (held, there) in found.items():
        # Limits are held in 93 %, all others in 94 % and more (docs/benchmarks.md); four standard errors of 80.
        assert there < 0.5 or held > 0.93 - 4 * math.sqrt(0.93 * 0.07 / 80), name
        assert there > 0.95 or "difference" in name or name in ("sensitivity_grade_A", "ppv_at_30_percent")
