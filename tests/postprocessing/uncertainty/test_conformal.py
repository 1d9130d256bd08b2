import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import LAWS, simulate
from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from postprocessing.uncertainty.conformal import (
    LEVEL,
    METHOD,
    PARTS,
    Calibration,
)
from postprocessing.uncertainty.error_law import ErrorLaw
from postprocessing.uncertainty.grade_quantiles import fewest_patients, grades_of, reach_by_grade
from postprocessing.uncertainty.margin_interval import IntervalMethod, possible_grades
from tests.helpers.calibrations import calibration

NONE, A, B, C = range(4)


def reaches(scores, grades=None, patients=None, level=LEVEL, kinds=None):
    n = len(scores)
    found, _ = reach_by_grade(
        np.array(scores, float),
        np.full(n, B) if grades is None else np.array(grades),
        np.arange(n) if patients is None else np.array(patients),
        np.full(n, "") if kinds is None else np.array(kinds),
        level,
    )
    return [found[grade] for grade in Grade]


def cohort(n=40, seed=3):
    """Hips of all four grades, two a patient."""
    rng = np.random.default_rng(seed)
    true = np.where(rng.random(n) < 0.2, 0, rng.uniform(1, 60, n))
    pred = np.clip(true + rng.normal(0, 2, n), 0, 100)
    return true.tolist(), pred.tolist(), [f"P{i // 2}" for i in range(n)]


@pytest.mark.parametrize(("patients", "rank"), [(9, 9), (10, 10), (18, 18), (19, 18), (29, 27), (63, 58), (99, 90)])
def test_one_hip_a_patient_is_split_conformal(patients, rank):
    # The ceil(0.9 (n + 1))-th smallest of n scores, Vovk et al. 2005.
    assert rank == math.ceil(0.9 * (patients + 1) - 1e-9)
    scores = np.random.default_rng(patients).permutation(patients) + 1
    assert reaches(scores) == [rank] * 4


def test_both_hips_of_a_patient_weigh_as_much_as_one():
    scores = np.arange(1, 20)
    assert reaches(scores) == reaches([*scores, *scores], patients=[*range(19), *range(19)])


def test_quantile_of_hand_counted_weights():
    # Nine patients, the first with hips of errors 1 and 11: weights 1/20, 1/20, 8 of 1/10, and 1/10 at infinity.
    scores, patients = [1, 11, 2, 3, 4, 5, 6, 7, 8, 9], [0, 0, *range(1, 9)]
    assert reaches(scores, patients=patients) == [11] * 4
    assert reaches(scores, patients=patients, level=0.85) == [9] * 4
    assert reaches(scores, patients=patients, level=0.86) == [11] * 4


def test_each_true_grade_has_its_own_quantile():
    scores, grades = np.arange(1, 37), np.repeat([NONE, A, B, C], 9)
    assert reaches(scores, grades) == [9, 18, 27, 36]
    # Both hips of a patient may be of two grades: the patient counts fully in both.
    assert reaches(scores, grades, patients=np.tile(np.arange(9), 4)) == [9, 18, 27, 36]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((9, 9, 9, 9), [[0], [1], [2], [3]]),
        ((0, 9, 9, 9), [[0, 1], [2], [3]]),
        ((8, 9, 12, 9), [[0, 1], [2], [3]]),
        ((9, 9, 12, 8), [[0], [1], [2, 3]]),
        ((9, 9, 3, 12), [[0], [1, 2], [3]]),
        ((9, 12, 3, 9), [[0], [1], [2, 3]]),
        ((3, 3, 3, 3), [[0, 1, 2, 3]]),
    ],
)
def test_grades_of_few_patients_are_merged_with_the_smaller_neighbour(sizes, expected):
    grades = np.repeat([NONE, A, B, C], sizes)
    found = reaches(np.arange(len(grades)), grades)
    for group in expected:
        assert {found[number] for number in group} == {found[group[0]]}
    assert len(set(found)) == len(expected)


def test_the_interval_holds_for_the_kind_of_patients_that_errs_most():
    scores = np.concatenate([np.arange(1, 30), np.arange(101, 112)])
    assert reaches(scores, kinds=["a"] * 29 + ["b"] * 11) == [111] * 4  # the largest of 11
    assert reaches(scores) == [108] * 4
    assert reaches(scores, kinds=["a"] * 29 + ["b"] * 3 + ["c"] * 8) == [27] * 4  # kinds of too few have no quantile


def test_too_few_patients_have_no_interval_and_the_reason():
    assert fewest_patients(0.9) == 9
    true, pred, patients = cohort(16)
    few = Calibration.fit(true, pred, patients)
    assert (set(few.reach.values()), few.interval(20.0)) == ({None}, None)
    assert few.note == "no 90% interval: 8 patients, 9 are needed"
    assert Calibration.fit(*cohort(18)).note == ""
    assert Calibration.fit([], [], []).note == "no 90% interval: 0 patients, 9 are needed"


def test_hips_of_few_patients_do_not_make_up_for_patients():
    true, pred, _ = cohort(40)
    assert Calibration.fit(true, pred, [f"P{i % 8}" for i in range(40)]).note != ""


def test_hip_without_a_percentage_is_left_out():
    true, pred, patients = cohort()
    without = Calibration.fit([*true, 20.0], [*pred, None], [*patients, "P99"])
    assert without == Calibration.fit(true, pred, patients)


def test_each_patient_is_scored_by_a_law_of_the_others():
    # The reach of one merged group is the largest of nine left-out scores, here computed one patient at a time.
    true, pred, patients = cohort(18)
    x, y, who = np.array(true), np.array(pred), np.array(patients)
    scores = [
        ErrorLaw.fit(x[who != one], y[who != one], np.full(16, 0.5)).scores(x[who == one], y[who == one])
        for one in dict.fromkeys(patients)
    ]
    assert Calibration.fit(true, pred, patients).reach[Grade.B] == pytest.approx(np.max(scores))


def test_large_cohorts_are_left_out_in_parts():
    true, pred, _ = cohort(4 * PARTS)
    found = Calibration.fit(true, pred, [f"P{i:04d}" for i in range(4 * PARTS)])
    assert found.n_patients == 4 * PARTS
    assert found.note == ""


@settings(max_examples=50)
@given(st.floats(0, 100), st.floats(0.1, 30), st.floats(-20, 20))
def test_interval_holds_its_prediction_within_0_and_100(predicted, reach, bias):
    interval = calibration(20, 20, reach, ErrorLaw(bias, 100 + bias)).interval(predicted)
    assert 0 <= interval.low <= predicted <= interval.high <= 100
    assert interval.method is IntervalMethod.CONFORMAL


def test_interval_is_all_candidates_that_the_errors_of_their_grade_allow():
    found = calibration(20, 20, 2.0)
    assert (found.interval(22).low, found.interval(22).high) == pytest.approx((20, 24))
    by_grade = Calibration(
        LEVEL, ErrorLaw(), {Grade.NONE: 1.0, Grade.A: 1.0, Grade.B: 2.0, Grade.C: 8.0}, dict.fromkeys(Grade, 9), 9, 36
    )
    # 29 % may be a B of 27 to 30 %, or a C of up to 37 %; 10 % is no C, however far those err.
    assert (by_grade.interval(29).low, by_grade.interval(29).high) == pytest.approx((27, 37))
    assert (by_grade.interval(10).low, by_grade.interval(10).high) == pytest.approx((9, 11))
    assert possible_grades(by_grade.interval(24)) == (Grade.B, Grade.C)  # a C of 30.001 % is 6 points off


def test_bias_is_taken_off():
    interval = calibration(20, 20, 1.0, ErrorLaw(centre_0=3, centre_100=103)).interval(23.0)
    assert (interval.low, interval.high) == pytest.approx((19, 23))  # 20 +- 1, and the prediction


def test_healthy_hip_is_a_candidate_of_its_own_group():
    reach = {Grade.NONE: 6.0, Grade.A: 1.0, Grade.B: 1.0, Grade.C: 1.0}
    found = Calibration(LEVEL, ErrorLaw(), reach, dict.fromkeys(Grade, 9), 9, 36)
    assert (found.interval(5).low, found.interval(5).high) == pytest.approx((0, 6))
    assert possible_grades(found.interval(5), 0.25) == (Grade.NONE, Grade.A)
    assert (found.interval(7).low, found.interval(7).high) == pytest.approx((6, 8))


def test_hip_predicted_without_necrosis_may_have_what_is_missed():
    interval = calibration(20, 20, 1.5).interval(0.0)
    assert (interval.low, interval.high) == pytest.approx((0, 1.5))
    assert possible_grades(interval) == (Grade.NONE, Grade.A)


@given(st.floats(0, 100))
def test_grade_of_a_percentage_is_steinbergs(percent):
    assert tuple(Grade)[int(grades_of(np.array(percent)))] is steinberg_grade(percent, 100)


def test_error_of_a_percentage_is_refused():
    with pytest.raises(ValueError, match="not a percentage"):
        calibration(20, 20).interval(100.5)
    with pytest.raises(ValueError, match="not a percentage"):
        Calibration.fit([float("nan")], [1.0], ["P1"])


def test_calibration_survives_json_and_names_no_one():
    made = Calibration.fit(*cohort())
    text = json.dumps(made.to_json())
    assert "P1" not in text
    assert Calibration.from_json(json.loads(text)) == made
    few = Calibration.fit(*cohort(4))
    assert Calibration.from_json(json.loads(json.dumps(few.to_json()))) == few


def test_healthy_hips_that_are_all_predicted_so_leave_no_other_candidate():
    true, pred, patients = cohort(60)
    pred = [0.0 if percent == 0 else guess for percent, guess in zip(true, pred, strict=True)]
    found = Calibration.from_json(Calibration.fit(true, pred, patients).to_json())
    assert found.reach[Grade.NONE] == 0
    assert found.interval(0.0).low == 0
    assert found.interval(8.0).low > 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"method": "other"}, "is of the method 'other', expected 'conformal-by-true-grade'"),
        ({"method": "hierarchical-conformal-arcsine"}, "Export the model again with onfh export"),
        ({"reach_A": -1.0}, "reach of grade A -1.0"),
        ({"reach_C": float("nan")}, "reach of grade C nan"),
        ({"reach_B": None}, f"is not of method {METHOD}"),
        ({"level": 1.0}, "level 1.0"),
        ({"n_hips": 3}, f"is not of method {METHOD}"),
    ],
)
def test_damaged_calibration_is_refused(change, match):
    with pytest.raises(ModelError, match=match):
        Calibration.from_json(Calibration.fit(*cohort()).to_json() | change)


@pytest.mark.parametrize("values", [{}, {"level": "0.9", "n_patients": 9, "n_hips": 9}, {"more": 1}])
def test_what_is_no_calibration_is_refused(values):
    with pytest.raises(ModelError, match="calibration: cannot be read"):
        Calibration.from_json(values)


@pytest.mark.parametrize("law", LAWS)
def test_new_hips_of_each_grade_lie_in_their_interval_as_often_as_promised(law):
    found = simulate(law, 63, 60)
    # A cohort's own coverage of a grade varies by about 7 points: the mean of 60 has a standard error of 0.9.
    for number in (A, B, C):
        assert 0.9 < found.coverage(grades_of(found.true) == number) < 0.99
    assert found.coverage(found.true > 50) > 0.85
    assert abs(found.coverage(found.true >= 0) - found.coverage(found.true >= 0, by_patient=True)) < 0.02
