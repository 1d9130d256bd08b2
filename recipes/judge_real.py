"""Judge the four folds of training on hips that they did not see: real heads with implants of known volume.

    python -m recipes.judge_real COHORT.csv IMPLANTS OUT MODEL0.safetensors LOCATOR0.safetensors MODEL1.safetensors ...

IMPLANTS is of `onfh implant COHORT.csv`. Each scan is predicted, as a user would, by the model (`train_real`) and the
locator (`train_locator_real`) of its fold. OUT gets cases.csv, from which `bundle` calibrates. The coverage that is
printed is of intervals that were calibrated on all patients but the one whose hips they are for.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dataset_conversion.cohort.table import read_cohort
from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.workflows.crossval import OutOfFold
from postprocessing.metrics.case_metrics import CrossvalRow
from recipes.judged import judged_hips, widened
from recipes.train_real import fold_of

SMALL_PERCENT = 10


def main() -> None:
    """Predict, judge, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cohort", "implants", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("weights", type=Path, nargs="+", help="of each fold the model and the locator")
    options = parser.parse_args()
    fold_of = _folds(options.cohort, options.implants)
    rows: list[CrossvalRow] = []
    images = sorted((options.implants / "images").iterdir())
    for fold, (model, locator) in enumerate(zip(options.weights[::2], options.weights[1::2], strict=True)):
        scans = [scan for scan in images if fold_of[scan.name.split("_")[0]] == fold]
        judged = judged_hips(model, options.implants, scans, options.out / f"fold_{fold}", locator)
        rows += [replace(row, fold=fold) for row in judged]
    write_rows(options.out / "cases.csv", CrossvalRow, rows)
    for line in table(rows):
        print(line)


def table(rows: Sequence[CrossvalRow]) -> list[str]:
    """What was reached, line by line."""
    ill = [row for row in rows if row.grade_true is not Grade.NONE]
    healthy = [row for row in rows if row.grade_true is Grade.NONE]
    found = [row for row in rows if row.head_ml_pred > 0]
    small = [row for row in ill if (row.necrosis_percent_true or 0) < SMALL_PERCENT]
    right = sum(row.grade_true is row.grade_pred for row in ill)
    called = [row for row in healthy if row.grade_pred is not Grade.NONE]
    lines = [
        f"heads found {len(found)} of {len(rows)}, of {len({row.patient for row in rows})} patients",
        f"head Dice {_spread(row.head_dice for row in rows)}; mm {_spread(row.head_assd_mm for row in rows)}",
        f"lesion Dice {_spread(row.necrosis_dice for row in ill)}; mm {_spread(row.necrosis_assd_mm for row in ill)}",
        f"lesions below {SMALL_PERCENT} %: {len(small)}, Dice {_spread(row.necrosis_dice for row in small)}",
        f"grade right {right} of {len(ill)}; healthy called ill {len(called)} of {len(healthy)}",
    ]
    return lines + _coverage(rows)


def _coverage(rows: Sequence[CrossvalRow]) -> list[str]:
    """Of intervals calibrated on the other patients, by true grade."""
    found: dict[Grade, list[tuple[bool, float]]] = {}
    withheld = 0
    for patient in sorted({row.patient for row in rows}):
        known = OutOfFold.of([row for row in rows if row.patient != patient])
        for row in (row for row in rows if row.patient == patient):
            true, pred, traits = row.necrosis_percent_true, row.necrosis_percent_pred, row.traits
            if true is None or pred is None or known.applicability is None or traits is None:
                continue
            interval = widened(known.calibration).interval(pred)
            if interval is None or known.applicability.unlike(traits):
                withheld += 1
                continue
            holds = interval.low <= true <= interval.high
            found.setdefault(row.grade_true, []).append((holds, interval.high - interval.low))
    lines = [f"intervals withheld {withheld}"]
    for grade, hips in sorted(found.items()):
        held, widths = sum(hold for hold, _ in hips), [width for _, width in hips]
        lines.append(f"grade {grade}: interval holds {held} of {len(hips)}, width {np.median(widths):.1f} points")
    return lines


def _folds(cohort: Path, implants: Path) -> dict[str, int]:
    """The fold of each pseudonym of the implants."""
    with (implants / "private" / "key.csv").open(encoding="utf-8") as file:
        names = {row["patient_id"]: row["patient"] for row in csv.DictReader(file)}
    return {names[scan.patient_id]: fold_of(number) for number, scan in enumerate(read_cohort(cohort))}


def _spread(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    low, middle, high = np.percentile(known, (25, 50, 75)) if known else (np.nan,) * 3
    return f"{middle:.3f} ({low:.3f}-{high:.3f}), worst {min(known, default=np.nan):.3f}"


if __name__ == "__main__":
    main()
