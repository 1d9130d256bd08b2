"""Study sizes against closed forms, and against the widths of the intervals that cohorts of such a size have."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student_t
from statsmodels.stats.proportion import proportion_confint, samplesize_confint_proportion

from onfh_nnunet.core.choices import StudyFigure
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.workflows.plan_study import plan_study
from postprocessing.statistics.agreement import limits_of_agreement
from postprocessing.statistics.descriptive import describe
from postprocessing.statistics.grade_agreement import grade_statistics
from postprocessing.statistics.intervals import wilson
from postprocessing.statistics.measures import mean, statistic
from postprocessing.statistics.sample import Sample
from postprocessing.statistics.study_size import (
    ASSUMPTIONS,
    GRADED,
    kappa_at_worst,
    kappa_width,
    share_width,
    study_size,
)

ALONE = {"hips_per_patient": 1.0}


def test_sizes_of_large_studies_are_the_textbooks():
    share = study_size(StudyFigure.SHARE, 0.04, expected=0.7, **ALONE)
    assert share.hips == pytest.approx(samplesize_confint_proportion(0.7, 0.02), rel=0.01)
    limits = study_size(StudyFigure.LIMITS, 0.4, sd=2, **ALONE)
    assert limits.hips == pytest.approx(
        (2 * 1.96 * 2 / 0.4) ** 2 * (1 + 1.96**2 / 2), rel=0.01
    )  # variance 2.92 SD^2 / n
    dice = study_size(StudyFigure.DICE, 0.01, sd=0.05, **ALONE)
    assert dice.hips == pytest.approx((2 * 1.96 * 0.05 / 0.01) ** 2 * math.pi / 2, rel=0.01)


@given(st.floats(0, 1), st.integers(20, 500))
def test_width_of_a_share_is_that_of_statsmodels(share, n):
    low, high = proportion_confint(share * n, n, method="wilson")
    assert share_width(share, n, norm.ppf(0.975)) == pytest.approx(high - low)


@given(st.sampled_from(list(StudyFigure)), st.floats(0.05, 1), st.floats(1, 2), st.floats(0, 1))
def test_the_size_is_the_least_that_is_enough(figure, width, hips_per_patient, correlation):
    size = study_size(figure, width, hips_per_patient=hips_per_patient, correlation=correlation)
    assert size.reached <= width
    assert size.patients >= 20
    assert size.patients <= size.hips <= 2 * size.patients
    plan, effect = ASSUMPTIONS[figure], 1 + 2 * correlation * (1 - 1 / hips_per_patient)
    fewer = (size.patients - 1) * hips_per_patient / effect
    assert size.patients == 20 or plan.width(plan.value, fewer, student_t.ppf(0.975, size.patients - 2)) > width
    more = study_size(figure, width / 1.5, hips_per_patient=hips_per_patient, correlation=correlation)
    assert more.patients >= size.patients


def test_second_hips_add_nothing_where_they_are_alike_and_all_where_they_are_not():
    one = study_size(StudyFigure.SHARE, 0.1, hips_per_patient=1)
    alike = study_size(StudyFigure.SHARE, 0.1, hips_per_patient=2, correlation=1)
    assert (alike.patients, alike.hips) == (one.patients, 2 * one.hips)
    free = study_size(StudyFigure.SHARE, 0.1, hips_per_patient=2, correlation=0)
    assert free.hips == pytest.approx(one.hips, abs=4)


def drawn(rng, size, m=1.6, r=0.5):
    """Patients of a study, and errors of their hips with the correlation r."""
    two = rng.random(size.patients) < m - 1
    who = np.repeat(np.arange(size.patients), 1 + two)
    shared, own = rng.normal(size=size.patients)[who], rng.normal(size=len(who))
    return [f"P{i}" for i in who], math.sqrt(r) * shared + math.sqrt(1 - r) * own


def dice_width(rng, size):
    patients, errors = drawn(rng, size)
    row = describe((0.85 + size.assumed * errors).tolist(), patients)
    return row.ci_high - row.ci_low


def limits_width(rng, size):
    patients, errors = drawn(rng, size)
    row = limits_of_agreement("points", patients, [(0.0, float(size.assumed * error)) for error in errors])[2]
    return row.ci_high - row.ci_low


def share_width_of(rng, size):
    patients, errors = drawn(rng, size)
    row = statistic(mean("m", (norm.cdf(errors) < size.assumed).astype(float), wilson), Sample.of(patients))
    return row.ci_high - row.ci_low


def kappa_width_of(rng, size):
    patients, errors = drawn(rng, size)
    grades = [Grade.A, Grade.B, Grade.C]
    true = rng.choice(3, len(patients), p=GRADED / GRADED.sum())
    lost = (1 - size.assumed) / (1 - kappa_at_worst())
    wrong = norm.cdf(errors) < lost
    beside = np.where(true == 0, 1, np.where(true == 2, 1, rng.choice([0, 2], len(true))))
    pairs = [(grades[a], grades[b if w else a]) for a, b, w in zip(true, beside, wrong, strict=True)]
    row = {one.statistic: one for one in grade_statistics(patients, pairs)}["kappa_linear_abc"]
    return row.ci_high - row.ci_low


@pytest.mark.parametrize(
    ("figure", "width_of"),
    [
        (StudyFigure.DICE, dice_width),
        (StudyFigure.LIMITS, limits_width),
        (StudyFigure.SHARE, share_width_of),
        (StudyFigure.KAPPA, kappa_width_of),
    ],
)
def test_cohorts_of_the_size_have_intervals_of_the_width(figure, width_of):
    """Within a seventh: hips that are graded differently are less correlated than what makes them so."""
    size = study_size(figure)
    rng = np.random.default_rng(5)
    found = np.mean([width_of(rng, size) for _ in range(60)])
    assert found == pytest.approx(size.width, rel=1 / 7)


def test_width_of_kappa_is_that_of_the_hips_graded_differently():
    chance = 1 - (1 - kappa_at_worst()) ** -1 / 2  # one grade apart weighs one half
    p = GRADED / GRADED.sum()
    assert chance == pytest.approx(1 - (p[0] * p[1] + p[1] * p[2] + 2 * p[0] * p[2]))
    assert kappa_width(1, 50, 2) == pytest.approx(2**2 / (50 + 2**2) * (1 - kappa_at_worst()))  # Wilson's of 50 of 50


def test_all_figures_are_planned_for_by_default():
    found = plan_study()
    assert [one.figure for one in found] == list(StudyFigure)
    assert all(one.source != "given" and one.method for one in found)
    (share,) = plan_study("share", 0.1, expected=0.9, hips_per_patient=1)
    low, high = proportion_confint(
        0.9 * 144, 144, method="wilson", alpha=2 * student_t.sf(student_t.ppf(0.975, 143), 1e9)
    )
    assert (share.patients, share.source, share.reached) == (144, "given", pytest.approx(high - low))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"figure": "share", "width": 0}, "`width` 0: cannot be, expected a number above 0"),
        ({"figure": "share", "width": math.nan}, "`width` nan"),
        ({"figure": "share", "width": 1e-5}, "needs more than a million patients"),
        ({"figure": "share", "expected": 94}, "`expected` 94: cannot be, expected 0 to 1"),
        ({"figure": "kappa", "expected": 0.926, "sd": 2}, "is given as `sd` for kappa"),
        ({"figure": "kappa", "expected": -0.5}, "`expected` -0.5"),
        ({"figure": "dice", "sd": 0}, "`sd` 0"),
        ({"figure": "limits", "expected": 3}, "Give `sd`"),
        ({"figure": "limits", "hips_per_patient": 3}, "`hips_per_patient` 3: cannot be, expected 1 to 2"),
        ({"figure": "limits", "correlation": -1}, "`correlation` -1"),
        ({"figure": "auc"}, "expected one of dice, kappa, limits, share"),
    ],
)
def test_impossible_wishes_are_refused(given, message):
    with pytest.raises(OnfhError, match=message):
        plan_study(**given)
