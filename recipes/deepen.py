"""A fifth stage for a network of four, which changes next to nothing of what it outlines: training goes on from there.

    python -m recipes.deepen FOUR.safetensors FIVE.safetensors

The new stage lies below the others. Its decoder hands on what came in from the stage above, so that what four stages
learned in hours need not be learned again; what the fifth is for, training shows it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from onfh_nnunet.core.hip_crop import HIP_BOX_KEY
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import ModelFile, write_model_file
from recipes import plain_unet
from recipes.train_synthetic import BODIES, CAUTION, EDGE, PLANS, VOXEL_MM, examples

FEATURES, STRIDES = (16, 32, 64, 128, 160), ((1, 1, 1), *((2, 2, 2),) * 4)
FIVE_STAGES = plain_unet.plans("laptop", (EDGE,) * 3, (VOXEL_MM,) * 3, FEATURES, STRIDES, decoder=1)
"""The plans of the preset `laptop`."""

_SHOWN = 8


def main() -> None:
    """Write the deeper model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("four", type=Path)
    parser.add_argument("five", type=Path)
    options = parser.parse_args()
    read = ModelFile.read(options.four)
    write(options.five, deeper(read.model.weights[0]), read.card.training | {"recipe": "recipes/deepen.py"}, CAUTION)


def deeper(weights: dict[str, torch.Tensor]) -> nn.Module:
    """A network of five stages from the weights of four."""
    four, five = plain_unet.network(PLANS), plain_unet.network(FIVE_STAGES)
    four.load_state_dict(weights)
    own = five.state_dict()
    own.update({_place(name): value for name, value in four.state_dict().items()})
    five.load_state_dict(own)
    _hand_on(five)
    return five


def read_network(path: Path) -> nn.Module:
    """The network of a model file of five stages."""
    network = plain_unet.network(FIVE_STAGES)
    network.load_state_dict(ModelFile.read(path).model.weights[0])
    return network


def write(out: Path, network: nn.Module, training: dict[str, Any], caution: str) -> None:
    """Write a network of five stages as a model file without scores."""
    plain: Any = deepcopy(network).to(memory_format=torch.contiguous_format)
    dataset = plain_unet.DATASET | {"numTraining": BODIES, HIP_BOX_KEY: EDGE * VOXEL_MM}
    card = Card(licence="Apache-2.0", training=training, hips=BODIES, caution=caution)
    write_model_file(out, Model(FIVE_STAGES, dataset, None, {0: plain.state_dict()}), card)


def _place(name: str) -> str:
    """Where a weight of four stages lies among five: what goes up is counted from the deepest stage."""
    first, *rest = name.split(".")
    if first != "decoder" or rest[0] == "encoder":
        return name
    return ".".join((first, rest[0], str(int(rest[1]) + 1), *rest[2:]))


def _hand_on(five: Any) -> None:
    """Let the deepest decoder return what its skip connection brings, with the mean and spread that it has."""
    block = five.decoder.stages[0].convs[0]
    kept = block.conv.out_channels
    with torch.no_grad():
        block.conv.weight.zero_()
        block.conv.bias.zero_()
        block.conv.weight[range(kept), range(kept, 2 * kept), 1, 1, 1] = 1  # behind what comes from below
        skips = torch.cat([five.encoder(image)[-2] for image in _images()])
        block.norm.weight.copy_(skips.std(dim=(0, 2, 3, 4)))
        block.norm.bias.copy_(skips.mean(dim=(0, 2, 3, 4)))


def _images() -> Iterator[torch.Tensor]:
    for image, _ in islice(examples(0, 0.0), _SHOWN):
        yield torch.from_numpy(image)[None, None]


if __name__ == "__main__":
    main()
