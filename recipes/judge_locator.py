"""Judge the four folds of `train_locator_real` on random views of real scans that they did not see.

    python -m recipes.judge_locator COHORT.csv LOCATOR0.safetensors LOCATOR1.safetensors ...

The views are harder than scans: turned, bent, recoloured, noisy, cut. A head counts where at least 20 ml of it are in
view; it is found by a centre within 12 mm of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from dataset_conversion.cohort.table import read_cohort
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference import locator
from recipes.real_views import HEAD_VALUE, RealBody, real_view
from recipes.train_real import fold_of

VIEWS, SEED = 25, 9
LEAST_ML, NEAR_MM = 20, 12


@dataclass(frozen=True)
class View:
    """What was found in a view.

    Args:
        heads: In view.
        found: Of these.
        sided: Of those found, on the right side.
        located: All that the locator took for a head.
    """

    heads: int
    found: int
    sided: int
    located: int


FIELDS = [field.name for field in fields(View)]


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("locators", type=Path, nargs="+")
    options = parser.parse_args()
    for fold, weights in enumerate(options.locators):
        with patch.object(locator, "WEIGHTS", weights):
            views = list(judged(options.cohort, fold))
        heads, found, sided, located = (sum(getattr(v, name) for v in views) for name in FIELDS)
        print(f"{weights}: {found} of {heads} heads found, {sided} on their side; {located - found} false", flush=True)


def judged(cohort: Path, fold: int) -> Iterator[View]:
    """The views of the scans of a fold."""
    for number, scan in enumerate(read_cohort(cohort)):
        if fold_of(number) == fold:
            body, rng = RealBody.read(scan), np.random.default_rng([SEED, number])
            for _ in range(VIEWS):
                yield _judged(*real_view(body, rng))


def _judged(image: NDArray[Any], heads: NDArray[Any]) -> View:
    edge = locator.VOXEL_MM
    grid = Grid(image.shape, (edge,) * 3, (0.0, 0.0, 0.0), ((0, 0, 1), (0, 1, 0), (1, 0, 0)))
    located = locator.locate_heads(Volume(np.ascontiguousarray(image, np.float32), grid))
    seen = {side: heads == value for side, value in HEAD_VALUE.items()}
    in_view = {side: head for side, head in seen.items() if head.sum() * edge**3 / 1000 >= LEAST_ML}
    found = sided = 0
    for side, mask in in_view.items():
        centre = np.argwhere(mask).mean(axis=0)[::-1] * edge
        near = [head for head in located if np.linalg.norm(head.centre_mm - centre) < NEAR_MM]
        found += bool(near)
        sided += any(head.side is side for head in near)
    return View(len(in_view), found, sided, len(located))


if __name__ == "__main__":
    main()
