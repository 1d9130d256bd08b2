"""Benchmark of conversion against dcm2niix: same DICOM series, same cores, both compress their output.

    python -m benchmarks.convert [--hips 63] [--runs 3]

The series are one synthetic hip of 80 x 256 x 256 voxels with other noise in each. dcm2niix converts whole series and
knows no labels; it runs as many times side by side as there are cores, each on its share. Runs alternate; medians.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import dcm2niix
import numpy as np
import psutil
import pydicom
from pydicom.uid import generate_uid

from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import PhantomForm
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.volume import Volume

SPACING_MM = (1.125, 0.5859375, 0.5859375)
HEADER = "patient_id,image,side,label\n"


def main() -> None:
    """Print seconds, memory and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hips", type=int, default=63)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onfh-bench-") as folder:
        cohort = make_cohort(Path(folder), options.hips)
        _report(Path(folder), cohort, options.runs)


def make_cohort(folder: Path, hips: int) -> Path:
    """Write a cohort of copies of one series, each with its own noise and identifiers, and return its cohort.csv."""
    base = folder / "base"
    write_phantom_cohort(base, hips=1, seed=0, form=PhantomForm.DICOM, protocol=ScanProtocol(spacing_mm=SPACING_MM))
    (series,), (label,) = (list((base / name).iterdir()) for name in ("images", "labels"))
    slices = [pydicom.dcmread(path) for path in sorted(series.iterdir())]
    print(f"{hips} series of {len(slices)} x {slices[0].Rows} x {slices[0].Columns} voxels")
    side = label.name.split("_")[1][0]
    rows = []
    for number in range(hips):
        _write(slices, np.random.default_rng(number), folder / "dicom" / f"{number:03d}")
        _labelled(label, number).write(folder / "labels" / f"{number:03d}.nii.gz")
        rows.append(f"patient {number},dicom/{number:03d},{side},labels/{number:03d}.nii.gz\n")
    (folder / "cohort.csv").write_text(HEADER + "".join(rows))
    return folder / "cohort.csv"


def _labelled(label: Path, number: int) -> Volume:
    """The label of another patient: one voxel of the head less, for two patients with one label are refused."""
    drawn = Volume.read(label)
    array = drawn.array.copy()
    array[tuple(np.argwhere(array == Label.VIABLE_HEAD)[number])] = Label.BACKGROUND
    return Volume(array, drawn.grid)


def _write(slices: Sequence[pydicom.Dataset], rng: np.random.Generator, folder: Path) -> None:
    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    for one in slices:
        pixels = one.pixel_array
        noisy = np.maximum(pixels.astype(np.int32) + rng.integers(-3, 4, pixels.shape), 0).astype(pixels.dtype)
        one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID = study, series, generate_uid()
        original, one.PixelData = one.PixelData, noisy.tobytes()
        one.save_as(folder / f"{one.InstanceNumber:04d}.dcm")
        one.PixelData = original


def _report(folder: Path, cohort: Path, runs: int) -> None:
    work, nifti = folder / "work", folder / "nifti"
    commands: dict[str, Callable[[], tuple[float, float]]] = {
        "onfh convert": lambda: _fresh(work, [_onfh(cohort, work)]),
        "dcm2niix": lambda: _fresh(nifti, _dcm2niix(folder, nifti)),
    }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, run in commands.items():
            measured[name].append(run())
    seconds = {name: statistics.median(one for one, _ in found) for name, found in measured.items()}
    again, _ = _timed([_onfh(cohort, work)])
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, medians of {runs}")
    for name, found in measured.items():
        print(f"{name:14} {seconds[name]:6.1f} s   peak memory of all its processes {max(m for _, m in found):5.0f} MB")
    print(f"ratio of onfh convert to dcm2niix: {seconds['onfh convert'] / seconds['dcm2niix']:.2f}")
    print(f"second run, nothing changed: {again:.1f} s")


def _onfh(cohort: Path, work: Path) -> list[str]:
    return [sys.executable, "-m", "onfh_nnunet", "convert", str(cohort), "--work", str(work)]


def _dcm2niix(folder: Path, out: Path) -> list[list[str]]:
    """One shell loop per core, each over its share of the series, so that no core waits for another."""
    series = sorted((folder / "dicom").iterdir())
    cores = os.cpu_count() or 1
    script = 'for one in "$@"; do "$TOOL" -z y -f "$(basename "$one")" -o "$OUT" "$one" > /dev/null || exit 1; done'
    os.environ |= {"OUT": str(out), "TOOL": dcm2niix.bin}
    return [["sh", "-c", script, "sh", *map(str, series[core::cores])] for core in range(cores)]


def _fresh(out: Path, commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return _timed(commands)


def _timed(commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Seconds until all commands, started together, are done, and the peak memory (MB) of all their processes."""
    start = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in commands]
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(running, peak))
    watcher.start()
    failed = [process.args for process in running if process.wait() != 0]
    seconds = time.perf_counter() - start
    watcher.join()
    if failed:
        raise SystemExit(f"failed: {failed[0]}")
    return seconds, peak[0]


def _watch(running: Sequence[subprocess.Popen[bytes]], peak: list[float]) -> None:
    while any(process.poll() is None for process in running):
        total = 0
        for process in running:
            try:
                root = psutil.Process(process.pid)
                total += sum(one.memory_info().rss for one in (root, *root.children(recursive=True)))
            except psutil.NoSuchProcess:
                continue
        peak[0] = max(peak[0], total / 1e6)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
