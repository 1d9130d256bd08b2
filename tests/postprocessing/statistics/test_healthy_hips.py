"""What a comparison says of healthy hips, in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from postprocessing.metrics.case_metrics import crossval_row
from postprocessing.statistics.agreement import Statistic
from postprocessing.statistics.healthy_hips import healthy_hip_statistics
from postprocessing.statistics.summary_tables import summarize, summarize_groups, write_tables

LAYER_ML, LAYERS = 0.2, 50
"""A head of 50 layers of 200 voxels of 1 mm: 10 ml; a layer of necrosis is 2 % and is graded."""


def mask(necrotic_layers, layers=LAYERS):
    labels = np.zeros((LAYERS + 2, 12, 22), np.uint8)
    labels[1 : 1 + layers, 1:-1, 1:-1] = 1
    labels[1 : 1 + necrotic_layers, 1:-1, 1:-1] = 2
    axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    return HipMask(Volume(labels, Grid(labels.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), axes)))


MASKS = [mask(n) for n in range(8)]


def judged(pairs):
    """Rows of hips of two hips a patient, from the true and the predicted layers of necrosis."""
    return [
        crossval_row(Hip(f"P{i // 2:03d}", list(Side)[i % 2]), 0, MASKS[true], MASKS[pred])
        for i, (true, pred) in enumerate(pairs)
    ]


def told(rows):
    return {row.statistic.removeprefix("healthy_hip_"): row for row in healthy_hip_statistics(rows)}


def test_false_lesions_and_missed_ones_are_counted_and_false_volumes_added_up():
    healthy, ill = [(0, 0), (0, 0), (0, 1), (0, 3)], [(4, 4), (5, 0), (2, 7)]
    found = told(judged([*healthy, *ill]))
    assert (found["specificity"].value, found["specificity"].n) == (2 / 4, 4)
    assert (found["ill_hip_sensitivity"].value, found["ill_hip_sensitivity"].n) == (2 / 3, 3)
    assert found["false_positive_ml"].value == pytest.approx((1 + 3) * LAYER_ML / 4)
    assert found["false_positive_percent"].value == pytest.approx((1 + 3) * 2 / 4)
    assert found["false_positive_ml"].note == "no interval: 2 patients, 20 are needed"
    many = told(judged([*healthy, *ill, (3, 3)] * 10))
    assert many["false_positive_ml"].value == found["false_positive_ml"].value
    assert 0 <= many["false_positive_ml"].ci_low <= many["false_positive_ml"].ci_high <= 3 * LAYER_ML


def test_no_false_lesion_is_no_certainty():
    """Wilson's lower limit of n of n is n / (n + t squared), where n is of patients when all hips are alike."""
    found = told(judged([(0, 0)] * 50))
    spared = t.ppf(0.975, 24) ** 2
    assert (found["specificity"].ci_low, found["specificity"].ci_high) == pytest.approx((25 / (25 + spared), 1))
    assert told(judged([(0, 0)] * 9))["specificity"].ci_low is None
    assert found["false_positive_ml"].value == 0


def test_a_healthy_hip_whose_head_was_not_found_is_wrong():
    missed = crossval_row(Hip("P009", Side.LEFT), 0, mask(0), mask(0, layers=0))
    found = told([*judged([(0, 0)]), missed])
    assert found["specificity"].value == 1 / 2
    assert (found["false_positive_percent"].value, found["false_positive_percent"].n) == (0, 1)


def test_without_healthy_hips_it_says_so():
    found = told(judged([(3, 3), (4, 5)]))
    for name in ("specificity", "false_positive_ml", "false_positive_percent"):
        assert (found[name].value, found[name].n) == (None, 0)
        assert "no healthy hip" in found[name].note
    assert all(row.value is None for row in healthy_hip_statistics([]))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=12), st.integers(1, 7))
def test_one_more_false_lesion_never_helps(pairs, more):
    before, after = (told(judged([*pairs, (0, pred)])) for pred in (0, more))
    assert after["specificity"].value < before["specificity"].value
    assert after["false_positive_ml"].value > before["false_positive_ml"].value


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(0, 7)), min_size=1, max_size=6), st.integers(0, 7))
def test_a_healthy_hip_is_in_no_mean_of_the_lesions_overlap(ill, outlined):
    def dice(rows):
        return next(row for row in summarize(rows) if (row.region, row.metric) == (Region.NECROSIS, "dice"))

    alone, beside = dice(judged(ill)), dice(judged([*ill, (0, outlined)]))
    assert (beside.mean, beside.median, beside.n) == (alone.mean, alone.median, alone.n)
    assert beside.n_undefined == alone.n_undefined + 1


def test_tables_of_a_cohort_with_healthy_hips(tmp_path):
    rows = judged([(0, 1), (3, 3), (0, 0), (6, 7)])
    write_tables(tmp_path, rows)
    read = {row.statistic: row for row in read_rows(tmp_path / "agreement.csv", Statistic)}
    assert read["healthy_hip_specificity"].value == 0.5
    of_healthy = {row.metric: row for row in summarize_groups(rows) if (row.group, row.region) == ("none", "necrosis")}
    assert math.isclose(of_healthy["volume_error_ml"].mean, LAYER_ML / 2)
    assert (of_healthy["dice"].n, of_healthy["dice"].n_undefined) == (0, 2)
