"""The whole pipeline on a synthetic DICOM cohort, command by command, with time, memory and accuracy.

Each step is the command that a user types. A second run finds everything done. What must be reached is printed beside
what was reached, and a missed accuracy ends with exit code 1; time depends on the machine and is only printed.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

HIPS = 30
"""Of 15 patients: 24 ill hips, and 6 healthy other hips."""

LIMITS = {"minutes": 12.0, "memory GB": 8.0, "median head Dice": 0.90, "median necrosis Dice": 0.70}


def main() -> None:
    """Run the demo in the folder given as the only argument."""
    demo = Path(sys.argv[1])
    peak = _Peak()
    start = time.monotonic()
    for command in _commands(demo):
        print(f"\n$ onfh {' '.join(command)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "onfh_nnunet", *command]).returncode
        if code != 0:
            sys.exit(code)
    minutes = (time.monotonic() - start) / 60
    found = {"minutes": minutes, "memory GB": peak.stop() / 1e9} | _accuracy(demo / "work" / "crossval")
    sys.exit(_verdict(demo, found))


def _commands(demo: Path) -> list[list[str]]:
    cohort, work, model, new, out = (
        demo / name for name in ("cohort", "work", "model.safetensors", "new_patient", "out")
    )
    # The new patient, the first of that cohort, has an ill left hip and a healthy right one.
    steps = [
        ["phantom", cohort, "--hips", HIPS, "--seed", "1", "--format", "dicom", "--bilateral"],
        ["convert", cohort / "cohort.csv", "--work", work],
        ["plan", "--work", work, "--preset", "quick"],
        ["train", "--work", work],
        ["crossval", "--work", work],
        ["report", work / "crossval"],
        ["export", "--work", work, "--out", model],
        ["phantom", new, "--hips", "4", "--seed", "3", "--format", "dicom", "--bilateral"],
        ["predict", new / "images" / "MRN0001_B", "--model", model, "--out", out],
        ["report", out],
        ["grade", out / "P001_R.nii.gz", out / "P001_L.nii.gz", "--out", demo / "grades_of_masks.csv"],
    ]
    return [[str(word) for word in step] for step in steps]


def _accuracy(crossval: Path) -> dict[str, float]:
    with (crossval / "summary.csv").open(encoding="utf-8") as file:
        dice = {row["region"]: float(row["median"]) for row in csv.DictReader(file) if row["metric"] == "dice"}
    return {f"median {region} Dice": dice[region] for region in ("head", "necrosis")}


def _healthy(crossval: Path) -> str:
    """How the cross-validation did on the healthy hips."""
    with (crossval / "agreement.csv").open(encoding="utf-8") as file:
        found = {row["statistic"]: row for row in csv.DictReader(file)}
    share, ml = (found[f"healthy_hip_{name}"] for name in ("specificity", "false_positive_ml"))
    n = int(share["n"])
    right = round(float(share["value"]) * n)
    return f"healthy hips found healthy: {right} of {n}; outlined in them, in the mean: {float(ml['value']):.2f} ml"


def _verdict(demo: Path, found: dict[str, float]) -> int:
    print()
    missed = 0
    for name, limit in LIMITS.items():
        most = name in ("minutes", "memory GB")
        reached = found[name] <= limit if most else found[name] >= limit
        missed += not reached and not most
        bound = "at most" if most else "at least"
        print(f"{name:22} {found[name]:6.2f}   {bound} {limit:g}{'' if reached else '   MISSED'}")
    print(_healthy(demo / "work" / "crossval"))
    print("\nTo look at:")
    for path in ("work/crossval/report.html", "work/crossval/cases.csv", "out/report.html", "out/grades.csv"):
        print(f"  {demo / path}")
    return 1 if missed else 0


class _Peak:
    """The peak memory of this process and all its child processes together, sampled twice a second."""

    def __init__(self) -> None:
        self._peak, self._running = 0, True
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def stop(self) -> int:
        self._running = False
        self._watch.join()
        return self._peak

    def _look(self) -> None:
        own = psutil.Process()
        while self._running:
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self._peak = max(self._peak, total)
            time.sleep(0.5)


if __name__ == "__main__":
    main()
