"""Benchmark of many scans in one `onfh predict --batch`, against one process per scan and against no overlap of steps.

    python -m benchmarks.predict_batch MODEL [SCANS]

The scans are DICOM phantoms. Processes of their own, one after the other, each load the model; in one process the next
scan is read and the last one written while one is predicted. The last line leaves loading out: the same three steps of
the same scans in this process, pipelined and in turn.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.processes import Cost, machine, python
from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.phantom.phantom_cohort import write_phantom_cohort
from onfh_nnunet.core.choices import PhantomForm
from onfh_nnunet.core.devices import Device
from onfh_nnunet.models.model_file import ModelFile
from onfh_nnunet.workflows.model_record import statement_of
from onfh_nnunet.workflows.output_folder import OutputFolder
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.prefetch import prefetch
from onfh_nnunet.workflows.scan_names import ScanNames
from onfh_nnunet.workflows.scan_pipeline import ScanPipeline

DIFFERENT, SCANS, THROUGHPUT = 4, 12, 1.3


def main() -> None:
    """Print seconds per scan and the speed-up of a batch."""
    model, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SCANS
    with tempfile.TemporaryDirectory(prefix="onfh-bench-") as folder:
        root = Path(folder)
        scans = _scans(root, count)
        print(f"{machine()}; {count} DICOM scans of one hip")
        alone = Cost(0.0, 0.0)
        for scan in scans:
            taken = python("onfh_nnunet", "predict", scan, "--model", model, "--out", root / "alone")
            alone = alone.and_more(taken.cost, 1)
        batch = python("onfh_nnunet", "predict", "--batch", root / "scans", "--model", model, "--out", root / "batch")
        ratio = alone.seconds / batch.cost.seconds
        verdict = "" if ratio >= THROUGHPUT else ": MISSED"
        print(f"one process a scan {alone}; one batch {batch.cost}, {batch.peak_gb:.2f} GB")
        print(f"  throughput {alone.over(batch.cost)} (at least {THROUGHPUT:g}{verdict})")
        overlapped, in_turn = (_inside(root / name, model, scans, way) for name, way in _WAYS.items())
        print(f"model loaded: steps in turn {in_turn}, overlapped {overlapped}: {in_turn.over(overlapped)}")


def _scans(root: Path, count: int) -> list[Path]:
    """Copies of a few different scans."""
    write_phantom_cohort(root / "c", hips=DIFFERENT, seed=3, form=PhantomForm.DICOM)
    originals = sorted((root / "c" / "images").iterdir())
    return [
        Path(shutil.copytree(originals[number % len(originals)], root / "scans" / f"S{number:03d}"))
        for number in range(count)
    ]


def _inside(
    out: Path, model: Path, scans: list[Path], run: Callable[[list[tuple[str, Path]], ScanPipeline], None]
) -> Cost:
    bundle = ModelFile.read(model)
    settings = Settings(model, out, None, Device.AUTO, None, False)
    predictor = Predictor(bundle, settings.options, settings.model)
    predictor.load()
    results = OutputFolder(out, bundle.sha256, ScanNames(out, [ScanInput(scan) for scan in scans], keep_ids=True))
    items = list(results.names.scans.items())
    results.open()
    start, cpu = time.perf_counter(), time.process_time()
    run(items, ScanPipeline(predictor, results, settings, statement_of(model, bundle)))
    return Cost(time.perf_counter() - start, time.process_time() - cpu)


def _overlapped(items: list[tuple[str, Path]], way: ScanPipeline) -> None:
    for _ in prefetch(items, way.read, way.predict, way.write):
        pass


def _in_turn(items: list[tuple[str, Path]], way: ScanPipeline) -> None:
    for item in items:
        way.write(way.predict(way.read(item)))


_WAYS = {"overlapped": _overlapped, "in turn": _in_turn}


if __name__ == "__main__":
    main()
