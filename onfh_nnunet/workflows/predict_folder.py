"""Scans into a folder of masks and grades: read, predict, clean, write on the scan's grid, measure, grade."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.folder_record import require_no_other
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.workflows.output_folder import OutputFolder
from onfh_nnunet.workflows.output_rows import FailedRow
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.prefetch import prefetch
from onfh_nnunet.workflows.scan_inputs import ScanInputs
from onfh_nnunet.workflows.scan_names import ScanNames
from onfh_nnunet.workflows.scan_pipeline import Rows, ScanPipeline
from postprocessing.measurement.grade_rows import GradeRow as Row

__all__ = ["Predicted", "Row", "predict_scans"]


@dataclass(frozen=True)
class Predicted:
    """What a run came to.

    Args:
        rows: Of its scans, in their order.
        failed: The scans that failed, with all that is known of it: for the person at the terminal.
        n_scans: How many there were.
        passed_over: Entries of batch folders that are or hold no scans.
        chosen: Which series of each study in batch folders was taken and why, a line each: for the person at the
            terminal.
        beside: What lay beside the slices of the scans that were read, a line each: for the person at the terminal.
        caution: What the model says of each of its results.
        computed_by: The engine; empty where all was done before.
    """

    rows: Rows
    failed: list[FailedRow]
    n_scans: int
    passed_over: tuple[Path, ...]
    chosen: tuple[str, ...]
    beside: tuple[str, ...]
    caution: str
    computed_by: str


def predict_scans(inputs: Sequence[Path], settings: Settings, progress: Progress = silent) -> Predicted:
    """Segment and grade every hip of every scan; what was predicted from the same before is left as it is.

    An input is a scan or a table of scans; with `batch` a folder of studies.
    A scan that cannot be predicted is named in failed.csv, and the others go on.

    Raises:
        OnfhError: The only scan cannot be predicted; or the inputs, the model, the device or OUT cannot be used.
    """
    from onfh_nnunet.models.model_file import SYNTHETIC, ModelFile

    given = ScanInputs.of_batch(inputs, settings.out, progress) if settings.batch else ScanInputs.of(inputs)
    given = given.with_series(settings.series)
    path = settings.model or SYNTHETIC
    model_file = ModelFile.read(path)
    predictor = Predictor(model_file, settings.options, path)
    require_output_apart(settings.out, [*inputs, path])
    require_no_other(settings.out, "results of onfh predict")
    with locked(settings.out, "onfh predict", "give another `out`"):
        names = ScanNames(settings.out, given.scans, keep_ids=settings.keep_ids)
        results = OutputFolder(settings.out, model_file.sha256, names, predictor.caution)
        results.open()
        pipeline = ScanPipeline(predictor, results, settings)
        outcomes = _outcomes(names.scans, pipeline, progress)
        rows = [row for outcome in outcomes.values() if not isinstance(outcome, OnfhError) for row in outcome]
        errors = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, OnfhError)}
        alone = len(given.scans) == 1 and not given.listed
        results.close(rows, {} if alone else errors)
    if alone and errors:
        raise errors.popitem()[1]
    failed = [FailedRow.of(name, names.scans[name], error, details=True) for name, error in errors.items()]
    beside = tuple(pipeline.passed_over)
    return Predicted(
        rows, failed, len(given.scans), given.passed_over, given.lines, beside, predictor.caution, predictor.computed_by
    )


def _outcomes(scans: dict[str, ScanInput], way: ScanPipeline, progress: Progress) -> dict[str, Rows | OnfhError]:
    """What became of each scan: its rows, or why it failed."""
    outcomes: dict[str, Rows | OnfhError] = {}
    with closing(prefetch(scans.items(), way.read, way.predict, way.write)) as done:
        progress("", 0, len(scans))
        for name, outcome in zip(scans, done, strict=True):
            outcomes[name] = outcome
            progress(name, len(outcomes), len(scans))
    return outcomes
