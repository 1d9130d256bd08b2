"""Run time of `onfh --help`, `onfh grade` of one mask and `onfh predict` of one scan, as whole processes.

The mask has 80 x 256 x 256 voxels; the scan is a DICOM phantom of both hips, predicted by the model that comes along.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import PhantomForm
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume

RUNS = 7
LIMITS_S = {"onfh --help": 0.5, "onfh grade, one mask": 1.0, "onfh predict, both hips": 5.0}


def main() -> None:
    """Print the median of several runs beside its limit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mask = folder / "P001_R.nii.gz"
        _ball().write(mask)
        scan = _scan(folder / "phantom")
        onfh = [sys.executable, "-m", "onfh_nnunet"]
        commands = {
            "onfh --help": [*onfh, "--help"],
            "onfh grade, one mask": [*onfh, "grade", str(mask), "--out", str(folder / "grades.csv")],
            "onfh predict, both hips": [*onfh, "predict", str(scan), "--out", str(folder / "out")],
        }
        for name, command in commands.items():
            seconds = statistics.median(_seconds(command, folder / "out"))
            print(f"{name}: median {seconds:.2f} s of {RUNS}, limit {LIMITS_S[name]} s")


def _seconds(command: list[str], out: Path) -> list[float]:
    taken = []
    for _ in range(RUNS):
        shutil.rmtree(out, ignore_errors=True)  # what is there already would be kept
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return taken


def _scan(cohort: Path) -> Path:
    protocol = ScanProtocol(bilateral=True)
    write_phantom_cohort(cohort, hips=2, seed=9, form=PhantomForm.DICOM, protocol=protocol)
    (scan,) = (cohort / "images").iterdir()
    return scan


def _ball() -> Volume:
    grid = Grid((80, 256, 256), (1.0, 0.78, 0.78), (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    z, y, x = np.ogrid[:80, :256, :256]
    distance = np.sqrt((z - 40) ** 2 + ((y - 128) * 0.78) ** 2 + ((x - 128) * 0.78) ** 2)
    return Volume((distance < 24).astype(np.uint8) + ((distance < 24) & (z > 52)), grid)


if __name__ == "__main__":
    main()
