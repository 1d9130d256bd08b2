"""Many hips from files: `onfh grade` and `onfh compare` as whole processes, and how time and memory grow."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.hip_masks import ONFH, hip_masks
from onfh_nnunet.volume import Volume

HIPS, LIMIT_S = 63, 6.0
FEW, MANY = 100, 400
DIFFERENT = 8


@dataclass(frozen=True)
class Taken:
    """A process and its children: seconds, and the largest memory of all of them together in MB."""

    seconds: float
    peak_mb: float


def main(reference: Volume, prediction: Volume) -> None:
    """Print the times of a study's 63 hips, and of 100 and 400."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_masks(folder, reference, prediction)
        print(f"\n{HIPS} hips from files, whole processes, {os.cpu_count()} cores")
        masks = sorted(str(path) for path in _copies(folder, HIPS)[1].iterdir())
        grade = _run("grade", *masks, "--out", str(folder / "grades.csv"))
        compare = _compare(folder, HIPS)
        total = grade.seconds + compare.seconds
        print(f"grade {grade.seconds:.1f} s, compare {compare.seconds:.1f} s, together {total:.1f} s", end="")
        print(f", limit {LIMIT_S:g} s{'' if total <= LIMIT_S else '   MISSED'}")
        few, many = _compare(folder, FEW), _compare(folder, MANY)
        a_hip = (many.seconds - few.seconds) / (MANY - FEW)
        print(f"compare {FEW} hips: {few.seconds:.1f} s, {few.peak_mb:.0f} MB; {MANY}: {many.seconds:.1f} s, ", end="")
        print(f"{many.peak_mb:.0f} MB; {1000 * a_hip:.0f} ms a further hip, so 10,000 in {10_000 * a_hip / 60:.0f} min")


def _write_masks(folder: Path, reference: Volume, prediction: Volume) -> None:
    """A few different masks, each shifted as a whole."""
    for number in range(DIFFERENT):
        for name, mask in (("reference", reference), ("prediction", prediction)):
            shifted = Volume(np.roll(mask.array, 3 * number, axis=1), mask.grid)
            shifted.write(folder / name / f"{number}.nii.gz")


def _copies(folder: Path, hips: int) -> list[Path]:
    """Folders of references and predictions of so many hips, as links to the few masks."""
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
    return _run("compare", *map(str, _copies(folder, hips)), "--out", str(folder / f"compared_{hips}"))


def _run(*arguments: str) -> Taken:
    start = time.perf_counter()
    process = subprocess.Popen([*ONFH, *arguments], stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"onfh {arguments[0]} failed")
    return Taken(time.perf_counter() - start, peak / 1e6)


def _memory(pid: int) -> int:
    """What a process and its children hold of their own: memory that they share is counted once."""
    try:
        root = psutil.Process(pid)
        return sum(process.memory_full_info().uss for process in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main(*hip_masks())
