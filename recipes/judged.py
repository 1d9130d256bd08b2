"""Hips of known truth, predicted by a model as a user would, each against its truth."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference import locator
from onfh_nnunet.workflows.hip_labels import on_one_grid, read_hips
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Settings
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.metrics.mask_pairs import compare_masks
from postprocessing.uncertainty.conformal import Calibration

Key = tuple[str, Side | None]
"""The name of a scan without its side, and the side of a hip."""

WIDER = 1.8
"""How much wider the bundled model's intervals are than its errors on our lesions, but for healthy hips.

It outlines lesions that another program paints less well. In 48 of these, intervals without it held 28 times the truth,
and with it 44 times.
"""

DRAWN = LabelRules(necrosis="2")
"""A label without necrosis is a healthy hip."""


def judged_hips(
    model: Path, cohort: Path, scans: Iterable[Path], out: Path, weights: Path = locator.WEIGHTS
) -> list[CrossvalRow]:
    """All hips of some scans of a cohort of `onfh phantom` or `onfh implant`, each against its truth.

    A hip that the model did not find has a row as well, of an empty mask: no mean leaves it out.

    The percentage that is true is that of truth.csv, from samples finer than voxels; what is outlined is compared with
    the label.

    Args:
        model: A model file.
        cohort: With labels/ and truth.csv.
        scans: Files of its images/; predicted in one run.
        out: A new folder for the masks.
        weights: Of the locator.
    """
    chosen = sorted(scans)
    settings = Settings(model, out, None, Device.CPU, None, tta=False, keep_ids=True)
    with patch.object(locator, "WEIGHTS", weights):
        found = {(_name(Path(row.source)), row.side): row for row in predict_scans(chosen, settings).rows}
    truth = _truth(cohort / "truth.csv")
    labels = {key: cohort / "labels" / scan.name for scan in chosen for key in _hips(scan)}
    return [_judged(key, found.get(key), label, out, truth[key]) for key, label in labels.items()]


def widened(calibration: Calibration) -> Calibration:
    """A calibration for lesions that are unlike those it knows, see `WIDER`."""
    reach = {
        grade: value if grade is Grade.NONE or value is None else WIDER * value
        for grade, value in calibration.reach.items()
    }
    return replace(calibration, reach=reach)


def _judged(key: Key, found: GradeRow | None, label: Path, out: Path, percent: float) -> CrossvalRow:
    name, side = key
    hips = read_hips(label, None, None, DRAWN, label.name)
    drawn = next(hip for hip in hips if hip.mask.side in (None, side)).mask.labels
    mask = Volume.read(out / f"{found.case_id}.nii.gz") if found else Volume(np.zeros_like(drawn.array), drawn.grid)
    row = compare_masks(f"{name}_{side}", *on_one_grid(drawn, mask, name))
    grade = steinberg_grade(percent, 100)
    row = replace(row, patient=name.split("_")[0], side=side, necrosis_percent_true=percent, grade_true=grade)
    return row.with_traits(HipTraits.of(found) if found else None)


def _truth(table: Path) -> dict[Key, float]:
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("_".join(filter(None, (row["patient_id"], row.get("visit")))) for row in rows)
    return {(name, Side(row["side"])): float(row["necrosis_percent"]) for name, row in zip(names, rows, strict=True)}


def _hips(scan: Path) -> list[Key]:
    """The hips of a scan, whose file's name ends with their side, B for both."""
    side = scan.name.removesuffix(".nii.gz").rpartition("_")[2]
    return [(_name(scan), one) for one in Side if side in ("B", one)]


def _name(scan: Path) -> str:
    """The name of a scan's file without the side at its end."""
    return scan.name.removesuffix(".nii.gz").rpartition("_")[0]
