"""Benchmark of prediction of one scan by four folds of the `paper` preset's network, against stock nnU-Net.

    python -m benchmarks.predict [--stock] [--bilateral]

The same weights, scan and cores. Ours is one process from its start to the graded rows: DICOM read, heads located, the
box of each hip through all four folds, resampled back, cleaned, written, measured and graded. Stock, with `--stock`
(minutes), is `nnUNetv2_predict_from_modelfolder` on the scan as NIfTI in its fastest setting: one fold, no mirroring,
tiles side by side; ours is then also run with that one fold alone. What its defaults take, four folds and eight mirror
images of half-overlapping tiles, would be up to hours: it is computed, the start once and each tile at the price of a
second fold. Ratios of CPU time stand beside those of the clock, because they bear a busy machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.predict_model import FOLDS, PATCH, SPACING_MM
from benchmarks.processes import Cost, Taken, machine, python, run
from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from dataset_conversion.readers import read_volume
from onfh_nnunet.core.choices import EngineName, PhantomForm
from onfh_nnunet.core.volume import Volume

MIRROR_IMAGES = 8
SHARE, PEAK_GB, FASTEST, DEFAULTS = 0.60, 1.5, 10.0, 200.0
"""What must be reached: share of CPU time inside the network, memory, and times faster than stock."""


@dataclass(frozen=True)
class Setting:
    """What is measured: a folder with the model ``m.safetensors`` in it, and the scan."""

    root: Path
    scan: Path


def main() -> None:
    """Print seconds, shares, memory and ratios beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stock", action="store_true", help="measure stock nnU-Net, too")
    parser.add_argument("--bilateral", action="store_true", help="a scan of both hips")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onfh-bench-") as folder:
        setting = _prepared(Path(folder), bilateral=options.bilateral)
        ours = _ours(setting, EngineName.OPENVINO)
        _ours(setting, EngineName.TORCH)
        if options.stock:
            _stock(setting, ours)


def _prepared(root: Path, *, bilateral: bool) -> Setting:
    protocol = ScanProtocol(spacing_mm=SPACING_MM, bilateral=bilateral)
    write_phantom_cohort(root / "c", hips=1 + bilateral, seed=0, form=PhantomForm.DICOM, protocol=protocol)
    (scan,) = (root / "c" / "images").iterdir()
    parameters = int(python("benchmarks.predict_model", root / "m.safetensors").output) / 1e6
    size = read_volume(scan).array.shape
    print(
        f"{machine()}; scan of {size}, {1 + bilateral} hips, patch {PATCH}, {FOLDS} folds of {parameters:.1f} million"
    )
    return Setting(root, scan)


def _ours(setting: Setting, engine: EngineName) -> Cost:
    """Time from the start of a process to the graded rows."""
    taken, told = _run_ours(setting, engine, FOLDS)
    whole, first, further = Cost(*told["to_row"]), told["first"], told["further"]
    print(f"\nonfh, {engine}: process start to row {whole}, a further scan {_total(further)}")
    steps = {"load": told["load"], **first}
    print("  CPU seconds: " + ", ".join(f"{what} {cpu:.2f}" for what, (_, cpu) in steps.items()))
    share = first["network"][1] / _total(first).cpu
    print(f"  CPU time inside the network: {share:.0%} of the scan's{_bar(share, SHARE)}, "
          f"{first['network'][1] / whole.cpu:.0%} of the process's")  # fmt: skip
    print(f"  peak memory {taken.peak_gb:.2f} GB{_bar(-taken.peak_gb, -PEAK_GB)}, both scans")
    return whole


def _run_ours(setting: Setting, engine: EngineName, folds: int) -> tuple[Taken, dict[str, Any]]:
    taken = python("benchmarks.predict_once", setting.root / "m.safetensors", setting.scan, setting.root, engine, folds)
    return taken, json.loads(taken.output)


def _total(steps: dict[str, list[float]]) -> Cost:
    """Total of a scan's steps; the network's time is part of one of them."""
    seconds, cpu = zip(*(times for what, times in steps.items() if what != "network"), strict=True)
    return Cost(sum(seconds), sum(cpu))


def _stock(setting: Setting, ours: Cost) -> None:
    from onfh_nnunet.models.model_file import ModelFile
    from onfh_nnunet.models.nnunet_interop import unpack

    volume = read_volume(setting.scan)
    (setting.root / "in").mkdir()
    volume.write(setting.root / "in" / "P_0000.nii.gz")
    unpack(ModelFile.read(setting.root / "m.safetensors"), setting.root / "stock")
    side_by_side, overlapping = (_tiles(volume, step) for step in (1.0, 0.5))
    one, two = (_stock_run(setting.root, *range(folds)) for folds in (1, 2))
    tiles = overlapping * MIRROR_IMAGES * FOLDS
    defaults = one.cost.and_more(one.cost.until(two.cost), (tiles - side_by_side) / side_by_side)
    print(f"\nstock, 1 fold, no mirroring, step 1 ({side_by_side} tiles): {one.cost}")
    print(f"  {one.cost.over(ours)}{_bar(one.cost.seconds / ours.seconds, FASTEST)}")
    alone = Cost(*_run_ours(setting, EngineName.OPENVINO, 1)[1]["to_row"])
    print(f"  onfh, the same one fold, from process start to row {alone}: {one.cost.over(alone)}")
    print(f"stock, its defaults ({overlapping} tiles, {MIRROR_IMAGES} mirror images, {FOLDS} folds), computed and not "
          f"run: {defaults}")  # fmt: skip
    print(f"  {defaults.over(ours)}{_bar(defaults.seconds / ours.seconds, DEFAULTS)}")


def _stock_run(root: Path, *folds: int) -> Taken:
    tool = Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder")
    places = ["-i", root / "in", "-o", root / f"out{len(folds)}", "-m", root / "stock", "-f", *folds]
    flags = ["--disable_tta", "-step_size", "1", "-device", "cpu", "-npp", "1", "-nps", "1"]
    return run([str(word) for word in [tool, *places, *flags]])


def _tiles(volume: Volume, step: float) -> int:
    """The number of tiles that stock nnU-Net lays over the scan in the network's voxels."""
    from nnunetv2.inference.sliding_window_prediction import compute_steps_for_sliding_window

    sizes = zip(volume.array.shape, volume.grid.spacing_mm, SPACING_MM, PATCH, strict=True)
    size = tuple(max(round(n * mm / network_mm), edge) for n, mm, network_mm, edge in sizes)
    steps = compute_steps_for_sliding_window(size, PATCH, step)
    return len(steps[0]) * len(steps[1]) * len(steps[2])


def _bar(value: float, least: float) -> str:
    bound = f"at least {least:g}" if least > 0 else f"at most {-least:g}"
    return f" ({bound}{'' if value >= least else ': MISSED'})"


if __name__ == "__main__":
    main()
