"""Train a network of four stages on synthetic hips of random appearance: what the bundled model begins with.

    python -m recipes.train_synthetic OUT.safetensors

On two cores about an hour and a half. Not the same bytes each time: which example comes next depends on processes. The
phantoms of `onfh phantom` are others; none of these taught it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dataset_conversion.phantom.randomization.random_hips import (
    EDGE,
    VOXEL_MM,
    HipTissues,
    random_distractor,
    random_hip,
)
from onfh_nnunet.core.hip_crop import HIP_BOX_KEY
from onfh_nnunet.core.labels import Label
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from recipes import plain_unet
from recipes.training_loop import Example, soft_dice, train

BODIES = 200
FEATURES, STRIDES = (16, 32, 64, 128), ((1, 1, 1), *((2, 2, 2),) * 3)
PLANS = plain_unet.plans("synthetic", (EDGE,) * 3, (VOXEL_MM,) * 3, FEATURES, STRIDES, decoder=1)
CAUTION = "the model learned from synthetic hips alone: for trying out, not for patients"


@dataclass(frozen=True)
class Round:
    """One round of training; each round starts from the weights of the round before.

    Args:
        iterations: Batches.
        learning_rate: The highest.
        seed: Of the examples.
        share_of_others: How many of these show no hip.
    """

    iterations: int
    learning_rate: float
    seed: int
    share_of_others: float


ROUNDS = (Round(3400, 4e-3, 100, 0.1), Round(1600, 2e-3, 150, 0.25))
"""First to outline heads, then to tell them from what is round as well."""


def main() -> None:
    """Train and write the model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    network = plain_unet.network(PLANS)
    card = Card(licence="Apache-2.0", training=_recipe(), hips=BODIES, caution=CAUTION)
    for each in ROUNDS:
        train_round(each, network, lambda: _write(options.out, network, card))


def train_round(each: Round, network: nn.Module, save: Callable[[], None]) -> None:
    """Train a network in place; `save` is called now and then, and at the end."""
    boxes = partial(examples, share_of_others=each.share_of_others)
    train(network, boxes, loss, each.iterations, each.learning_rate, seed=each.seed, save=save)


def examples(seed: int, share_of_others: float) -> Iterator[Example]:
    """Endless random boxes of hips, and some boxes without a hip."""
    rng, bodies = np.random.default_rng(seed), {}
    while True:
        if rng.random() < share_of_others:
            yield random_distractor(rng)
            continue
        number = int(rng.integers(BODIES))
        if number not in bodies:
            bodies[number] = HipTissues.draw(number)
        yield random_hip(bodies[number], rng)


def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy plus Dice of both regions, as in nnU-Net, plus the cross entropy of necrosis within the head.

    Without the last, a lesion outlined in every healthy head costs next to nothing: Dice ignores it, and it is a small
    share of all voxels.
    """
    truth = torch.stack([labels > 0, labels == Label.NECROSIS], 1).float()
    each = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    inside = (each[:, 1] * truth[:, 0]).sum() / truth[:, 0].sum().clamp(min=1)
    return each.mean() + inside + 1 - soft_dice(logits.sigmoid(), truth)


def _recipe() -> dict[str, Any]:
    iterations = sum(each.iterations for each in ROUNDS)
    return {"recipe": "recipes/train_synthetic.py", "iterations": iterations, "torch": version("torch")}


def _write(out: Path, network: nn.Module, card: Card) -> None:
    plain: Any = deepcopy(network).to(memory_format=torch.contiguous_format)
    write_model_file(
        out,
        Model(
            PLANS,
            plain_unet.DATASET | {"numTraining": BODIES, HIP_BOX_KEY: EDGE * VOXEL_MM},
            None,
            {0: plain.state_dict()},
        ),
        card,
    )


if __name__ == "__main__":
    main()
