"""Benchmark of `onfh grade` and `onfh compare` on many files: time and memory of whole processes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.hip_masks import hip_masks
from benchmarks.processes import Taken, python
from onfh_nnunet.core.volume import Volume

HIPS, LIMIT_S = 63, 6.0
FEW, MANY = 100, 400
DIFFERENT = 8


def main(reference: Volume, prediction: Volume) -> None:
    """Print the times of a study's 63 hips, and of 100 and 400."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_masks(folder, reference, prediction)
        print(f"\n{HIPS} hips from files, whole processes, {os.cpu_count()} cores")
        masks = sorted(_copies(folder, HIPS)[1].iterdir())
        grade = python("onfh_nnunet", "grade", *masks, "--out", folder / "grades.csv")
        compare = _compare(folder, HIPS)
        total = grade.cost.seconds + compare.cost.seconds
        print(f"grade {grade.cost.seconds:.1f} s, compare {compare.cost.seconds:.1f} s, together {total:.1f} s", end="")
        print(f", limit {LIMIT_S:g} s{'' if total <= LIMIT_S else '   MISSED'}")
        few, many = _compare(folder, FEW), _compare(folder, MANY)
        a_hip = (many.cost.seconds - few.cost.seconds) / (MANY - FEW)
        for hips, taken in ((FEW, few), (MANY, many)):
            print(f"compare {hips} hips: {taken.cost.seconds:.1f} s, {1000 * taken.peak_gb:.0f} MB")
        print(f"{1000 * a_hip:.0f} ms a further hip, so 10,000 in {10_000 * a_hip / 60:.0f} min")


def _write_masks(folder: Path, reference: Volume, prediction: Volume) -> None:
    """A few different masks, each shifted as a whole."""
    for number in range(DIFFERENT):
        for name, mask in (("reference", reference), ("prediction", prediction)):
            shifted = Volume(np.roll(mask.array, 3 * number, axis=1), mask.grid)
            shifted.write(folder / name / f"{number}.nii.gz")


def _copies(folder: Path, hips: int) -> list[Path]:
    """Folders of references and predictions of a number of hips, as links to a few masks."""
    made = []
    for name in ("reference", "prediction"):
        target = folder / f"{name}_{hips}"
        target.mkdir(exist_ok=True)
        for hip in range(hips):
            link = target / f"P{hip // 2:04d}_{'LR'[hip % 2]}.nii.gz"
            if not link.exists():
                link.hardlink_to(folder / name / f"{hip % DIFFERENT}.nii.gz")
        made.append(target)
    return made


def _compare(folder: Path, hips: int) -> Taken:
    return python("onfh_nnunet", "compare", *_copies(folder, hips), "--out", folder / f"compared_{hips}")


if __name__ == "__main__":
    main(*hip_masks())
