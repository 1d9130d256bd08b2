"""Train the locator further, on views of real scans and of drawn bodies.

    python -m recipes.train_locator_real START.safetensors COHORT.csv OUT.safetensors [--fold 0]

COHORT.csv names scans whose heads are labelled. With a fold, it sees the scans of the other three: scan n of the cohort
is of fold n modulo `FOLDS`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from dataset_conversion.cohort.table import read_cohort
from onfh_nnunet.inference.locator import build_network
from recipes.real_views import RealBody, real_view
from recipes.train_locator import examples as drawn_examples
from recipes.train_locator import loss, patch, save
from recipes.train_real import FOLDS, fold_of
from recipes.training_loop import Example, train

ITERATIONS, LEARNING_RATE, SEED = 800, 2e-3, 500
REAL = 0.6
"""Share of real views."""


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("start", "cohort", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--fold", type=int, choices=range(FOLDS))
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    options = parser.parse_args()
    network = build_network()
    network.load_state_dict(load_file(options.start), strict=False)
    scans = read_cohort(options.cohort)
    bodies = [RealBody.read(scan) for n, scan in enumerate(scans) if options.fold is None or fold_of(n) != options.fold]
    train(
        network,
        partial(examples, bodies=bodies),
        loss,
        options.iterations,
        LEARNING_RATE,
        SEED,
        lambda: save(options.out, network),
    )


def examples(seed: int, bodies: list[RealBody]) -> Iterator[Example]:
    """Endless random views, most of real scans."""
    rng, drawn = np.random.default_rng(seed), drawn_examples(seed)
    while True:
        if rng.random() >= REAL:
            yield next(drawn)
            continue
        yield patch(*real_view(bodies[rng.integers(len(bodies))], rng), rng)


if __name__ == "__main__":
    main()
