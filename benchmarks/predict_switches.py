"""The cost of each prediction option in seconds and Dice, on a trained demo.

    python -m benchmarks.predict_switches WORK

Two tables, each against single precision in torch, which gives stock nnU-Net's mask. Out of fold: each hip of WORK by
the one fold that never saw it. All folds: new phantoms by all folds together, or by some. What is marked with * is an
experiment and no option of `onfh predict`. The last column counts grades unlike the first line's, and of these the
ones that the switch's own interval does not meet.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.predict_answers import Answer, Hip, answers_of, print_table
from benchmarks.predict_experiments import Int8Engine, RegionEngine
from benchmarks.processes import machine
from dataset_conversion.phantom.phantom_cohort import CohortRow, write_phantom_cohort
from dataset_conversion.readers import read_volume
from onfh_nnunet.core.choices import EngineName, PhantomForm
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.hip import CANONICAL_SIDE
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import Engine, engine_for
from onfh_nnunet.inference.segmenter import HipSegmenter
from onfh_nnunet.models.model_file import out_of_fold_model, trained_model
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.preset import CONFIGURATION
from onfh_nnunet.study.splits import Splits
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.training.plan import Plan
from onfh_nnunet.workflows.crossval import out_of_fold

if TYPE_CHECKING:
    from onfh_nnunet.models.model import Model

NEW_HIPS, SEED = 24, 7
REGIONS_MM = (64,)
INT8_HIPS = 6


def main() -> None:
    """Print both tables for the workspace that the only argument names."""
    workspace = Workspace.open(Path(sys.argv[1]))
    dataset, splits, known = (
        Dataset.read(workspace),
        Splits.read(workspace.folds_csv),
        out_of_fold(workspace).calibration,
    )
    plan = Plan.read(dataset, splits)
    answers: dict[str, list[Answer]] = {}
    for fold in range(splits.n_folds):
        model, unseen = out_of_fold_model(dataset, plan, fold), set(splits.validation(fold))
        training = [Volume.read(dataset.image(case)) for case in dataset.cases if case.case_id not in unseen]
        hips = [case for case in dataset.cases if case.case_id in unseen]
        for name, segmenter in _of_one_fold(model, training[:: max(1, len(training) // INT8_HIPS)]):
            pairs = ((Volume.read(dataset.image(case)), Volume.read(dataset.label(case))) for case in hips)
            answers.setdefault(name, []).extend(answers_of(segmenter, pairs, known))
    print_table(f"{machine()}\n{len(dataset.cases)} hips out of fold, one fold each", answers)
    with tempfile.TemporaryDirectory(prefix="onfh-bench-") as folder:
        write_phantom_cohort(Path(folder) / "c", hips=NEW_HIPS, seed=SEED, form=PhantomForm.NIFTI)
        new = list(_cut(Path(folder) / "c"))
    segmenters = _of_all_folds(trained_model(dataset, splits, plan))
    print_table(
        f"{NEW_HIPS} new hips", {name: list(answers_of(segmenter, new, known)) for name, segmenter in segmenters}
    )


def _of_one_fold(model: Model, training: Sequence[Volume]) -> Iterator[tuple[str, HipSegmenter]]:
    """The results of each option, the exact method first."""
    exact = _engine(model, EngineName.TORCH, exact=True)
    yield "torch, fp32", HipSegmenter(model, exact)
    yield "torch, bf16", HipSegmenter(model, _engine(model, EngineName.TORCH))
    yield "openvino, fp32", HipSegmenter(model, _engine(model, EngineName.OPENVINO, exact=True))
    fast = _engine(model, EngineName.OPENVINO)
    yield "openvino, bf16: the default", HipSegmenter(model, fast)
    if model.mirroring_axes is not None:
        yield "openvino, bf16, --tta", HipSegmenter(model, fast, tta=True)
    if importlib.util.find_spec("nncf"):
        yield "* openvino, int8", HipSegmenter(model, Int8Engine.of(model, training))
    for edge in REGIONS_MM:
        region = RegionEngine(exact, tuple(round(edge / mm) for mm in _spacing(model)))
        yield f"* torch, fp32, region of {edge} mm", HipSegmenter(model, region)


def _of_all_folds(model: Model) -> Iterator[tuple[str, HipSegmenter]]:
    folds = sorted(model.weights)
    yield "torch, fp32", HipSegmenter(model, _engine(model, EngineName.TORCH, exact=True))
    for count in range(len(folds), 0, -1):
        some = model.of_folds(tuple(folds[:count]))
        name = f"the default, {count} folds" if count > 1 else "the default, 1 fold"
        yield name, HipSegmenter(some, _engine(some, EngineName.OPENVINO))


def _engine(model: Model, name: EngineName, *, exact: bool = False) -> Engine:
    return engine_for(model, Device.CPU, name, exact=exact)


def _spacing(model: Model) -> Sequence[float]:
    spacing: Sequence[float] = model.plans["configurations"][CONFIGURATION]["spacing"]
    return spacing


def _cut(cohort: Path) -> Iterator[Hip]:
    """The crop of each hip of a phantom cohort around its true head."""
    for row in read_rows(cohort / "cohort.csv", CohortRow):
        scan, label = read_volume(cohort / row.image), Volume.read(cohort / row.label)
        centre = scan.grid.to_mm(np.argwhere(label.array > 0).mean(axis=0))
        crop = HipCrop.around(scan.grid, centre, mirrored=row.side != CANONICAL_SIDE)
        yield crop.extract(scan), crop.extract(label)


if __name__ == "__main__":
    main()
