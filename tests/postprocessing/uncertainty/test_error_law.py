import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocessing.uncertainty.error_law import LEAST_SPREAD, SLOPES, ErrorLaw

ONCE = np.ones(4)


def test_bias_and_slope_are_those_of_a_straight_line():
    true = np.array([5.0, 20.0, 35.0, 60.0])
    law = ErrorLaw.fit(true, 3 + 0.8 * true, ONCE)
    assert (law.centre_0, law.centre_100) == pytest.approx((3, 83))
    assert law.scores(true, 3 + 0.8 * true) == pytest.approx(0, abs=1e-3)


def test_spread_grows_with_the_lesion():
    # Two predictions a size, symmetric about the truth by 1 + 0.1 true: centre and spread are met exactly.
    true = np.repeat([10.0, 20.0, 40.0, 80.0], 2)
    pred = true + np.tile([1, -1], 4) * (1 + 0.1 * true)
    law = ErrorLaw.fit(true, pred, np.ones(8))
    assert (law.centre_0, law.centre_100, law.spread_0, law.spread_100) == pytest.approx((0, 100, 1, 11))
    assert law.scores(true, pred) == pytest.approx(1)


def test_repeated_hip_is_a_hip_of_twice_the_weight():
    true, pred = np.array([5.0, 20.0, 35.0, 60.0]), np.array([6.0, 18.0, 39.0, 57.0])
    twice = ErrorLaw.fit(true[[0, 0, 1, 2, 3]], pred[[0, 0, 1, 2, 3]], np.ones(5))
    weighted = ErrorLaw.fit(true, pred, np.array([2.0, 1, 1, 1]))
    assert vars(weighted) == pytest.approx(vars(twice))


def test_healthy_hips_do_not_bend_the_line_and_all_that_is_predicted_of_them_is_an_error():
    true, pred = np.array([5.0, 20.0, 35.0, 60.0]), np.array([6.0, 18.0, 39.0, 57.0])
    law = ErrorLaw.fit(true, pred, ONCE)
    assert ErrorLaw.fit(np.append(true, 0), np.append(pred, 9), np.ones(5)) == law
    assert law.scores(np.zeros(2), np.array([0, 9])) == pytest.approx([0, 9 / law.spread_0])
    assert ErrorLaw.fit(np.zeros(4), pred, ONCE) == ErrorLaw()


def test_slope_of_too_few_sizes_stays_within_limits():
    true = np.array([20.0, 20.0, 20.0, 20.1])
    for pred, slope in (([20, 20, 20, 30], SLOPES[1]), ([20, 20, 20, 10], SLOPES[0])):
        law = ErrorLaw.fit(true, np.array(pred, float), ONCE)
        assert law.centre_100 - law.centre_0 == pytest.approx(100 * slope)
    same = ErrorLaw.fit(np.full(4, 20.0), np.array([21.0, 23, 22, 22]), ONCE)
    assert (same.centre_0, same.centre_100) == pytest.approx((2, 102))
    assert same.spread_0 == pytest.approx(0.5) == same.spread_100


def test_spread_never_falls_below_its_share_of_the_mean():
    true = np.repeat([10.0, 50.0], 2)
    law = ErrorLaw.fit(true, true + np.array([4, -4, 0, 0]), ONCE)
    assert law.spread_100 == pytest.approx(LEAST_SPREAD[1] * 2)
    growing = ErrorLaw.fit(true, true + np.array([0, 0, 4, -4]), ONCE)
    assert growing.spread_0 == pytest.approx(LEAST_SPREAD[0] * 2)


percent, line_end = st.floats(0, 100), st.floats(-20, 20)


@settings(max_examples=200)
@given(percent, percent, st.floats(0, 5), line_end, line_end, st.floats(0.1, 9), st.floats(0.1, 9))
def test_candidates_are_those_whose_score_is_within_reach(pred, true, reach, start, end, near, far):
    law = ErrorLaw(start, 100 + end, near, far)
    ends = law.candidates(pred, reach, 0.001, 100)
    score = law.scores(np.array([true]), np.array([pred]))[0]
    if true > 0.001 and abs(score - reach) > 1e-6:
        assert (score <= reach) == (ends is not None and ends[0] <= true <= ends[1])
