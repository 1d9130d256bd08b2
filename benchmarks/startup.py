"""How long a command takes as a whole process: `onfh --help`, and `onfh grade` of one mask of 80 x 256 x 256."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from onfh_nnunet.grid import Grid
from onfh_nnunet.volume import Volume

RUNS = 7
LIMITS_S = {"onfh --help": 0.5, "onfh grade, one mask": 1.0}


def main() -> None:
    """Print the median of some runs beside its limit."""
    with tempfile.TemporaryDirectory() as folder:
        mask = Path(folder) / "P001_R.nii.gz"
        _ball().write(mask)
        onfh = [sys.executable, "-m", "onfh_nnunet"]
        commands = {
            "onfh --help": [*onfh, "--help"],
            "onfh grade, one mask": [*onfh, "grade", str(mask), "--out", str(Path(folder) / "grades.csv")],
        }
        for name, command in commands.items():
            print(f"{name}: median {statistics.median(_seconds(command)):.2f} s of {RUNS}, limit {LIMITS_S[name]} s")


def _seconds(command: list[str]) -> list[float]:
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return taken


def _ball() -> Volume:
    grid = Grid((80, 256, 256), (1.0, 0.78, 0.78), (0.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    z, y, x = np.ogrid[:80, :256, :256]
    distance = np.sqrt((z - 40) ** 2 + ((y - 128) * 0.78) ** 2 + ((x - 128) * 0.78) ** 2)
    return Volume((distance < 24).astype(np.uint8) + ((distance < 24) & (z > 52)), grid)


if __name__ == "__main__":
    main()
