"""nnU-Net's loss, and the cross entropy of the necrosis in and near the head."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool3d

WEIGHT = 0.3
"""Of the cross entropy in and near the head. Ours: with 1, a short training outlines heads poorly."""

NEAR = 3
"""Voxels. Beyond the head, so that a lesion at its surface costs as much outside as inside: if it cost less outside, a
lesion would be outlined too large there, and the head with it."""


class WithinHeadLoss(nn.Module):
    """A loss of nnU-Net's for head and necrosis, plus `WEIGHT` times the cross entropy of the necrosis in and near it.

    In a healthy hip nnU-Net's Dice of the necrosis is 0 whatever is outlined, and its cross entropy is a mean over a
    patch of which the head is a small part: a lesion outlined in a healthy head costs next to nothing. Here each voxel
    counts as a share of the true head, up to `NEAR` voxels beyond it.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a batch.

        Args:
            logits: (batch, 2, z, y, x), head and necrosis.
            target: The same shape, 1 or true where the region is.
        """
        head, necrosis = target[:, 0].float(), target[:, 1].float()
        each = binary_cross_entropy_with_logits(logits[:, 1].float(), necrosis, reduction="none")
        near = max_pool3d(head[:, None], 2 * NEAR + 1, 1, NEAR)[:, 0]
        loss: torch.Tensor = self.loss(logits, target) + WEIGHT * (each * near).sum() / head.sum().clamp(min=1)
        return loss
