"""Hips of known truth, predicted by a model as a user would, each against its truth."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import steinberg_grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.hip_labels import on_one_grid, read_hips
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Settings
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.metrics.mask_pairs import compare_masks

Key = tuple[str, str]
"""The name of a scan without its side, and the side of a hip."""

DRAWN = LabelRules(necrosis="2")
"""A label without necrosis is a healthy hip."""


def judged_hips(model: Path, cohort: Path, scans: Iterable[Path], out: Path) -> list[CrossvalRow]:
    """The hips of some scans of a cohort of `onfh phantom` or `onfh implant`, each against its truth.

    The percentage that is true is that of truth.csv, from samples finer than voxels; what is outlined is compared with
    the label.

    Args:
        model: A model file.
        cohort: With labels/ and truth.csv.
        scans: Files of its images/; predicted in one run.
        out: A new folder for the masks.
    """
    chosen = sorted(scans)
    settings = Settings(model, out, None, Device.CPU, None, tta=False, keep_ids=True)
    predicted = predict_scans(chosen, settings)
    truth = _truth(cohort / "truth.csv")
    rows = [_judged(row, cohort / "labels" / Path(row.source).name, out, truth) for row in predicted.rows]
    expected = {key for scan in chosen for key in truth if key[0] == _of_name(scan)[0] and key[1] in _sides(scan)}
    if missed := sorted(expected - {(_of_name(Path(row.source))[0], str(row.side)) for row in predicted.rows}):
        print(f"not found: {missed}", flush=True)
    return rows


def _judged(row: GradeRow, label: Path, out: Path, truth: dict[Key, float]) -> CrossvalRow:
    hips = read_hips(label, None, None, DRAWN, label.name)
    hip = next(hip for hip in hips if hip.mask.side in (None, row.side))
    drawn, mask = on_one_grid(hip.mask.labels, Volume.read(out / f"{row.case_id}.nii.gz"), row.case_id)
    name, _ = _of_name(label)
    percent = truth[(name, str(row.side))]
    made = compare_masks(f"{name}_{row.side}", drawn, mask)
    traits = {name: getattr(row, name) for name in ("thickest_mm", "head_grey_sd", "head_score", "unsure_percent")}
    patient = name.split("_")[0]
    return replace(
        made,
        patient=patient,
        side=row.side,
        necrosis_percent_true=percent,
        grade_true=steinberg_grade(percent, 100),
        **traits,
    )


def _truth(table: Path) -> dict[Key, float]:
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("_".join(filter(None, (row["patient_id"], row.get("visit")))) for row in rows)
    return {(name, row["side"]): float(row["necrosis_percent"]) for name, row in zip(names, rows, strict=True)}


def _of_name(scan: Path) -> tuple[str, str]:
    name, _, side = scan.name.removesuffix(".nii.gz").rpartition("_")
    return name, side


def _sides(scan: Path) -> tuple[str, ...]:
    side = _of_name(scan)[1]
    return tuple(map(str, Side)) if side == "B" else (side,)
