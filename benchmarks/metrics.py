"""Benchmark of all metrics of one region of a hip against MONAI, surface-distance and MedPy, in one process.

Each tool is given the same two masks in memory, and computes what it has of Dice, IoU, ASSD, HD95, HD and NSD at 1 mm;
ours also computes areas, volumes, centroids and lesions. Runs alternate, and times are medians. The figures of the
others that mean something else are shown for comparison: see `surface_distances`. Then many hips, from files.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np

from benchmarks import many_hips
from benchmarks.hip_masks import hip_masks
from benchmarks.metric_tools import FIGURES, TOOLS, ours
from onfh_nnunet.core.labels import BoolArray, Region

RUNS, SLOW_RUNS = 15, 3
FASTER_THAN = {"MONAI": 2, "surface-distance": 2, "MedPy": 40}
MEMORY_LIMIT = 2.0


def main() -> None:
    """Print one table per region, then the times for many hips."""
    warnings.simplefilter("ignore")  # of the other tools, about names that numpy and scipy have given up
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("monai", "surface-distance", "medpy", "scipy")
    ]
    print(f"{_cpu()}, {os.cpu_count()} cores; {', '.join(versions)}")
    reference, prediction = hip_masks()
    for region in Region:
        _table(region, region.mask(reference.array), region.mask(prediction.array))
    many_hips.main(reference, prediction)


def _table(region: Region, true: BoolArray, pred: BoolArray) -> None:
    print(f"\n{region}: {np.count_nonzero(true)} and {np.count_nonzero(pred)} voxels")
    print(f"{'':22}{'ms':>9}{'x ours':>8}" + "".join(f"{name:>10}" for name in FIGURES))
    seconds = _seconds(true, pred)
    for name, tool in TOOLS.items():
        ratio = seconds[name] / seconds["ours, all"]
        figures = "".join(f"{'' if value is None else f'{value:.6f}':>10}" for value in tool(true, pred))
        bound = next((times for other, times in FASTER_THAN.items() if name.startswith(other)), 0)
        verdict = "" if ratio >= bound else f"   MISSED: {bound} x"
        print(f"{name:22}{1000 * seconds[name]:9.1f}{ratio:8.1f}{figures}{verdict}")
    peak = _peak(true, pred) / (true.nbytes + pred.nbytes)
    print(f"memory beside the two masks: {peak:.2f} of them{'' if peak <= MEMORY_LIMIT else '   MISSED'}")


def _seconds(true: BoolArray, pred: BoolArray) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in TOOLS}
    for run in range(RUNS):
        for name, tool in TOOLS.items():
            if name.startswith("MedPy") and run >= SLOW_RUNS:
                continue
            start = time.perf_counter()
            tool(true, pred)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def _peak(true: BoolArray, pred: BoolArray) -> int:
    tracemalloc.start()
    ours(true, pred)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
