import pytest
from hypothesis import given
from hypothesis import strategies as st

from onfh_nnunet.core.errors import SplitError
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.study.splits import FoldRow, Splits


def row(case_id, fold):
    return FoldRow(case_id, case_id.rpartition("_")[0], Grade.A, fold)


GOOD = (row("P1_L", 0), row("P1_R", 0), row("P2_L", 1))


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ((*GOOD, row("P2_R", 0)), "patient P2 is|patient P2: is in folds"),
        ((*GOOD, row("P2_L", 1)), "appears twice"),
        ((row("P1_L", 0), row("P2_L", 2)), "expected 0, 1"),
        ((row("P1_L", 0),), "expected 0, 1"),
        ((), "expected 0, 1"),
    ],
)
def test_folds_that_leak_or_lack_are_refused(rows, match):
    with pytest.raises(SplitError, match=match):
        Splits(rows)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=8, max_size=40))
def test_every_case_is_judged_once_and_no_patient_is_on_both_sides(drawn):
    folds = [0, 1, 2, 3] + [fold for fold, _ in drawn]
    rows = [row(f"P{i}_R", fold) for i, fold in enumerate(folds)]
    splits = Splits(tuple(rows))
    assert sorted(case for fold in range(4) for case in splits.validation(fold)) == sorted(r.case_id for r in rows)
    for split in splits.for_nnunet():
        assert not set(split["train"]) & set(split["val"])
        assert len(split["train"]) + len(split["val"]) == len(rows)


def test_folds_survive_the_file(tmp_path):
    Splits(GOOD).write(tmp_path / "folds.csv")
    assert Splits.read(tmp_path / "folds.csv") == Splits(GOOD)


def test_patient_of_another_case_is_refused(tmp_path):
    Splits((FoldRow("P1_L", "P9", Grade.A, 0), row("P2_L", 1))).write(tmp_path / "folds.csv")
    with pytest.raises(SplitError, match="listed under patient P9"):
        Splits.read(tmp_path / "folds.csv")


@pytest.mark.parametrize("fold", [-1, 2, 4])
def test_fold_that_does_not_exist_is_refused(fold):
    with pytest.raises(SplitError, match="does not exist"):
        Splits(GOOD).validation(fold)
