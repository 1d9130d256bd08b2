import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import LAWS, simulate
from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.steinberg import Grade
from postprocessing.uncertainty.conformal import LEVEL, METHOD, Calibration, fewest_patients
from postprocessing.uncertainty.margin_interval import IntervalMethod, possible_grades


def angle(percent):
    return np.arcsin(np.sqrt(np.asarray(percent) / 100))


def percent(radians):
    return 100 * np.sin(radians) ** 2


def shifted(middle, errors):
    """Predictions of one true percentage that are off by errors in radians."""
    return [middle] * len(errors), [float(percent(angle(middle) + error)) for error in errors]


def of_strangers(errors, **kwargs):
    true, pred = shifted(25.0, errors)
    return Calibration.fit(true, pred, [f"P{i}" for i in range(len(errors))], **kwargs)


@pytest.mark.parametrize(("patients", "rank"), [(9, 9), (10, 10), (18, 18), (19, 18), (29, 27), (63, 58), (99, 90)])
def test_one_hip_a_patient_is_split_conformal(patients, rank):
    # The ceil(0.9 (n + 1))-th smallest of n scores, Vovk et al. 2005.
    assert rank == math.ceil(0.9 * (patients + 1) - 1e-9)
    errors = np.random.default_rng(patients).permutation(patients) * 1e-3 + 1e-3
    assert of_strangers(errors).half_width == pytest.approx(rank * 1e-3)


def test_both_hips_of_a_patient_weigh_as_much_as_one():
    errors = np.arange(1, 20) * 1e-3
    true, pred = shifted(25.0, errors)
    once = Calibration.fit(true, pred, [f"P{i}" for i in range(19)])
    twice = Calibration.fit(true * 2, pred * 2, [f"P{i}" for i in range(19)] * 2)
    assert (once.half_width, once.n_hips, twice.n_hips) == (twice.half_width, 19, 38)
    assert twice.n_patients == 19


def test_quantile_of_hand_counted_weights():
    # Nine patients, the first with hips of errors 1 and 11: weights 1/20, 1/20, 8 of 1/10, and 1/10 at infinity.
    true, pred = shifted(25.0, np.array([1, 11, 2, 3, 4, 5, 6, 7, 8, 9]) * 1e-3)
    patients = ["P0", "P0", *(f"P{i}" for i in range(1, 9))]
    assert Calibration.fit(true, pred, patients).half_width == pytest.approx(0.011)
    assert Calibration.fit(true, pred, patients, level=0.85).half_width == pytest.approx(0.009)
    assert Calibration.fit(true, pred, patients, level=0.86).half_width == pytest.approx(0.011)


def test_too_few_patients_have_no_interval_and_the_reason():
    assert fewest_patients(0.9) == 9
    few = of_strangers(np.full(8, 0.01))
    assert (few.half_width, few.interval(20.0)) == (None, None)
    assert few.note == "no 90% interval: 8 patients, 9 are needed"
    assert of_strangers(np.full(9, 0.01)).note == ""
    assert Calibration.fit([], [], []).note == "no 90% interval: 0 patients, 9 are needed"


def test_hips_of_few_patients_do_not_make_up_for_patients():
    true, pred = shifted(25.0, np.full(40, 0.01))
    assert Calibration.fit(true, pred, [f"P{i % 8}" for i in range(40)]).half_width is None


def test_hip_without_a_percentage_is_left_out():
    true, pred = shifted(25.0, np.arange(1, 12) * 1e-3)
    patients = [f"P{i}" for i in range(11)]
    without = Calibration.fit([*true, 20.0], [*pred, None], [*patients, "P99"])
    assert without == Calibration.fit(true, pred, patients)


@settings(max_examples=50)
@given(st.floats(0, 100), st.floats(0, 0.5))
def test_interval_holds_its_prediction_within_0_and_100(predicted, error):
    interval = of_strangers(np.full(9, error)).interval(predicted)
    assert 0 <= interval.low <= predicted <= interval.high <= 100
    assert interval.method is IntervalMethod.CONFORMAL


def test_interval_is_that_of_the_angular_scale():
    interval = of_strangers(np.full(9, 0.05)).interval(20.0)
    assert (interval.low, interval.high) == pytest.approx((percent(angle(20) - 0.05), percent(angle(20) + 0.05)))


def test_hip_predicted_without_necrosis_may_have_what_is_missed():
    interval = of_strangers(np.full(9, 0.1)).interval(0.0)
    assert (interval.low, interval.high) == pytest.approx((0, percent(0.1)))
    assert possible_grades(interval) == (Grade.NONE, Grade.A)


def cap_percent(x):
    """Share of a sphere that a planar cap of height 2 r x takes up."""
    return 100 * (3 * x**2 - 2 * x**3)


@pytest.mark.parametrize("x", np.linspace(0.01, 0.99, 15))
def test_shifted_margin_of_a_planar_cap_is_nearly_as_wide_as_the_interval_at_every_size(x):
    # The plane's area is 4 pi r^2 x (1 - x), so a shift by 2 r d moves the share by 6 x (1 - x) d, and its angle by
    # 3 x (1 - x) d / sqrt(p (1 - p)): 3/2 d for half a head, and 2 / sqrt(3) = 1.155 times that for a cap of no height.
    shift = 1e-5
    calibration = Calibration.fit([50.0] * 9, [cap_percent(0.5 + shift)] * 9, [f"P{i}" for i in range(9)])
    assert calibration.half_width == pytest.approx(1.5 * shift, rel=1e-4)
    interval = calibration.interval(cap_percent(x))
    moved = cap_percent(x + shift) - cap_percent(x - shift)
    assert 1 - 1e-4 <= moved / (interval.high - interval.low) < 2 / math.sqrt(3)


def test_error_of_a_percentage_is_refused():
    with pytest.raises(ValueError, match="not a percentage"):
        of_strangers(np.full(9, 0.1)).interval(100.5)
    with pytest.raises(ValueError, match="not a percentage"):
        Calibration.fit([float("nan")], [1.0], ["P1"])


def test_calibration_survives_json_and_names_no_one():
    made = of_strangers(np.arange(1, 12) * 1e-3)
    text = json.dumps(made.to_json())
    assert "P1" not in text
    assert Calibration.from_json(json.loads(text)) == made
    few = of_strangers([0.1])
    assert Calibration.from_json(json.loads(json.dumps(few.to_json()))) == few


@pytest.mark.parametrize(
    "change", [{"method": "other"}, {"half_width": -1.0}, {"half_width": float("nan")}, {"level": 1.0}, {"n_hips": 3}]
)
def test_damaged_calibration_is_refused(change):
    values = of_strangers(np.arange(1, 12) * 1e-3).to_json() | change
    with pytest.raises(ModelError, match=f"is not of method {METHOD}"):
        Calibration.from_json(values)


@pytest.mark.parametrize("values", [{}, {"level": "0.9", "half_width": 1, "n_patients": 9, "n_hips": 9}, {"more": 1}])
def test_what_is_no_calibration_is_refused(values):
    with pytest.raises(ModelError, match="calibration: cannot be read"):
        Calibration.from_json(values)


@pytest.mark.parametrize("law", LAWS)
def test_new_hips_lie_in_their_interval_as_often_as_promised(law):
    cohorts = 1500
    coverage = simulate(LAWS[law], cohorts).held.mean()
    error = math.sqrt(LEVEL * (1 - LEVEL) / cohorts)
    # At least the level; above it by at most the weight of one score, 1 / (39 + 1) of a patient.
    assert LEVEL - 3 * error < coverage < LEVEL + 1 / 40 + 3 * error
