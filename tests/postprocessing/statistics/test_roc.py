"""The area under the ROC curve against scikit-learn, and its intervals against DeLong and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student_t
from sklearn.metrics import roc_auc_score

from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.roc import area_under_curve, auc_statistics, newcombe_auc


def cohort(true, pred, hips_a_patient=1):
    return [
        GradePair(f"P{i // hips_a_patient}", steinberg_grade(x, 100), steinberg_grade(y, 100), float(x), float(y))
        for i, (x, y) in enumerate(zip(true, pred, strict=True))
    ]


def at_random(n, noise, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.uniform(1, 45, n)
    return true, np.clip(true + rng.normal(0, noise, n), 0, 100)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30),
)
def test_area_is_that_of_scikit_learn_for_any_weights(hips):
    scores, above, weights = (np.array(column) for column in zip(*hips, strict=True))
    found = area_under_curve(scores.astype(float), above.astype(float), weights[None].astype(float))[0]
    if len(set(above[weights > 0])) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(above, scores, sample_weight=weights))


def test_area_is_of_the_percentage_at_each_cut():
    true, pred = at_random(80, 6)
    moderate, severe = auc_statistics(cohort(true, pred))
    assert (moderate.statistic, severe.statistic) == ("auc_at_15_percent", "auc_at_30_percent")
    assert moderate.value == pytest.approx(roc_auc_score(true >= 15, pred))
    assert severe.value == pytest.approx(roc_auc_score(true > 30, pred))
    assert (moderate.n, moderate.n_patients) == (80, 80)


def delong_error(scores, above):
    """Standard error of DeLong, DeLong & Clarke-Pearson, Biometrics 1988;44:837."""
    wins = np.sign(scores[above][:, None] - scores[~above]) / 2 + 0.5
    return math.sqrt(wins.mean(1).var(ddof=1) / above.sum() + wins.mean(0).var(ddof=1) / (~above).sum())


def test_interval_of_independent_hips_is_delongs_on_the_logits_scale():
    true, pred = at_random(150, 12)
    above = true >= 15
    row = auc_statistics(cohort(true, pred))[0]
    half = student_t.ppf(0.975, 149) * delong_error(pred, above) / (row.value * (1 - row.value))
    expected = expit([logit(row.value) - half, logit(row.value) + half])
    assert (row.ci_low, row.ci_high) == pytest.approx(tuple(expected), abs=0.1 * (expected[1] - expected[0]))


def test_hips_of_a_patient_that_are_alike_add_nothing():
    true, pred = at_random(60, 10)
    alone = auc_statistics(cohort(true, pred))[0]
    twins = auc_statistics(cohort(np.repeat(true, 2), np.repeat(pred, 2), hips_a_patient=2))[0]
    assert (twins.value, twins.ci_low, twins.ci_high) == pytest.approx((alone.value, alone.ci_low, alone.ci_high))


def test_a_perfect_area_has_a_lower_end():
    true, _ = at_random(60, 0)
    for row, above in zip(auc_statistics(cohort(true, true)), (true >= 15, true > 30), strict=True):
        assert (row.value, row.ci_high) == (1, 1)
        assert (row.ci_low, row.ci_high) == pytest.approx(newcombe_auc(1, above.sum(), (~above).sum()))
        assert 0.7 < row.ci_low < 1


@given(st.floats(0, 1), st.integers(2, 60), st.integers(2, 60))
def test_ends_of_newcombes_interval_lie_a_quantile_from_the_area(area, above, below):
    quantile, mean = norm.ppf(0.975), (above + below) / 2
    low, high = newcombe_auc(area, above, below)
    assert 0 <= low <= area <= high <= 1
    for end in (low, high):
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)  # of Hanley & McNeil
        spread = end * (1 - end) + (mean - 1) * (q1 - end**2 + q2 - end**2)
        assert end in (0, 1) or (area - end) ** 2 == pytest.approx(quantile**2 * spread / (above * below), abs=1e-6)


def test_one_class_and_no_hips_have_an_empty_value_and_the_reason():
    mild = cohort([3.0, 5.0, 9.0], [4.0, 4.0, 20.0])
    assert [(row.value, row.note) for row in auc_statistics(mild)] == [(None, "undefined: no hip is above")] * 2
    severe = auc_statistics(cohort([33.0, 35.0], [4.0, 4.0]))
    assert [(row.value, row.note) for row in severe] == [(None, "undefined: every hip is above")] * 2
    assert [(row.value, row.n, row.note) for row in auc_statistics([])] == [(None, 0, "no hips")] * 2


def test_few_patients_on_one_side_have_the_reason():
    true = np.array([40.0] * 7 + [5.0] * 30)
    row = auc_statistics(cohort(true, true + np.arange(37) % 5))[1]
    assert (row.value, row.ci_low) == (1, None)
    assert row.note == "no interval: 7 patients on one side, 8 are needed"


def test_a_hip_without_a_head_is_left_out_and_counted():
    true, pred = at_random(50, 6)
    missed = GradePair("P99", Grade.C, Grade.NONE, 40.0, None)
    with_it, without = (auc_statistics([*cohort(true, pred), *more])[0] for more in ([missed], []))
    assert (with_it.value, with_it.n) == (without.value, 50)
    assert with_it.note == "left out without a head in the prediction: 1"
