"""Boxes of real heads with implants, painted once for all trainings of `train_real`.

    python -m recipes.real_bank COHORT.csv BANK

COHORT.csv names scans whose heads are labelled and healthy (`head_labels` makes such labels). Each scan is taken as it
is and with an implant of each drawing a hip. BANK holds parts of scans: keep it as private as these.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dataset_conversion.cohort.table import SourceScan, read_cohort
from dataset_conversion.phantom.implants.implant import Implant
from onfh_nnunet.core.csv_rows import read_rows, write_rows
from onfh_nnunet.core.labels import Label
from onfh_nnunet.core.parallel import map_in_processes
from recipes.real_heads import RealBox, real_boxes
from recipes.train_synthetic import PLANS

DRAWINGS = (Implant.draw,) * 48 + (Implant.anywhere,) * 36
"""With forms and places as published alone, a network outlines a deep lesion up to the surface, where most are."""


@dataclass(frozen=True)
class BoxRow:
    """A box of the bank: the line of the cohort that it is from, and its turn; 0 is the healthy head."""

    scan: int
    turn: int


@dataclass(frozen=True, eq=False)
class Bank:
    """The boxes of a cohort.

    Args:
        rows: Of what each box is.
        images: float16 (box, z, y, x), mapped.
        labels: uint8 (box, z, y, x), mapped.
    """

    rows: tuple[BoxRow, ...]
    images: Any
    labels: Any

    @classmethod
    def read(cls, folder: Path) -> Bank:
        """Open a bank; its arrays are read as they are needed."""
        images, labels = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "labels"))
        return cls(tuple(read_rows(folder / "boxes.csv", BoxRow)), images, labels)

    def box(self, number: int) -> RealBox:
        """One box."""
        return RealBox(np.asarray(self.images[number]), np.asarray(self.labels[number]))

    def lesion_voxels(self, number: int) -> int:
        """The voxels of necrosis of one box."""
        return int((self.labels[number] == Label.NECROSIS).sum())

    @property
    def scans(self) -> list[int]:
        """The scans that boxes are from."""
        return sorted({row.scan for row in self.rows})

    def numbers(self, scans: list[int], *, healthy: bool) -> list[int]:
        """The boxes of scans, with or without a lesion."""
        return [n for n, row in enumerate(self.rows) if row.scan in scans and (row.turn == 0) == healthy]


def main() -> None:
    """Paint the bank of a cohort."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    scans = list(enumerate(read_cohort(options.cohort)))
    options.bank.mkdir(parents=True)
    rows: list[BoxRow] = []
    images, labels = [], []
    painted: Iterator[list[tuple[int, RealBox]]] = map_in_processes(partial(_painted, seed=options.seed), scans, few=1)
    for (number, scan), boxes in zip(scans, painted, strict=True):
        rows += [BoxRow(number, turn) for turn, _ in boxes]
        images += [box.image for _, box in boxes]
        labels += [box.labels for _, box in boxes]
        print(f"line {scan.line}: {len(boxes)} boxes", flush=True)
    np.save(options.bank / "images.npy", np.stack(images))
    np.save(options.bank / "labels.npy", np.stack(labels))
    write_rows(options.bank / "boxes.csv", BoxRow, rows)


def _painted(item: tuple[int, SourceScan], seed: int) -> list[tuple[int, RealBox]]:
    number, scan = item
    return list(real_boxes(scan, PLANS, DRAWINGS, seed * 1000 + number))


if __name__ == "__main__":
    main()
