"""Make a cross-validated model from a table of scans and labels.

    python examples/cohort_to_model.py cohort.csv WORK hips.safetensors [--preset quick] [--folds 4] [--epochs N]

This trains one network a fold: hours on a GPU with the default preset. A second run continues where it stopped.
"""

from __future__ import annotations

import argparse
from statistics import median

import onfh_nnunet as onfh


def main() -> None:
    """Convert, plan, train, cross-validate and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cohort", "work", "model"):
        parser.add_argument(name)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--epochs", type=int)
    given = parser.parse_args()

    onfh.convert(given.cohort, work=given.work)
    onfh.plan(given.work, preset=given.preset, folds=given.folds)
    onfh.train(given.work, epochs=given.epochs)
    rows = onfh.cross_validate(given.work)
    dice = [row.head_dice for row in rows if row.head_dice is not None]
    print(f"{len(rows)} hips, median head Dice {median(dice):.2f}")
    onfh.export(given.model, work=given.work)
    print(f"model: {given.model}")


if __name__ == "__main__":  # training starts processes, which import this file again
    main()
