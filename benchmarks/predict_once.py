"""Predict one scan twice in one process and print the times as JSON.

    python -m benchmarks.predict_once MODEL SCAN OUT ENGINE FOLDS

FOLDS is how many. The steps are those of `onfh predict`. Random weights outline no head: once the networks have
answered, a head takes the place of what they said, so that all that follows has one to work on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.predict_model import SPACING_MM
from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.inference.engine import Engine, engine_for

HEAD_MM, LESION_MM = 24.0, 14.0
"""The head's radius, and how far above its centre the lesion begins."""

Seconds = dict[str, tuple[float, float]]
"""Of each step: on the clock, and of all cores."""


def main() -> None:
    """Print the steps of both scans, and the seconds from the process's start to the first row."""
    model, scan, out, engine, folds = sys.argv[1:]
    load: Seconds = {}
    with _timed(load, "load"):
        segmenter, network = _loaded(Path(model), EngineName(engine), range(int(folds)))
    first = _rows(Path(scan), Path(out), segmenter, network)
    to_row = time.time() - psutil.Process().create_time(), time.process_time()
    further = _rows(Path(scan), Path(out), segmenter, network)
    print(json.dumps({"load": load["load"], "first": first, "to_row": to_row, "further": further}))


class _Clocked:
    """An engine that records the networks' time since `steps` was set, and puts a head in the middle of the output."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.steps: Seconds = {}

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        with _timed(self.steps, "network"):
            logits = self._engine.logits(patch)
        z, y, x = ((np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(logits.shape[1:], SPACING_MM, strict=True))
        off = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
        logits[0] = HEAD_MM - off
        logits[1] = np.minimum(logits[0], z[:, None, None] - LESION_MM)
        return logits


def _loaded(path: Path, name: EngineName, folds: range) -> tuple[Any, _Clocked]:
    from onfh_nnunet.inference.segmenter import HipSegmenter
    from onfh_nnunet.models.model_file import ModelFile

    model = ModelFile.read(path).model.of_folds(tuple(folds))
    network = _Clocked(engine_for(model, Device.CPU, name))
    return HipSegmenter(model, network), network


def _rows(scan: Path, out: Path, segmenter: Any, network: _Clocked) -> Seconds:
    from dataset_conversion.readers import read_volume
    from onfh_nnunet.core.hip_mask import HipMask
    from onfh_nnunet.inference.hip_prediction import predict_hips
    from postprocessing.masks.clean import clean
    from postprocessing.measurement.grade_rows import grade_row

    steps: Seconds = {}
    network.steps = steps
    with _timed(steps, "read"):
        volume = read_volume(scan)
    with _timed(steps, "locate and segment"):
        hips = predict_hips(volume, segmenter, None, scan)
    with _timed(steps, "clean, write and grade"):
        for hip in hips:
            mask = HipMask(clean(hip.mask(), f"P_{hip.side}"), hip.side)
            mask.labels.write(out / f"P_{hip.side}.nii.gz")
            grade_row(f"P_{hip.side}", str(scan), mask)
    return steps


@contextmanager
def _timed(steps: Seconds, what: str) -> Iterator[None]:
    start, cpu = time.perf_counter(), time.process_time()
    yield
    before = steps.get(what, (0.0, 0.0))
    steps[what] = before[0] + time.perf_counter() - start, before[1] + time.process_time() - cpu


if __name__ == "__main__":
    main()
