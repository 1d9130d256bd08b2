import json
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, t
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from postprocessing.statistics.agreement import GradePair, agreement, amount_agreement, confusion_rows
from postprocessing.statistics.grade_agreement import SEVERITY
from postprocessing.statistics.intervals import wilson_interval
from postprocessing.statistics.kappa import disagreement_weights, gwet_coefficient, kappa, observed_agreement
from postprocessing.statistics.published import KAPPA_NOTE
from postprocessing.statistics.reliability import bland_altman, icc_2_1, icc_3_1, lin_ccc
from tests.helpers.paths import REAL

REFERENCE = REAL / "stats-reference"

COEFFICIENTS = [
    *(f"agreement_{name}" for name in ("unweighted", "linear", "quadratic")),
    *(f"kappa_{name}" for name in ("unweighted", "linear", "quadratic")),
    *("gwet_ac1", "gwet_ac2_linear", "gwet_ac2_quadratic"),
]
GRADES = ["accuracy", *COEFFICIENTS, *(f"{name}_abc" for name in COEFFICIENTS)]
PERCENTS = [
    *("icc_2_1_percent", "icc_3_1_percent", "lin_ccc_percent"),
    *(f"bland_altman_{name}_points" for name in ("bias", "lower", "upper")),
]
NAMES = [*GRADES, *PERCENTS]
POWERS = {"unweighted": 0, "linear": 1, "quadratic": 2}

# Shrout & Fleiss, Psychol Bull 1979;86:420, table 2: six targets, four judges; ICC(2,1) is .29 and ICC(3,1) .71.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)

# Cohen, Psychol Bull 1968;70:213, table 1: 200 patients, three diagnoses, and the weights of their confusion.
COHEN = 200 * np.array([[0.44, 0.07, 0.09], [0.05, 0.20, 0.05], [0.01, 0.03, 0.06]])
COHEN_WEIGHTS = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]]) / 6

# Bland & Altman, Lancet 1986;1:307, table 1: peak flow of 17 people, first with the large and then with the mini meter.
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]

# Feinstein & Cicchetti, J Clin Epidemiol 1990;43:543: nearly all cases of one kind, high agreement, kappa below zero.
PARADOX = np.array([[118, 5], [2, 0]], float)
# Gwet, Handbook of Inter-Rater Reliability, 2014, two abstractors of pregnancies; values of the package irrCAC.
ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]], float)

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
        GradePair(f"P{i % n_patients:03d}", steinberg_grade(t, 100), steinberg_grade(p, 100), float(t), float(p))
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
    assert kappa(table, disagreement_weights(len(table), power)) == pytest.approx(published, abs=5e-5)


def test_weighted_kappa_is_that_of_cohens_own_example():
    assert kappa(COHEN, disagreement_weights(3, 0)) == pytest.approx(0.492, abs=5e-4)
    assert kappa(COHEN, COHEN_WEIGHTS) == pytest.approx(0.348, abs=5e-4)


@pytest.mark.parametrize(("power", "published"), [(0, 0.84933), (1, 0.90002), (2, 0.94024)])
def test_gwet_is_the_published_one(power, published):
    assert gwet_coefficient(ABSTRACTORS, disagreement_weights(3, power)) == pytest.approx(published, abs=1e-5)


def test_gwet_keeps_its_sense_where_kappa_loses_it():
    weights = disagreement_weights(2, 0)
    assert kappa(PARADOX, weights) == pytest.approx(-0.0234, abs=1e-4)
    assert gwet_coefficient(PARADOX, weights) == pytest.approx(
        0.9408, abs=1e-4
    )  # Gwet, Br J Math Stat Psychol 2008;61:29
    assert np.isnan(kappa(np.diag([5.0, 0, 0]), disagreement_weights(3, 1)))
    assert gwet_coefficient(np.diag([5.0, 0, 0]), disagreement_weights(3, 1)) == 1


@pytest.mark.parametrize(("name", "power"), [(None, 0), ("linear", 1), ("quadratic", 2)])
def test_kappa_of_a_table_is_that_of_statsmodels(name, power):
    table = np.random.default_rng(0).integers(0, 9, (4, 4)).astype(float)
    theirs = cohens_kappa(table, wt=name, return_results=False)
    assert kappa(table, disagreement_weights(4, power)) == pytest.approx(theirs)


@pytest.mark.real_data
def test_reference_values_of_other_packages_are_ours():
    path = REFERENCE / "reference_values.json"
    if not path.is_file():
        pytest.skip(f"no {path}: set ONFH_TEST_DATA")
    reference = json.loads(path.read_text(encoding="utf-8"))
    ratings = np.array(reference["icc"]["data"])
    _, icc2, icc3, *_ = reference["icc"]["values"]
    once = np.ones((1, len(ratings)))
    assert (icc_2_1(ratings, once)[0], icc_3_1(ratings, once)[0]) == pytest.approx((icc2, icc3), abs=0.005)
    for entry in reference["weighted_kappa"]:
        pairs = np.array(entry["ratings"]) if "ratings" in entry else None
        used = np.unique(pairs) if pairs is not None else None
        table = np.array(entry["table"]) if pairs is None else np.zeros((len(used), len(used)))
        for first, second in [] if pairs is None else np.searchsorted(used, pairs):
            table[first, second] += 1
        for name in POWERS.keys() & entry.keys():
            assert kappa(table, disagreement_weights(len(table), POWERS[name])) == pytest.approx(entry[name], abs=5e-5)


grades = st.lists(st.tuples(st.sampled_from(SEVERITY), st.sampled_from(SEVERITY)), min_size=1, max_size=30)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@given(grades)
def test_kappa_is_that_of_scikit_learn(pairs):
    found = values([GradePair(f"P{i}", true, pred, 1.0, 1.0) for i, (true, pred) in enumerate(pairs)])
    true, pred = ([str(grade) for grade in side] for side in zip(*pairs, strict=True))
    for name in POWERS:
        weights = None if name == "unweighted" else name
        theirs = cohen_kappa_score(true, pred, labels=[str(grade) for grade in SEVERITY], weights=weights)
        ours = found[f"kappa_{name}"].value
        one_class = len({*true, *pred}) == 1
        assert ours is None if one_class else ours == pytest.approx(theirs)


def test_note_on_the_published_kappa_is_true_of_every_table_that_it_may_come_from():
    adjacent = [(0, 1), (1, 0), (1, 2), (2, 1)]
    found = []
    for cells in combinations_with_replacement(adjacent, 4):
        table = np.diag([22.0, 23.0, 18.0])  # 22 A, 23 B, 18 C by reference, four graded next to it
        for true, pred in cells:
            table[true, true] -= 1
            table[true, pred] += 1
        row = [kappa(table, disagreement_weights(3, power)) for power in (0, 1, 2)]
        row += [gwet_coefficient(table, disagreement_weights(3, power)) for power in (1, 2)]
        row.append(observed_agreement(table, disagreement_weights(3, 2)))
        row.append(gwet_coefficient(np.pad(table, ((1, 0), (1, 0))), disagreement_weights(4, 2)))  # none is unused
        ratings = np.repeat([*np.ndindex(3, 3)], table.ravel().astype(int), axis=0).astype(float)
        found.append([*row, icc_2_1(ratings, np.ones((1, 63)))[0]])
    assert len(found) == 35
    low, high = np.min(found, axis=0).round(3), np.max(found, axis=0).round(3)
    assert [*zip(low[:3], high[:3], strict=True)] == [(0.904, 0.905), (0.924, 0.929), (0.947, 0.952)]
    assert (low[3:5].min(), high[3:5].max()) == (0.929, 0.954)
    assert low[5] == high[5] == 0.984
    assert [*zip(low[6:], high[6:], strict=True)] == [(0.98, 0.981), (0.947, 0.953)]
    for number in ("0.904-0.905", "0.924-0.929", "0.947-0.952", "0.929-0.954", "0.984", "0.980-0.981", "0.947-0.953"):
        assert number in KAPPA_NOTE


def test_icc_is_the_published_one():
    assert icc_2_1(SHROUT_FLEISS, np.ones((1, 6)))[0] == pytest.approx(0.29, abs=0.005)
    assert icc_3_1(SHROUT_FLEISS, np.ones((1, 6)))[0] == pytest.approx(0.71, abs=0.005)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::RuntimeWarning")  # theirs
@pytest.mark.parametrize("seed", range(3))
def test_icc_is_that_of_pingouin(seed):
    rng = np.random.default_rng(seed)
    ratings = rng.normal(20, 9, (15, 1)) + rng.normal(0, 3, (15, 2)) + [0, 1.5]
    long = pd.DataFrame(ratings).melt(ignore_index=False, var_name="rater").reset_index(names="target")
    theirs = pingouin.intraclass_corr(long, "target", "rater", "value").set_index("Type")["ICC"]
    once = np.ones((1, 15))
    assert icc_2_1(ratings, once)[0] == pytest.approx(theirs.filter(regex=r"ICC2$|ICC\(A,1\)").item())
    assert icc_3_1(ratings, once)[0] == pytest.approx(theirs.filter(regex=r"ICC3$|ICC\(C,1\)").item())


@pytest.mark.parametrize("statistic", [icc_2_1, icc_3_1, lin_ccc])
def test_weighted_target_is_the_repeated_target(statistic):
    ratings, weights = SHROUT_FLEISS[:, :2], np.array([[2, 0, 1, 3, 1, 1]], float)
    repeated = np.repeat(ratings, weights[0].astype(int), axis=0)
    assert statistic(ratings, weights)[0] == pytest.approx(statistic(repeated, np.ones((1, 8)))[0])


def test_constant_shift_is_punished_by_absolute_agreement_and_forgiven_by_consistency():
    true = np.linspace(0, 40, 9)
    once = np.ones((1, 9))
    for statistic in (icc_2_1, icc_3_1, lin_ccc):
        assert statistic(np.column_stack([true, true]), once)[0] == pytest.approx(1)
    # Mean squares in closed form: between targets 2 var, between raters n shift^2 / 2, error 0.
    var, shift = true.var(ddof=1), 10
    shifted = np.column_stack([true, true + shift])
    assert icc_2_1(shifted, once)[0] == pytest.approx(2 * var / (2 * var + shift**2))
    assert icc_3_1(shifted, once)[0] == pytest.approx(1)
    assert lin_ccc(shifted, once)[0] == pytest.approx(2 * true.var() / (2 * true.var() + shift**2))


def test_concordance_is_correlation_times_bias_correction():
    # Lin, Biometrics 1989;45:255: rho_c = rho * C_b, C_b = 2 / (v + 1/v + u^2).
    x, y = np.array([LARGE, MINI], float)
    v, u = x.std() / y.std(), (x.mean() - y.mean()) / np.sqrt(x.std() * y.std())
    expected = np.corrcoef(x, y)[0, 1] * 2 / (v + 1 / v + u**2)
    assert lin_ccc(np.column_stack([x, y]), np.ones((1, 17)))[0] == pytest.approx(expected)


@settings(max_examples=25)
@given(st.floats(-100, 100), st.integers(1, 12))
def test_without_any_variance_nothing_is_correlated(value, n):
    ratings = np.full((n, 2), value)
    for statistic in (icc_2_1, icc_3_1, lin_ccc):
        assert np.isnan(statistic(ratings, np.ones((1, n)))[0])


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(59, 63, 0.848, 0.975), (0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0)]
)
def test_accuracy_of_one_hip_a_patient_has_wilsons_interval(successes, n, low, high):
    row = cohort(noise=0)[0]
    rows = [replace(row, patient=f"P{i}", grade_pred=row.grade_true if i < successes else Grade.NONE) for i in range(n)]
    accuracy = agreement(rows)[0]
    assert (accuracy.value, accuracy.n, accuracy.n_patients) == (successes / n, n, n)
    # Student's quantile of n - 1 degrees of freedom takes the place of 1.96: ends up to 0.023 further out for 20.
    assert (accuracy.ci_low, accuracy.ci_high) == pytest.approx((low, high), abs=0.023)
    assert accuracy.ci_low <= low + 5e-4
    assert accuracy.ci_high >= high - 5e-4


@given(st.integers(1, 200), st.floats(0, 1))
def test_interval_of_a_share_is_scipys(n, share):
    right = round(share * n)
    theirs = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right / n, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_limits_of_agreement_are_the_published_ones():
    ratings, once = np.array([MINI, LARGE], float).T, np.ones((1, 17))  # large minus mini
    bias, lower, upper = (bland_altman(ratings, limit, once)[0] for limit in (0, -1, 1))
    assert bias == pytest.approx(-2.1, abs=0.05)
    spread = (upper - bias) / 1.959964
    assert spread == pytest.approx(38.8, abs=0.05)
    assert (bias - 2 * spread, bias + 2 * spread) == pytest.approx((-79.7, 75.5), abs=0.1)  # printed with 2 SD
    assert lower == pytest.approx(bias - 1.96 * spread, abs=0.01)


def test_intervals_of_the_limits_are_those_of_the_normal_distribution():
    # Bland & Altman 1986: the standard error of a limit is about sqrt(3 SD^2 / n).
    rng = np.random.default_rng(5)
    pairs = [(float(x), float(x + e)) for x, e in zip(rng.uniform(5, 40, 300), rng.normal(1, 2, 300), strict=True)]
    found = {row.statistic: row for row in amount_agreement("percent", "points", [f"P{i}" for i in range(300)], pairs)}
    half = 1.96 * np.sqrt(3 * 4 / 300)
    for name in ("lower", "upper"):
        row = found[f"bland_altman_{name}_points"]
        assert (row.ci_high - row.ci_low) / 2 == pytest.approx(half, rel=0.2)


def test_bland_altman_in_closed_form():
    ratings = np.array([[10, 12], [20, 20], [30, 28], [5, 9]], float)  # differences 2, 0, -2, 4: mean 1, SD sqrt(20/3)
    bias, lower, upper = (bland_altman(ratings, limit, np.ones((1, 4)))[0] for limit in (0, -1, 1))
    half = 1.959964 * np.sqrt(20 / 3)
    assert (bias, lower, upper) == pytest.approx((1, 1 - half, 1 + half))


def test_every_statistic_has_its_row_in_order_and_intervals_hold_their_value():
    rows = agreement(cohort())
    assert [row.statistic for row in rows] == NAMES
    assert all(row.ci_low <= row.value <= row.ci_high and (row.n, row.n_patients) == (63, 42) for row in rows)
    assert rows == agreement(cohort())


def test_clustered_interval_is_wider_than_that_of_independent_hips():
    twins = [row for row in cohort(n_patients=30, n=30) for _ in range(2)]
    strangers = [
        GradePair(f"P{i}", row.grade_true, row.grade_pred, row.percent_true, row.percent_pred)
        for i, row in enumerate(twins)
    ]
    clustered, independent = (values(rows)["bland_altman_bias_points"] for rows in (twins, strangers))
    assert clustered.value == independent.value
    ratio = (clustered.ci_high - clustered.ci_low) / (independent.ci_high - independent.ci_low)
    assert ratio == pytest.approx(np.sqrt(2), rel=0.15)


def test_one_grade_only_has_no_kappa():
    found = values([GradePair(f"P{i}", Grade.B, Grade.B, 20.0 + i, 21.0 + i) for i in range(5)])
    for name in POWERS:
        row = found[f"kappa_{name}"]
        assert (row.value, row.ci_low, row.ci_high, row.n) == (None, None, None, 5)
        assert row.note == "undefined: both graded every hip alike, with one grade"
    assert (found["accuracy"].value, found["gwet_ac1"].value, found["gwet_ac2_quadratic"].value) == (1, 1, 1)
    assert found["bland_altman_bias_points"].value == pytest.approx(1)


def test_one_patient_has_values_and_no_bootstrap_interval():
    found = values([GradePair("P1", Grade.A, Grade.A, 5.0, 6.0), GradePair("P1", Grade.B, Grade.C, 20.0, 31.0)])
    assert found["bland_altman_bias_points"].value == pytest.approx(6)
    assert found["bland_altman_bias_points"].ci_low is None
    assert found["bland_altman_bias_points"].note == "no interval: 1 patient, 20 are needed"
    assert found["accuracy"].ci_low is None


def test_one_hip_has_an_accuracy_and_says_why_it_has_no_more():
    found = values([GradePair("P1", Grade.A, Grade.B, 14.0, 16.0)])
    assert (found["accuracy"].value, found["kappa_linear"].value) == (0, 0)
    assert found["bland_altman_bias_points"].value == pytest.approx(2)
    assert found["bland_altman_upper_points"].note == "undefined: one hip has no spread"
    assert found["icc_2_1_percent"].note.startswith("undefined: fewer than two hips")


def test_one_disagreement_has_an_interval_and_none_has_a_lower_end():
    # One of twenty patients is graded differently: kappa is undefined without any, and Wilson's interval is not.
    grades = [Grade.A, Grade.B, Grade.C, Grade.B] * 5
    rows = [GradePair(f"P{i}", grade, grade, None, None) for i, grade in enumerate(grades)]
    one = values([replace(rows[0], grade_pred=Grade.B), *rows[1:]])["kappa_linear"]
    assert 0 < one.ci_low < one.value < one.ci_high < 1
    perfect = values(rows)
    for name in GRADES:
        row = perfect[name]
        assert (row.value, row.ci_high) == (1, 1)
        assert 0.5 < row.ci_low < 1
        assert "no hip is graded differently" in row.note or name == "accuracy"
    # Wilson's lower end for 20 of 20 is n / (n + t^2); kappa's is 1 - (1 - that) / E, E = 1 - (25 + 100 + 25) / 400.
    spared = t.ppf(0.975, 19) ** 2
    assert perfect["accuracy"].ci_low == pytest.approx(20 / (20 + spared))
    assert perfect["kappa_unweighted"].ci_low == pytest.approx(1 - spared / (20 + spared) / (1 - 150 / 400))


def test_scales_are_all_four_grades_and_a_b_c_alone():
    rows = [
        *cohort(),
        GradePair("P099", Grade.NONE, Grade.NONE, 0.0, 0.0),
        GradePair("P098", Grade.A, Grade.NONE, 1, 0),
    ]
    found = values(rows)
    for grades, ending in (("ABC", "_abc"), (("none", *"ABC"), "")):
        table = np.array([[sum((r.grade_true, r.grade_pred) == (a, b) for r in rows) for b in grades] for a in grades])
        for name, power in POWERS.items():
            weights = disagreement_weights(len(grades), power)
            gwet = f"gwet_ac2_{name}" if power else "gwet_ac1"
            assert found[f"kappa_{name}{ending}"].value == pytest.approx(kappa(table.astype(float), weights))
            assert found[f"{gwet}{ending}"].value == pytest.approx(gwet_coefficient(table.astype(float), weights))
            assert found[f"kappa_{name}{ending}"].n == table.sum()
    assert found["kappa_linear_abc"].note == "hips with a grade none are left out: 2"
    assert found["kappa_linear"].note == ""


def errors_of(row):
    """The same hip, graded differently by either reading."""
    others = [grade for grade in SEVERITY if grade is not row.grade_true]
    return [replace(row, grade_pred=grade) for grade in others] + [replace(row, grade_true=grade) for grade in others]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SEVERITY), st.sampled_from(SEVERITY)), min_size=2, max_size=25))
def test_one_more_error_raises_no_statistic_that_does_not_say_so(pairs):
    rows = [GradePair(f"P{i}", true, pred, None, None) for i, (true, pred) in enumerate(pairs)]
    before = values(rows)
    for place in {pair: i for i, pair in enumerate(pairs) if pair[0] is pair[1]}.values():
        for worse in errors_of(rows[place]):
            after = values([*rows[:place], worse, *rows[place + 1 :]])
            for name in GRADES:
                was, now = before[name].value, after[name].value
                if was is not None and now is not None and now > was + 1e-9:
                    assert "one more error may raise it" in before[name].note, (name, pairs, worse)
                    assert not name.startswith(("accuracy", "agreement"))


def test_statistics_of_a_good_model_never_rise_with_an_error():
    # 59 of 63 hips right, and four healthy ones: all coefficients are far from where chance turns them round.
    counts = {"none": 4, "A": 22, "B": 23, "C": 18}
    pairs = [(grade, grade) for grade, n in counts.items() for _ in range(n)]
    pairs[4:6], pairs[26:28] = [("A", "B")] * 2, [("B", "C")] * 2
    rows = [GradePair(f"P{i}", Grade(true), Grade(pred), None, None) for i, (true, pred) in enumerate(pairs)]
    before = values(rows)
    assert not any("may raise" in before[name].note for name in GRADES)
    read_as_none = [replace(rows[-30], grade_true=Grade.A, grade_pred=Grade.NONE), *rows[:-30], *rows[-29:]]
    right = [replace(rows[-30], grade_true=Grade.A, grade_pred=Grade.A), *rows[:-30], *rows[-29:]]
    right, wrong = values(right), values(read_as_none)
    assert all(wrong[name].value < right[name].value for name in GRADES if not name.endswith("_abc"))
    assert all(wrong[name].value <= right[name].value for name in GRADES)


def test_paradox_of_kappa_is_noted():
    # Feinstein & Cicchetti 1990: kappa is below zero, and rises when one of the 118 is read as the rare grade.
    pairs = [("A", "A")] * 118 + [("A", "B")] * 5 + [("B", "A")] * 2
    found = values([GradePair(f"P{i}", Grade(a), Grade(b), None, None) for i, (a, b) in enumerate(pairs)])
    assert "one more error may raise it" in found["kappa_unweighted"].note
    assert found["agreement_unweighted"].note == ""


def test_hip_without_a_percentage_is_counted_out_and_n_says_so():
    found = values([*cohort(), GradePair("P099", Grade.A, Grade.NONE, 4.0, None)])
    assert (found["accuracy"].n, found["icc_2_1_percent"].n) == (64, 63)


def test_no_hips_have_no_values():
    rows = agreement([])
    assert [row.statistic for row in rows] == NAMES
    assert all((row.value, row.ci_low, row.ci_high, row.n, row.n_patients) == (None, None, None, 0, 0) for row in rows)
    assert all(row.note == "no hips" for row in rows)


def test_confusion_counts_true_in_rows_and_predicted_in_columns():
    readings = [GradePair("P1", Grade.A, Grade.B, 1.0, 1.0)] * 3 + [GradePair("P2", Grade.NONE, Grade.C, 0.0, 40.0)]
    rows = {row.true: row for row in confusion_rows(readings)}
    assert list(rows) == ["A", "B", "C", "none"]
    assert rows[Grade.A].B == 3
    assert rows[Grade.NONE].C == 1
    assert sum(row.A + row.B + row.C + row.none for row in rows.values()) == 4
