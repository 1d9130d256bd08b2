"""Limits that follow the size, calibration and repeatability, against published examples and statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.formula.api import ols

from postprocessing.statistics.percent_calibration import percent_calibration
from postprocessing.statistics.regression import fit_lines
from postprocessing.statistics.repeatability import repeatability
from postprocessing.statistics.size_limits import limits_by_size, size_limits

# Bland & Altman, BMJ 1996;312:1654: four readings of peak flow of each of 20 schoolchildren, l/min.
PEAK_FLOW = np.array(
    [
        *((190, 220, 200, 200), (220, 200, 240, 230), (260, 260, 240, 280), (210, 300, 280, 265), (270, 265, 280, 270)),
        *((280, 280, 270, 275), (260, 280, 280, 300), (275, 275, 275, 305), (280, 290, 300, 290), (320, 290, 300, 290)),
        *((300, 300, 310, 300), (270, 250, 330, 370), (320, 330, 330, 330), (335, 320, 335, 375), (350, 320, 340, 365)),
        *((360, 320, 350, 345), (330, 340, 380, 390), (335, 385, 360, 370), (400, 420, 425, 420), (430, 460, 480, 470)),
    ],
    float,
)


def named(rows):
    return {row.statistic: row for row in rows}


def patients(n):
    return [f"P{i}" for i in range(n)]


def pairs_of(first, second):
    return [(float(x), float(y)) for x, y in zip(first, second, strict=True)]


def at_random(n=60, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.uniform(2, 45, n)
    return true, true + 1 + 0.05 * true + (0.5 + 0.1 * true) * rng.normal(size=n)


def test_lines_are_those_of_statsmodels():
    first, second = at_random()
    size, difference = (first + second) / 2, second - first
    bias = sm.OLS(difference, sm.add_constant(size)).fit()
    spread = sm.OLS(np.abs(bias.resid), sm.add_constant(size)).fit()
    found = named(limits_by_size(patients(60), pairs_of(first, second)))
    values = [found[f"bland_altman_{name}"].value for name in ("intercept_points", "slope")]
    assert values == pytest.approx(bias.params)
    values = [found[f"bland_altman_sd_{name}"].value for name in ("intercept_points", "slope")]
    assert values == pytest.approx(math.sqrt(math.pi / 2) * spread.params)
    for cut in (15, 30):
        centre, half = bias.params @ [1, cut], 1.959964 * math.sqrt(math.pi / 2) * spread.params @ [1, cut]
        names = [found[f"bland_altman_{name}_at_{cut}_points"] for name in ("lower", "bias", "upper")]
        assert [row.value for row in names] == pytest.approx([centre - half, centre, centre + half], rel=1e-6)
        assert all(row.ci_low < row.value < row.ci_high for row in names)


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(lambda w: np.count_nonzero(w) > 2))
def test_weighted_lines_are_those_of_statsmodels(weights):
    x, y = np.arange(12.0), np.sin(np.arange(12.0))
    line = fit_lines(x, y, np.array([weights], float))
    expected = sm.WLS(y, sm.add_constant(x), weights=weights).fit().params
    assert [line.intercept[0], line.slope[0]] == pytest.approx(expected)


def test_errors_that_do_not_grow_have_the_plain_limits_at_every_size():
    # Differences +1 and -1 in turn at each size: no bias, and the SD of a normal law whose mean absolute value is 1.
    first = np.repeat(np.arange(5.0, 45), 2)
    shift = np.tile([1.0, -1.0], 40)
    limits = size_limits(np.stack([first - shift / 2, first + shift / 2], 1), np.ones((1, 80)))
    for size in (5, 15, 30):
        assert limits.at(size, 0)[0] == pytest.approx(0, abs=1e-9)
        assert limits.at(size, 1)[0] == pytest.approx(1.959964 * math.sqrt(math.pi / 2), rel=0.02)


def test_sizes_that_no_hip_has_are_not_extrapolated():
    mild = pairs_of(np.linspace(1, 12, 30), np.linspace(1, 12, 30) + np.tile([0.1, -0.1, 0.2], 10))
    found = named(limits_by_size(patients(30), mild))
    for cut in (15, 30):
        row = found[f"bland_altman_upper_at_{cut}_points"]
        assert (row.value, row.note) == (None, f"undefined: no hips on both sides of {cut} %")
    assert found["bland_altman_slope"].value is not None


@pytest.mark.parametrize("of", [limits_by_size, percent_calibration])
def test_no_hips_one_hip_and_one_size_have_an_empty_value_and_the_reason(of):
    for pairs in ([], [(3.3, 4.1)], [(7.3, 7.3)] * 25, [(None, 3.0), (4.0, None)]):
        for row in of(patients(len(pairs)), pairs):
            assert (row.value, row.ci_low) == (None, None), row
            assert row.note
            assert row.n == sum(None not in pair for pair in pairs)


def test_calibration_is_the_line_of_the_true_on_the_predicted():
    true, pred = at_random()
    expected = sm.OLS(true, sm.add_constant(pred)).fit()
    found = named(percent_calibration(patients(60), pairs_of(true, pred)))
    slope, intercept = found["calibration_slope"], found["calibration_intercept_points"]
    assert [intercept.value, slope.value] == pytest.approx(expected.params)
    # The jackknife of least squares is MacKinnon & White's HC3, J Econometrics 1985;29:305.
    error = expected.get_robustcov_results("HC3").bse[1]
    assert slope.ci_high - slope.ci_low == pytest.approx(2 * 2.1 * error, rel=0.1)


def test_calibration_of_halved_percentages_has_slope_2_and_of_shifted_ones_the_intercept():
    true = np.linspace(1, 44, 30)
    halved = named(percent_calibration(patients(30), pairs_of(true, true / 2)))
    assert halved["calibration_slope"].value == pytest.approx(2)
    shifted = named(percent_calibration(patients(30), pairs_of(true, true + 3)))
    assert shifted["calibration_slope"].value == pytest.approx(1)
    assert shifted["calibration_intercept_points"].value == pytest.approx(-3)
    assert shifted["calibration_slope"].ci_low is None  # [1, 1] would be no interval


@given(st.lists(st.floats(0, 60), min_size=20, max_size=40, unique=True), st.sampled_from([(1, 0), (1, 2.7), (0.9, 0)]))
def test_errors_that_follow_a_line_have_no_interval_of_rounding_alone(first, line):
    second = line[0] * np.array(first) + line[1]
    pairs, who = pairs_of(first, second), patients(len(first))
    reads = repeatability("points", list(zip(who, pairs, strict=True)))
    for row in (*percent_calibration(who, pairs), *limits_by_size(who, pairs), *reads):
        assert row.ci_low is None or row.ci_high - row.ci_low > 1e-9, row
        assert row.value is None or row.ci_low is not None or "no interval" in row.note


def test_repeatability_is_the_published_one():
    # As published: within-subject variance 460.52, SD 21.5, repeatability 2.77 x 21.5 = 60 l/min.
    found = named(repeatability("l", list(zip(patients(20), PEAK_FLOW.tolist(), strict=True))))
    assert found["within_hip_sd_l"].value ** 2 == pytest.approx(460.52, abs=0.005)
    assert found["repeatability_coefficient_l"].value == pytest.approx(59.5, abs=0.05)
    assert found["smallest_detectable_change_l"].value == found["repeatability_coefficient_l"].value
    assert found["within_hip_sd_l"].ci_low < 21.5 < found["within_hip_sd_l"].ci_high


def test_repeatability_of_unequal_numbers_of_reads_is_that_of_an_analysis_of_variance():
    reads = [list(row[: 2 + i % 3]) for i, row in enumerate(PEAK_FLOW)]
    frame = pd.DataFrame([(i, value) for i, row in enumerate(reads) for value in row], columns=["child", "flow"])
    expected = ols("flow ~ C(child)", frame).fit().mse_resid
    found = repeatability("l", list(zip(patients(20), reads, strict=True)))[0]
    assert found.value == pytest.approx(math.sqrt(expected))


def test_hips_that_were_read_once_are_left_out():
    reads = [("P1", [3.0, 5.0]), ("P1", [8.0]), ("P2", [9.0, None]), ("P3", [4.0, None, 4.0])]
    found = repeatability("points", reads)[0]
    assert (found.value, found.n, found.n_patients) == (pytest.approx(1), 2, 2)  # squares 2 and 0, one degree each
    alike = repeatability("points", [(f"P{i}", [4.0, 4.0]) for i in range(30)])[0]
    assert (alike.value, alike.ci_low, alike.note) == (0, None, "no interval: both are equal in every hip")
    for hips, reason in (([], "no hips"), ([("P1", [3.0])], "no hip was read twice")):
        assert [(row.value, row.n, row.note) for row in repeatability("points", hips)] == [(None, 0, reason)] * 3
