"""A lesion that is outlined in a healthy head must cost something."""

import math

import pytest
import torch
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss

from onfh_nnunet.nnunet.loss import NEAR, WEIGHT, WithinHeadLoss

SHAPE = (24, 24, 24)
NONE = -20.0
"""A logit of a voxel that is surely outside."""


def stock():
    """As nnU-Net's trainer makes it for regions in 3d_fullres."""
    dice = {"batch_dice": False, "do_bg": True, "smooth": 1e-5, "ddp": False}
    return DC_and_BCE_loss({}, dice, dice_class=MemoryEfficientSoftDiceLoss)


def head(edge=8):
    mask = torch.zeros(SHAPE)
    mask[:edge, :edge, :edge] = 1
    return mask


def healthy_and_ill(probability):
    """Two hips, both heads found; in the healthy one an eighth of the head is outlined with a probability."""
    lesion, said = head(4), torch.full(SHAPE, NONE)
    said[lesion > 0] = math.log(probability / (1 - probability))
    target = torch.stack([torch.stack([head(), 0 * lesion]), torch.stack([head(), lesion])])
    sure = torch.where(target > 0, -NONE, NONE)
    return torch.stack([torch.stack([sure[0, 0], said]), sure[1]]), target


def cost(loss):
    """What an eighth of a healthy head costs when it is surely called necrotic."""
    return float(loss(*healthy_and_ill(0.99)) - loss(*healthy_and_ill(0.01)))


def test_it_adds_the_cross_entropy_of_necrosis_as_a_share_of_the_head():
    """An eighth of one of two heads, each voxel of -ln(1 - p)."""
    for probability in (0.1, 0.5, 0.9):
        logits, target = healthy_and_ill(probability)
        added = float(WithinHeadLoss(stock())(logits, target) - stock()(logits, target))
        assert added == pytest.approx(-WEIGHT * math.log(1 - probability) / 16, rel=1e-4)


def test_a_lesion_in_a_healthy_head_costs_by_the_head_and_not_by_the_patch():
    """The head has a 27th of the patch, and nnU-Net's mean is over two regions."""
    assert cost(WithinHeadLoss(stock())) == pytest.approx(cost(stock()) * (1 + WEIGHT * 2 * 27), rel=0.02)


def test_a_lesion_costs_as_much_beyond_the_heads_surface_as_within_it():
    """What is added for one voxel; and far from the head nothing is."""
    target = torch.zeros(1, 2, *SHAPE)
    target[0, 0, :8] = 1
    added = []
    for place in (7, 8, 7 + NEAR, 8 + NEAR):
        logits = torch.where(target > 0, -NONE, NONE)
        logits[0, 1] = NONE
        logits[0, 1, place, 12, 12] = 0.0
        added.append(float(WithinHeadLoss(stock())(logits, target) - stock()(logits, target)))
    assert added == pytest.approx([WEIGHT * math.log(2) / (8 * 24 * 24)] * 3 + [0], rel=1e-3, abs=1e-6)


def test_a_patch_without_a_head_is_that_of_nnunet():
    logits, target = torch.randn(2, 2, *SHAPE, generator=torch.Generator().manual_seed(1)), torch.zeros(2, 2, *SHAPE)
    assert float(WithinHeadLoss(stock())(logits, target)) == float(stock()(logits, target))
