"""Results of several inference methods on hips with known truth, and a table that compares them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.segmenter import HipSegmenter, labels_of
from postprocessing.masks.clean import clean
from postprocessing.uncertainty.conformal import Calibration
from postprocessing.uncertainty.margin_interval import margin_interval, possible_grades

Hip = tuple[Volume, Volume]
"""Image and truth, as `HipCrop` cuts them."""


@dataclass(frozen=True)
class Answer:
    """The result of one inference method for one hip; the lesion's Dice is NaN in a healthy hip, and in no mean."""

    cpu: float
    head_dice: float
    necrosis_dice: float
    grade: Grade
    possible: tuple[Grade, ...]


def answers_of(segmenter: HipSegmenter, hips: Iterable[Hip], known: Calibration) -> Iterator[Answer]:
    """Run a method on each hip; `known` says how far the truth may be off."""
    for image, truth in hips:
        start = time.process_time()
        labels = labels_of(segmenter.probabilities(image))
        cpu = time.process_time() - start
        mask = Volume(labels, image.grid)
        mask = clean(mask, "hip") if labels.any() else mask
        head, necrosis = (_dice(region.mask(truth.array), region.mask(mask.array)) for region in Region)
        hip = HipMask(mask)
        found = hip.extent
        interval = known.interval(found.percent) if found.percent is not None else None
        met = interval or (margin_interval(hip) if labels.any() else None)
        yield Answer(cpu, head, necrosis, found.grade, possible_grades(met) if met else ())


def print_table(title: str, answers: dict[str, list[Answer]]) -> None:
    """Print one line per method; losses and changes are relative to the first."""
    print(f"\n{title}\n")
    print("| switch | s of CPU a hip | head Dice | necrosis Dice | lost, mean | lost, worst hip | grades changed |")
    print("|---|---|---|---|---|---|---|")
    exact = next(iter(answers.values()))
    for name, own in answers.items():
        means = (np.nanmean([getattr(one, of) for one in own]) for of in ("head_dice", "necrosis_dice", "cpu"))
        head, necrosis, cpu = means
        lost = [one.necrosis_dice - other.necrosis_dice for one, other in zip(exact, own, strict=True)]
        changed = [pair for pair in zip(exact, own, strict=True) if pair[0].grade is not pair[1].grade]
        outside = sum(one.grade not in other.possible for one, other in changed)
        print(f"| {name} | {cpu:.2f} | {head:.4f} | {necrosis:.4f} | {np.nanmean(lost):.4f} | {np.nanmax(lost):.4f} "
              f"| {len(changed)}, {outside} outside |")  # fmt: skip


def _dice(true: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """The Dice coefficient; NaN where there is nothing to find, as the lesion of a healthy hip."""
    return 2 * int((true & found).sum()) / int(true.sum() + found.sum()) if true.any() else float("nan")
