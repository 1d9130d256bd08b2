"""Training loop on synthetic examples that are generated while the network learns; no example is seen twice."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

WARM_UP = 50
SAVE_EVERY = 200
BATCH = 2

Example = tuple[Any, Any]
"""Image (z, y, x) and its labels, of one size throughout."""


def train(
    network: nn.Module,
    examples: Callable[[int], Iterator[Example]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    iterations: int,
    learning_rate: float,
    seed: int,
    save: Callable[[], None],
) -> None:
    """Train a network in place, in bfloat16, by AdamW with a cosine schedule.

    Args:
        network: One channel in.
        examples: Endless examples of a seed; a function of a module, for another process runs it.
        loss: Of logits (batch, channel, z, y, x) and labels (batch, z, y, x).
        iterations: Batches of `BATCH`.
        learning_rate: The highest.
        seed: Of one process that makes examples; the other one has the next.
        save: Called now and then, and at the end.
    """
    torch.set_num_threads(1)  # of two, each waits for the other longer than it computes
    queue: Any = multiprocessing.Queue(12)
    for own in (seed, seed + 1):
        multiprocessing.Process(target=_put, args=(queue, examples, own), daemon=True).start()
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=1e-2)
    network.to(memory_format=torch.channels_last_3d)
    begun = time.monotonic()
    for iteration in range(iterations):
        for group in optimizer.param_groups:
            warm = min(1, (iteration + 1) / WARM_UP)
            group["lr"] = learning_rate * warm * 0.5 * (1 + np.cos(np.pi * iteration / iterations))
        images, labels = map(np.stack, zip(*(queue.get() for _ in range(BATCH)), strict=True))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(torch.from_numpy(images)[:, None].to(memory_format=torch.channels_last_3d))
        error = loss(logits.float(), torch.from_numpy(labels))
        optimizer.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 12)
        optimizer.step()
        if iteration % 50 == 0:
            print(f"{iteration} of {iterations}, loss {error.item():.3f}, {time.monotonic() - begun:.0f} s", flush=True)
        if iteration % SAVE_EVERY == SAVE_EVERY - 1:
            save()
    save()


def soft_dice(probabilities: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean over channels of the Dice of the whole batch (nnU-Net's, with `batch_dice`)."""
    axes = (0, 2, 3, 4)
    both, each = (probabilities * truth).sum(axes), (probabilities + truth).sum(axes)
    return ((2 * both + 1) / (each + 1)).mean()


def _put(queue: Any, examples: Callable[[int], Iterator[Example]], seed: int) -> None:
    torch.set_num_threads(1)
    for example in examples(seed):
        queue.put(example)
