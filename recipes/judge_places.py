"""Judge the four folds of `train_real` by where a lesion lies: in the published forms and places, or anywhere.

    python -m recipes.judge_places BANK MODEL0.safetensors MODEL1.safetensors ...

Boxes of `real_bank` of the scans that a fold did not see go through the network as they are, centred on their head.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dataset_conversion.phantom.implants.implant import Implant
from dataset_conversion.phantom.randomization.appearance import standardize
from dataset_conversion.phantom.randomization.random_hips import EDGE, VOXEL_MM
from onfh_nnunet.core.labels import Label
from postprocessing.metrics.segmentation_metrics import compare_region
from recipes.deepen import read_network
from recipes.real_bank import DRAWINGS, Bank
from recipes.real_heads import RealBox
from recipes.train_real import fold_of

BOXES, SEED = 200, 0
"""Boxes of a fold, taken at random."""

PERCENT = (0, 10, 30, 100)


@dataclass(frozen=True)
class Judged:
    """A lesion: whether its place is a published one, its percentage of the head, and the Dice of its outline."""

    published: bool
    percent: float
    dice: float


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bank", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    options = parser.parse_args()
    bank = Bank.read(options.bank)
    found = [one for fold, model in enumerate(options.models) for one in judged(bank, fold, model)]
    for published, (low, high) in itertools.product((True, False), itertools.pairwise(PERCENT)):
        own = [one.dice for one in found if one.published is published and low < one.percent <= high]
        quartiles = ", ".join(f"{value:.2f}" for value in np.percentile(own, (25, 50, 75)))
        place = "published places" if published else "anywhere"
        print(f"{place}, {low} to {high} % of the head: {len(own)} lesions, quartiles of Dice {quartiles}", flush=True)


def judged(bank: Bank, fold: int, model: Path) -> Iterator[Judged]:
    """Some lesions of the scans of a fold."""
    network = read_network(model).eval()
    numbers = bank.numbers([scan for scan in bank.scans if fold_of(scan) == fold], healthy=False)
    for number in np.random.default_rng(SEED).permutation(numbers)[:BOXES]:
        image, labels = _centred(bank.box(number))
        with torch.inference_mode():
            head, necrosis = network(torch.from_numpy(image)[None, None])[0].numpy() > 0
        truth = labels == Label.NECROSIS
        percent = 100 * float(truth.sum() / (labels > 0).sum())
        published = DRAWINGS[bank.rows[number].turn - 1] == Implant.draw
        yield Judged(published, percent, compare_region(truth, head & necrosis, (VOXEL_MM,) * 3).dice or 0.0)


def _centred(box: RealBox) -> tuple[Any, Any]:
    centre = np.argwhere(box.labels > 0).mean(axis=0)
    starts = np.clip(np.round(centre).astype(int) - EDGE // 2, 0, np.array(box.labels.shape) - EDGE)
    where = tuple(slice(start, start + EDGE) for start in starts)
    return standardize(box.image[where].astype(np.float32)), box.labels[where]


if __name__ == "__main__":
    main()
