"""The loss that the bundled model learned with, and who teaches which fold."""

import math

import numpy as np
import pytest
import torch

from recipes.real_bank import Bank, BoxRow
from recipes.train_real import FOLDS, NEAR, Folds, loss

EDGE = 24


def logits_of(labels, wrong=()):
    """Sure and right, but for some voxels that are undecided between necrosis and none."""
    truth = torch.stack([labels > 0, labels == 2])[None].float()
    logits = torch.where(truth > 0, 20.0, -20.0)
    for place in wrong:
        logits[0, 1][place] = 0.0
    return logits


@pytest.fixture
def labels():
    """A head of half a cube, viable."""
    half = torch.zeros(EDGE, EDGE, EDGE, dtype=torch.long)
    half[: EDGE // 2] = 1
    return half


def test_right_answers_cost_nothing(labels):
    assert float(loss(logits_of(labels), labels[None])) == pytest.approx(0, abs=1e-3)


def test_a_doubt_costs_the_same_on_both_sides_of_the_heads_surface(labels):
    inside, outside, far = (
        float(loss(logits_of(labels, [(z, 12, 12)]), labels[None])) for z in (11, 12, EDGE // 2 + NEAR)
    )
    assert inside == pytest.approx(outside, rel=1e-4)
    near = EDGE * EDGE * (EDGE // 2 + NEAR)
    assert outside - far == pytest.approx(math.log(2) / near, rel=1e-3)


def test_a_fold_learns_from_no_scan_of_its_own():
    rows = tuple(BoxRow(scan, turn) for scan in range(12) for turn in range(3))
    bank = Bank(rows, np.zeros(len(rows)), np.zeros(len(rows)))
    for fold in range(FOLDS):
        taught = Folds(None, fold).scans(bank)
        assert len(taught) == 9
        assert not {scan for scan in taught if scan % FOLDS == fold}
        assert all(rows[n].scan in taught for n in bank.numbers(taught, healthy=False))
        assert {rows[n].turn for n in bank.numbers(taught, healthy=True)} == {0}
    assert Folds(None, None).scans(bank) == list(range(12))
