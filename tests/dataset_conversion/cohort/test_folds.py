import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_conversion.cohort.folds import make_folds
from onfh_nnunet.core.errors import SplitError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.study.dataset import Case


def case(patient, side, grade):
    return Case(
        f"{patient}_{side}", patient, Side(side), "i", "l", side == "L", *(9,) * 3, *(1.0,) * 3, 40, 4, 10, grade
    )


def cohort(grades_of_patients):
    return [
        case(f"P{number:03d}", side, grade)
        for number, grades in enumerate(grades_of_patients)
        for side, grade in zip("RL", grades, strict=False)
    ]


def published_like():
    """63 hips of 42 patients: 22 A, 23 B, 18 C, half of the patients bilateral."""
    grades = [*[Grade.A] * 22, *[Grade.B] * 23, *[Grade.C] * 18]
    random.Random(3).shuffle(grades)
    return cohort([grades[2 * n : 2 * n + 2] for n in range(21)] + [[grade] for grade in grades[42:]])


def test_folds_of_a_cohort_like_the_published_are_even():
    splits = make_folds(published_like(), 4, 1)
    grades = [Counter(row.grade for row in splits.rows if row.fold == fold) for fold in range(4)]
    assert sorted(sum(count.values()) for count in grades) == [15, 16, 16, 16]
    for grade in (Grade.A, Grade.B, Grade.C):
        counts = [count[grade] for count in grades]
        assert max(counts) - min(counts) <= 1


def test_healthy_other_hips_are_a_stratum_of_their_own():
    """40 patients, the other hip of two in five healthy: each fold judges four healthy hips, and trains on twelve."""
    letters = [*[Grade.A] * 22, *[Grade.B] * 23, *[Grade.C] * 19]
    random.Random(5).shuffle(letters)
    patients = [letters[2 * n : 2 * n + 2] for n in range(24)] + [[one, Grade.NONE] for one in letters[48:]]
    splits = make_folds(cohort(patients), 4, 1)
    assert [sum(row.grade is Grade.NONE for row in splits.rows if row.fold == fold) for fold in range(4)] == [4] * 4


cohorts = st.lists(st.lists(st.sampled_from(list(Grade)), min_size=1, max_size=2), min_size=4, max_size=20)


@given(cohorts, st.integers(2, 4), st.integers(0, 5))
def test_patients_stay_together_and_every_hip_is_judged_once(grades, n_folds, seed):
    cases = cohort(grades)
    splits = make_folds(cases, n_folds, seed)
    assert splits.n_folds == n_folds
    assert sorted(row.case_id for row in splits.rows) == sorted(case.case_id for case in cases)
    assert all(len({row.fold for row in splits.rows if row.patient == case.patient}) == 1 for case in cases)


def test_folds_do_not_depend_on_the_order_of_the_cases_but_on_the_seed():
    cases = published_like()
    shuffled = random.Random(0).sample(cases, len(cases))
    assert make_folds(cases, 4, 7) == make_folds(shuffled, 4, 7)
    assert make_folds(cases, 4, 7) != make_folds(cases, 4, 8)


@pytest.mark.parametrize("n_folds", [0, 1, 4])
def test_more_folds_than_patients_are_refused(n_folds):
    with pytest.raises(SplitError, match=rf"{n_folds} folds? of 3 patients"):
        make_folds(cohort([[Grade.A, Grade.B], [Grade.A], [Grade.C]]), n_folds, 1)
