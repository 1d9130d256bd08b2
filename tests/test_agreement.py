import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from onfh_nnunet.steinberg import Grade, steinberg_grade
from postprocessing.agreement import SEVERITY, Reading, agreement, confusion
from postprocessing.bootstrap import patient_draws, percentile_interval
from postprocessing.estimators import bland_altman, icc_2_1, kappa, wilson

NAMES = [
    "accuracy",
    "kappa_unweighted",
    "kappa_linear",
    "kappa_quadratic",
    "icc_2_1_percent",
    "bland_altman_bias_points",
    "bland_altman_lower_points",
    "bland_altman_upper_points",
]
POWERS = {"unweighted": 0, "linear": 1, "quadratic": 2}

# Shrout & Fleiss, Psychol Bull 1979;86:420, table 2: six targets, four judges; ICC(2,1) is .29.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)

# The agreement of SAS PROC FREQ's example, as in statsmodels' tests.
SAS = np.array([[0, 4, 1], [0, 8, 0], [0, 1, 5]], float)
# scikit-learn's test_classification.py.
SCIKIT = np.array([[46, 0, 0], [4, 40, 0], [0, 0, 10]], float)
# R's irr::anxiety, raters 2 and 3, on the full scale of 1 to 6.
ANXIETY = np.zeros((6, 6))
for _pair in (32, 61, 44, 64, 23, 42, 21, 46, 31, 31, 21, 32, 33, 33, 21, 21, 13, 33, 32, 42):
    ANXIETY[_pair // 10 - 1, _pair % 10 - 1] += 1


def cohort(seed=0, n_patients=42, n=63, noise=2.0):
    """Hips of a cohort, up to two a patient."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(1, 45, n)
    pred = np.clip(true + rng.normal(0.5, noise, n), 0.1, 99)
    return [
        Reading(f"P{i % n_patients:03d}", steinberg_grade(t, 100), steinberg_grade(p, 100), float(t), float(p))
        for i, (t, p) in enumerate(zip(true, pred, strict=True))
    ]


def values(readings):
    return {row.statistic: row for row in agreement(readings)}


@pytest.mark.parametrize(
    ("table", "power", "published"),
    [
        (SAS, 0, 0.4842),
        (SAS, 1, 0.4701),
        (SCIKIT, 0, 0.9315),
        (SCIKIT, 1, 0.9412),
        (SCIKIT, 2, 0.9541),
        (ANXIETY, 0, -0.006289),
        (ANXIETY, 1, 0.126214),
        (ANXIETY, 2, 0.229798),
    ],
)
def test_kappa_is_the_published_one(table, power, published):
    assert kappa(table, power) == pytest.approx(published, abs=5e-5)


grades = st.lists(st.tuples(st.sampled_from(SEVERITY), st.sampled_from(SEVERITY)), min_size=1, max_size=30)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@given(grades)
def test_kappa_is_that_of_scikit_learn(pairs):
    found = values([Reading(f"P{i}", true, pred, 1.0, 1.0) for i, (true, pred) in enumerate(pairs)])
    true, pred = ([str(grade) for grade in side] for side in zip(*pairs, strict=True))
    for name in POWERS:
        weights = None if name == "unweighted" else name
        theirs = cohen_kappa_score(true, pred, labels=[str(grade) for grade in SEVERITY], weights=weights)
        ours = found[f"kappa_{name}"].value
        one_class = len({*true, *pred}) == 1
        assert ours is None if one_class else ours == pytest.approx(theirs)


def test_replication_of_the_published_table_has_its_kappas():
    # 22 A, 23 B, 18 C with four adjacent misses: the kappas that 59 of 63 allow.
    table = np.array([[21, 1, 0], [1, 21, 1], [0, 1, 17]], float)
    assert kappa(table, 0) == pytest.approx(0.9045, abs=0.001)
    assert 0.924 <= kappa(table, 1) <= 0.929
    assert 0.947 <= kappa(table, 2) <= 0.952


def test_icc_is_the_published_one():
    assert icc_2_1(SHROUT_FLEISS, np.ones((1, 6)))[0] == pytest.approx(0.29, abs=0.005)


def test_icc_of_a_weighted_target_is_that_of_the_repeated_target():
    weights = np.array([[2, 0, 1, 3, 1, 1]], float)
    repeated = np.repeat(SHROUT_FLEISS, weights[0].astype(int), axis=0)
    assert icc_2_1(SHROUT_FLEISS, weights)[0] == pytest.approx(icc_2_1(repeated, np.ones((1, 8)))[0])


def test_icc_punishes_a_constant_shift_and_perfect_agreement_is_one():
    true = np.linspace(0, 40, 9)
    assert icc_2_1(np.column_stack([true, true]), np.ones((1, 9)))[0] == pytest.approx(1)
    # Mean squares in closed form: between targets 2 var, between raters n shift^2 / 2, error 0.
    var, shift = true.var(ddof=1), 10
    shifted = icc_2_1(np.column_stack([true, true + shift]), np.ones((1, 9)))[0]
    assert shifted == pytest.approx(2 * var / (2 * var + shift**2))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(59, 63, 0.848, 0.975), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_interval(successes, n, low, high):
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-4)


def test_bland_altman_in_closed_form():
    ratings = np.array([[10, 12], [20, 20], [30, 28], [5, 9]], float)  # differences 2, 0, -2, 4: mean 1, SD sqrt(20/3)
    bias, lower, upper = (bland_altman(ratings, limit, np.ones((1, 4)))[0] for limit in (0, -1, 1))
    half = 1.959964 * np.sqrt(20 / 3)
    assert (bias, lower, upper) == pytest.approx((1, 1 - half, 1 + half))


def test_every_statistic_has_its_row_in_order_and_intervals_hold_their_value():
    started = time.perf_counter()
    rows = agreement(cohort())
    assert time.perf_counter() - started < 3
    assert [row.statistic for row in rows] == NAMES
    assert all(row.ci_low <= row.value <= row.ci_high and row.n == 63 for row in rows)
    assert rows == agreement(cohort())


def test_both_hips_of_a_patient_come_together():
    draws = patient_draws(["P1", "P2", "P1", "P3", "P2"])
    assert draws.shape == (2000, 5)
    assert np.array_equal(draws[:, 0], draws[:, 2])
    assert np.array_equal(draws[:, 1], draws[:, 4])
    assert (draws[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_interval_of_a_mean_is_that_of_the_normal_distribution():
    sample = np.random.default_rng(0).normal(size=400)
    draws = patient_draws([f"P{i}" for i in range(400)])
    low, high = percentile_interval(draws @ sample / draws.sum(axis=1))
    half = 1.96 * sample.std() / np.sqrt(400)
    # The percentile of 2000 draws has a standard error of about 4 % of this half width.
    assert (low, high) == pytest.approx((sample.mean() - half, sample.mean() + half), abs=0.16 * half)


def test_clustered_interval_is_wider_than_that_of_independent_hips():
    twins = [row for row in cohort(n_patients=30, n=30) for _ in range(2)]
    strangers = [
        Reading(f"P{i}", row.grade_true, row.grade_pred, row.percent_true, row.percent_pred)
        for i, row in enumerate(twins)
    ]
    clustered, independent = (values(rows)["bland_altman_bias_points"] for rows in (twins, strangers))
    assert clustered.value == independent.value
    ratio = (clustered.ci_high - clustered.ci_low) / (independent.ci_high - independent.ci_low)
    assert ratio == pytest.approx(np.sqrt(2), rel=0.15)


def test_too_many_undefined_draws_leave_the_interval_empty():
    draws = np.ones(100)
    assert percentile_interval(np.where(np.arange(100) < 5, np.nan, draws)) == (1, 1)
    assert percentile_interval(np.where(np.arange(100) < 6, np.nan, draws)) == (None, None)


def test_one_grade_only_has_no_kappa():
    found = values([Reading(f"P{i}", Grade.B, Grade.B, 20.0 + i, 21.0 + i) for i in range(5)])
    assert (found["accuracy"].value, found["kappa_linear"].value, found["kappa_linear"].ci_low) == (1, None, None)
    assert found["bland_altman_bias_points"].value == pytest.approx(1)


def test_one_patient_has_values_and_no_bootstrap_interval():
    found = values([Reading("P1", Grade.A, Grade.A, 5.0, 6.0), Reading("P1", Grade.B, Grade.C, 20.0, 31.0)])
    assert found["bland_altman_bias_points"].value == pytest.approx(6)
    assert found["bland_altman_bias_points"].ci_low is None


def test_hip_without_a_percentage_is_counted_out_and_n_says_so():
    found = values([*cohort(), Reading("P099", Grade.A, Grade.NONE, 4.0, None)])
    assert (found["accuracy"].n, found["icc_2_1_percent"].n) == (64, 63)


def test_no_hips_have_no_values():
    rows = agreement([])
    assert [row.statistic for row in rows] == NAMES
    assert all((row.value, row.ci_low, row.ci_high, row.n) == (None, None, None, 0) for row in rows)


def test_confusion_counts_true_in_rows_and_predicted_in_columns():
    readings = [Reading("P1", Grade.A, Grade.B, 1.0, 1.0)] * 3 + [Reading("P2", Grade.NONE, Grade.C, 0.0, 40.0)]
    rows = {row.true: row for row in confusion(readings)}
    assert list(rows) == ["A", "B", "C", "none"]
    assert rows[Grade.A].B == 3
    assert rows[Grade.NONE].C == 1
    assert sum(row.A + row.B + row.C + row.none for row in rows.values()) == 4
