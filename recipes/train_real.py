"""Train on real heads with implants and on drawn hips, from a network that knows drawn hips.

    python -m recipes.train_real START.safetensors BANK OUT.safetensors --round 0 [--fold 0]

The second round, 1, starts from the weights of the first. With a fold, it sees the scans of the other three: scan n of
the cohort is of fold n modulo `FOLDS`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from onfh_nnunet.core.labels import Label
from recipes.deepen import read_network, write
from recipes.real_bank import Bank
from recipes.real_heads import real_example
from recipes.train_synthetic import Round
from recipes.train_synthetic import examples as drawn_examples
from recipes.training_loop import Example, train

FOLDS = 4
NEAR = 3
CAUTION = "the model learned from drawn and painted lesions alone: not for patients"
REAL, HEALTHY = 0.75, 0.2
"""Shares: real among all examples, healthy among the real ones."""


ROUNDS = (Round(1000, 1.5e-3, 300, share_of_others=0.2), Round(2000, 1.5e-3, 700, share_of_others=0.2))


def fold_of(scan: int) -> int:
    """The fold of scan n of a cohort."""
    return scan % FOLDS


@dataclass(frozen=True)
class Folds:
    """Which scans of a bank teach."""

    bank: Path
    fold: int | None

    def scans(self, bank: Bank) -> list[int]:
        """All, or those outside the fold."""
        return [scan for scan in bank.scans if self.fold is None or fold_of(scan) != self.fold]


def main() -> None:
    """Train and write the model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("start", "bank", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--fold", type=int, choices=range(FOLDS))
    parser.add_argument("--round", type=int, choices=range(len(ROUNDS)), required=True)
    options = parser.parse_args()
    network = read_network(options.start)
    own = ROUNDS[options.round]
    training = {"recipe": "recipes/train_real.py", "iterations": own.iterations, "torch": version("torch")}
    train(
        network,
        partial(examples, folds=Folds(options.bank, options.fold), share_of_others=own.share_of_others),
        loss,
        own.iterations,
        own.learning_rate,
        own.seed,
        lambda: write(options.out, network, training, CAUTION),
    )


def examples(seed: int, folds: Folds, share_of_others: float) -> Iterator[Example]:
    """Endless random boxes, most of real heads; of a lesion the more often, the smaller its radius."""
    rng, bank = np.random.default_rng(seed), Bank.read(folds.bank)
    scans = folds.scans(bank)
    healthy, ill = (bank.numbers(scans, healthy=which) for which in (True, False))
    chances = np.cbrt([1 / max(bank.lesion_voxels(number), 1) for number in ill])
    chances /= chances.sum()
    drawn = drawn_examples(seed, share_of_others)
    while True:
        if rng.random() >= REAL:
            yield next(drawn)
            continue
        number = rng.choice(healthy) if rng.random() < HEALTHY else rng.choice(ill, p=chances)
        yield real_example(bank.box(number), rng)


def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy plus Dice of each box, as in nnU-Net, plus the cross entropy of necrosis in and near the head.

    The Dice is one of each box, so that a lesion of 0.3 ml counts as much as one of 15. Without the last, a lesion in
    a healthy head costs next to nothing. It reaches `NEAR` voxels beyond the head: if it ended at its surface, a
    lesion there would cost less outside than inside, and be outlined too large.
    """
    truth = torch.stack([labels > 0, labels == Label.NECROSIS], 1).float()
    each = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    near = nn.functional.max_pool3d(truth[:, :1], 2 * NEAR + 1, 1, NEAR)[:, 0]
    found, axes = logits.sigmoid(), (2, 3, 4)
    dice = (2 * (found * truth).sum(axes) + 1) / ((found + truth).sum(axes) + 1)
    return each.mean() + (each[:, 1] * near).sum() / near.sum().clamp(min=1) + 1 - dice.mean()


if __name__ == "__main__":
    main()
