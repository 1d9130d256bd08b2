"""Train the locator that comes with the package, on synthetic bodies of random contrast.

    python -m benchmarks.train_locator OUT.safetensors [--iterations 1600]

Two processes make views while the network learns from them; on two cores about 20 minutes. Not the same bytes each
time: which view comes next depends on the processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from dataset_conversion.phantom.randomised import Body, random_view
from onfh_nnunet.locate import untrained

BODIES = 118
BATCH = 2
PATCH = (40, 48, 64)
LEARNING_RATE = 5e-3
WARM_UP = 50


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--iterations", type=int, default=1600)
    options = parser.parse_args()
    views: Any = multiprocessing.Queue(12)
    for number in range(2):
        multiprocessing.Process(target=_make_views, args=(views, 100 + number), daemon=True).start()
    network = untrained()
    _train(network, views, options.iterations)
    save_file({name: value.detach().contiguous() for name, value in network.named_parameters()}, options.out)


def _make_views(views: Any, seed: int) -> None:
    torch.set_num_threads(1)
    rng, bodies = np.random.default_rng(seed), {}
    while True:
        number = int(rng.integers(BODIES))
        if number not in bodies:
            bodies[number] = Body.draw(number)
        views.put(_patch(*random_view(bodies[number], rng), rng))


def _patch(image: Any, heads: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """A part of a view, or a view with room around it."""
    source, target = [], []
    for n, edge in zip(image.shape, PATCH, strict=True):
        start = int(rng.integers(abs(n - edge) + 1))
        source.append(slice(start, start + edge) if n > edge else slice(0, n))
        target.append(slice(0, edge) if n > edge else slice(start, start + n))
    patch, labels = np.zeros(PATCH, np.float32), np.zeros(PATCH, np.uint8)
    patch[tuple(target)], labels[tuple(target)] = image[tuple(source)], heads[tuple(source)]
    return patch, labels


def _train(network: nn.Module, views: Any, iterations: int) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-2)
    begun = time.monotonic()
    for iteration in range(iterations):
        warm = min(1, (iteration + 1) / WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * warm * 0.5 * (1 + np.cos(np.pi * iteration / iterations))
        images, heads = zip(*(views.get() for _ in range(BATCH)), strict=True)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(torch.from_numpy(np.stack(images))[:, None])
        loss = _loss(logits.float(), torch.from_numpy(np.stack(heads)).long())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimizer.step()
        if iteration % 50 == 0:
            print(f"{iteration} of {iterations}, loss {loss.item():.3f}, {time.monotonic() - begun:.0f} s", flush=True)


def _loss(logits: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
    """Cross entropy and Dice of both heads, as nnU-Net's."""
    probabilities = logits.softmax(1)[:, 1:]
    truth = nn.functional.one_hot(heads, 3).permute(0, 4, 1, 2, 3)[:, 1:].float()
    both, axes = probabilities * truth, (0, 2, 3, 4)
    dice = (2 * both.sum(axes) + 1) / (probabilities.sum(axes) + truth.sum(axes) + 1)
    return nn.functional.cross_entropy(logits, heads) + 1 - dice.mean()


if __name__ == "__main__":
    main()
