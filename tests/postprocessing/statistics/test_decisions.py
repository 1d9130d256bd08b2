"""Shares of right decisions and net benefit, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from postprocessing.statistics.agreement import GradePair
from postprocessing.statistics.decisions import AT_CUTS, BY_GRADE, decision_statistics
from postprocessing.statistics.net_benefit import benefits, net_benefit_statistics

PERCENT = {Grade.NONE: 0.0, Grade.A: 8.0, Grade.B: 22.0, Grade.C: 40.0}
GRADES = st.sampled_from(tuple(Grade))


def hip(i, true, pred, *, found=True, hips_a_patient=1):
    percent = PERCENT[pred] if found else None
    return GradePair(f"P{i // hips_a_patient}", true, pred if found else Grade.NONE, PERCENT[true], percent)


def cohort(pairs, **more):
    return [hip(i, true, pred, **more) for i, (true, pred) in enumerate(pairs)]


def named(rows):
    return {row.statistic: row for row in rows}


def at_random(n, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 45, n) * (rng.random(n) > 0.15)
    pred = np.clip(true + rng.normal(0, 5, n), 0, 60)
    return [(steinberg_grade(x, 100), steinberg_grade(y, 100)) for x, y in zip(true, pred, strict=True)]


def test_shares_are_those_of_scikit_learn():
    pairs = at_random(120)
    found = named(decision_statistics(cohort(pairs)))
    for decision in (*BY_GRADE, *AT_CUTS):
        true, pred = ([grade in decision.yes for grade in grades] for grades in zip(*pairs, strict=True))
        expected = {
            "sensitivity": recall_score(true, pred),
            "specificity": recall_score(true, pred, pos_label=False),
            "ppv": precision_score(true, pred),
            "npv": precision_score(true, pred, pos_label=False),
        }
        (tn, fp), (fn, tp) = confusion_matrix(true, pred)
        counts = {"sensitivity": tp + fn, "specificity": tn + fp, "ppv": tp + fp, "npv": tn + fn}
        for name, value in expected.items():
            row = found[f"{name}_{decision.name}"]
            assert (row.value, row.n, row.n_patients) == (pytest.approx(value), counts[name], counts[name])
            assert row.ci_low is None or row.ci_low <= value <= row.ci_high


def test_names_say_the_grade_and_the_cut():
    names = {row.statistic for row in decision_statistics([])}
    assert len(names) == 4 * (4 + 2)
    assert {"sensitivity_grade_none", "npv_grade_C", "specificity_at_15_percent", "ppv_at_30_percent"} <= names


def test_ties_of_steinbergs_limits_are_above_15_and_not_above_30():
    at_cut = GradePair("P1", steinberg_grade(15, 100), steinberg_grade(30, 100), 15.0, 30.0)
    moderate, severe = AT_CUTS
    assert (moderate.is_so(at_cut), moderate.is_called(at_cut)) == (True, True)
    assert (severe.is_so(at_cut), severe.is_called(at_cut)) == (False, False)


def test_perfect_shares_have_wilsons_lower_end():
    found = named(decision_statistics(cohort([(grade, grade) for grade in Grade] * 30)))
    row = found["sensitivity_grade_B"]
    spared = t.ppf(0.975, 29) ** 2
    assert (row.value, row.ci_low, row.ci_high) == (1, pytest.approx(30 / (30 + spared)), 1)
    assert all(row.ci_low < 1 for row in found.values())


def test_both_hips_of_a_patient_count_once_where_they_are_alike():
    pairs = [pair for pair in at_random(60) for _ in range(2)]
    twins, alone = (
        named(decision_statistics(cohort(hips, hips_a_patient=k))) for hips, k in ((pairs, 2), (pairs[::2], 1))
    )
    for name, row in twins.items():
        assert (row.n, row.n_patients, row.value) == (2 * alone[name].n, alone[name].n, alone[name].value)
        if row.ci_low is not None:
            assert (row.ci_low, row.ci_high) == pytest.approx((alone[name].ci_low, alone[name].ci_high), abs=1e-9)


def test_few_patients_have_the_reason():
    row = named(decision_statistics(cohort([(Grade.A, Grade.A)] * 19 + [(Grade.B, Grade.B)] * 30)))[
        "sensitivity_grade_A"
    ]
    assert (row.value, row.ci_low, row.note) == (1, None, "no interval: 19 patients, 20 are needed")


def test_a_hip_without_a_head_is_wrong_and_in_no_predictive_value():
    hips = [hip(0, Grade.NONE, Grade.NONE), hip(1, Grade.NONE, Grade.NONE, found=False)]
    hips += [hip(2, Grade.B, Grade.B), hip(3, Grade.B, Grade.NONE, found=False)]
    found = named(decision_statistics(hips))
    for name in ("sensitivity_grade_none", "specificity_grade_none", "sensitivity_grade_B", "specificity_grade_B"):
        assert (found[name].value, found[name].n) == (1 / 2, 2), name
    for name in ("ppv_grade_none", "npv_grade_none", "ppv_at_15_percent", "npv_at_15_percent"):
        assert (found[name].value, found[name].n) == (1, 1), name


def test_one_class_and_no_hips_have_an_empty_value_and_the_reason():
    found = named(decision_statistics(cohort([(Grade.A, Grade.A)] * 25)))
    assert (found["sensitivity_at_15_percent"].value, found["sensitivity_at_15_percent"].note) == (None, "no hip is so")
    assert (found["specificity_grade_A"].value, found["specificity_grade_A"].note) == (None, "every hip is so")
    assert (found["ppv_grade_C"].value, found["ppv_grade_C"].note) == (None, "no hip is called so")
    assert (found["npv_grade_A"].value, found["npv_grade_A"].note) == (None, "every hip is called so")
    for row in (*decision_statistics([]), *net_benefit_statistics([])):
        assert (row.value, row.ci_low, row.n, row.n_patients) == (None, None, 0, 0)
        assert row.note


@given(st.lists(st.tuples(GRADES, GRADES, st.booleans()), min_size=1, max_size=12), st.data())
def test_a_hip_that_becomes_wrong_never_helps_a_sensitivity_or_a_specificity(hips, data):
    i = data.draw(st.integers(0, len(hips) - 1))
    before = [hip(k, true, pred, found=found) for k, (true, pred, found) in enumerate(hips)]
    after = [*before[:i], hip(i, hips[i][0], hips[i][1], found=False), *before[i + 1 :]]
    one, other = named(decision_statistics(before)), named(decision_statistics(after))
    for name, row in one.items():
        if name.startswith("s"):
            assert (other[name].value is None) == (row.value is None)
            assert row.value is None or other[name].value <= row.value


@given(st.lists(st.tuples(GRADES, GRADES), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_net_benefit_is_that_of_the_two_shares(pairs, pt):
    """Net benefit = sensitivity x prevalence - odds x (1 - specificity) x (1 - prevalence)."""
    hips = cohort(pairs)
    for decision in AT_CUTS:
        true = np.array([decision.is_so(one) for one in hips])
        called = np.array([decision.is_called(one) for one in hips])
        gained = called[true].mean() * true.mean() if true.any() else 0
        lost = called[~true].mean() * (~true).mean() if not true.all() else 0
        assert benefits(hips, decision, pt).mean() == pytest.approx(gained - pt / (1 - pt) * lost)
        assert benefits(hips, decision, pt, call_all=True).mean() == pytest.approx(
            true.mean() - pt / (1 - pt) * (1 - true.mean())
        )


def test_net_benefit_of_a_worked_example():
    # 100 hips, 40 of them above 15 %; 36 of these and 6 others are called: 36 - 6, and at 0.2 36 - 6 / 4.
    pairs = [(Grade.B, Grade.B)] * 36 + [(Grade.B, Grade.A)] * 4 + [(Grade.A, Grade.B)] * 6 + [(Grade.A, Grade.A)] * 54
    found = named(net_benefit_statistics(cohort(pairs)))
    assert found["net_benefit_at_15_percent_pt_0.5"].value == pytest.approx(0.30)
    assert found["net_benefit_at_15_percent_pt_0.2"].value == pytest.approx(0.345)
    assert found["net_benefit_at_15_percent_pt_0.5_all"].value == pytest.approx(-0.20)
    assert found["net_benefit_at_15_percent_pt_0.2_all"].value == pytest.approx(0.25)
    row = found["net_benefit_at_15_percent_pt_0.5"]
    assert row.ci_low < 0.30 < row.ci_high
    assert found["net_benefit_at_30_percent_pt_0.5"].value == 0


def test_net_benefit_of_a_hip_that_was_not_found_is_none():
    hips = [hip(0, Grade.C, Grade.C), hip(1, Grade.C, Grade.NONE, found=False)]
    assert named(net_benefit_statistics(hips))["net_benefit_at_30_percent_pt_0.5"].value == 1 / 2
