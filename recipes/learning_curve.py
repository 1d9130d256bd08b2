"""The learning curve: what a group with few labelled patients gets, from random weights and from a model.

    python -m recipes.learning_curve COHORT.csv FOLDER --from MODEL [--patients 2,4,8,12] [--epochs N]

Of a cohort, such as one of `onfh implant`, the first 2, 4, 8 and 12 patients of one random order are a study each:
convert, plan, train and crossval, with the same seeds from random weights and from the model. So each hip is judged by
a fold that did not learn from its patient, and each fold learned from three quarters of the patients (of 2, from one).
Few patients are few hips to judge by: small studies are noisy. The model must not have seen a scan of the cohort, else
`onfh train --from` refuses it. A second run goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path

FOLDS = 4


@dataclass(frozen=True)
class Point:
    """A row of the table.

    Args:
        patients: Of the study.
        start: Random weights, or the model that the folds start from.
        hips: That are judged.
        head_dice: Median.
        necrosis_dice: Median of the hips with a lesion.
        grade_accuracy: Share of hips of the true grade, none included.
    """

    patients: int
    start: str
    hips: int
    head_dice: float
    necrosis_dice: float
    grade_accuracy: float


def main() -> None:
    """Draw the curve, print it as a table and write it as FOLDER/learning_curve.csv."""
    options = _options()
    with options.cohort.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["patient_id"] for row in rows})
    random.Random(options.seed).shuffle(names)
    if len(names) < max(options.patients):
        sys.exit(f"{options.cohort}: has {len(names)} patients, expected {max(options.patients)}")
    points = []
    for n in options.patients:
        study = options.folder / f"{n}_patients"
        cohort = _subset(rows, set(names[:n]), options.cohort.parent, study / "cohort.csv")
        for start in (None, *([options.start] if options.start else [])):
            points.append(_point(cohort, study / ("started" if start else "random"), n, start, options))
    header = [field.name for field in fields(Point)]
    cells = [[f"{value:.3f}" if isinstance(value, float) else f"{value}" for value in astuple(one)] for one in points]
    with (options.folder / "learning_curve.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *cells])
    for line in (header, *cells):
        print("  ".join(f"{cell:>14}" for cell in line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", dest="start", metavar="MODEL", help="also start from this model file, or: bundled")
    parser.add_argument("--patients", type=lambda text: [int(n) for n in text.split(",")], default=[2, 4, 8, 12])
    parser.add_argument("--preset", default="laptop")
    parser.add_argument("--epochs", help="default: those of the preset")
    parser.add_argument("--seed", type=int, default=0, help="of the patients' order and the folds")
    return parser.parse_args()


def _subset(rows: list[dict[str, str]], patients: set[str], home: Path, table: Path) -> Path:
    """Write the rows of some patients, with paths that hold from elsewhere."""
    chosen = [dict(row) for row in rows if row["patient_id"] in patients]
    for row in chosen:
        for column in ("image", "label", "label_necrosis"):
            if row.get(column):
                row[column] = str((home / row[column]).resolve())
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)
    return table


def _point(cohort: Path, work: Path, n: int, start: str | None, options: argparse.Namespace) -> Point:
    further = ["--from", start] if start else []
    epochs = ["--epochs", options.epochs] if options.epochs else []
    _onfh("convert", cohort, "--work", work)
    _onfh("plan", "--work", work, "--preset", options.preset, "--folds", min(FOLDS, n), "--seed", options.seed)
    _onfh("train", "--work", work, *further, *epochs)
    _onfh("crossval", "--work", work)
    summary, agreement = (_table(work / "crossval" / name) for name in ("summary.csv", "agreement.csv"))
    dice = {row["region"]: row for row in summary if row["metric"] == "dice"}
    (accuracy,) = (row for row in agreement if row["statistic"] == "accuracy")
    medians = (float(dice[region]["median"]) for region in ("head", "necrosis"))
    return Point(n, Path(start).stem if start else "random", int(accuracy["n"]), *medians, float(accuracy["value"]))


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _onfh(*words: object) -> None:
    command = [str(word) for word in words]
    print(f"$ onfh {' '.join(command)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "onfh_nnunet", *command])
    if done.returncode != 0:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
