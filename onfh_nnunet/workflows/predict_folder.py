"""Prediction of scans into an output folder of masks and grades."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.errors import NoHipScan, OnfhError, WorkspaceError
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.folder_record import require_no_other
from onfh_nnunet.core.progress import Progress, now_and_then, silent
from onfh_nnunet.core.run_log import LOGGER, log_into
from onfh_nnunet.workflows.model_record import statement_of
from onfh_nnunet.workflows.output_folder import OutputFolder
from onfh_nnunet.workflows.output_rows import FailedRow
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.prefetch import prefetch
from onfh_nnunet.workflows.scan_inputs import ScanInputs
from onfh_nnunet.workflows.scan_names import ScanNames
from onfh_nnunet.workflows.scan_pipeline import Lines, ScanPipeline
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import MissedHip, graded_in, missed_in

__all__ = ["GradeRow", "Lines", "MissedHip", "Predicted", "predict_scans"]


@dataclass(frozen=True)
class Predicted:
    """The result of a run.

    Args:
        lines: Of grades.csv, those of its scans, in their order.
        failed: The scans without a result, with all that is known of it: for the person at the terminal.
        n_scans: How many there were.
        passed_over: Entries of batch folders that are or hold no scans.
        chosen: Which series of each study in batch folders was taken and why, a line each: for the person at the
            terminal.
        beside: What lay beside the slices of the scans that were read, a line each: for the person at the terminal.
        caution: What the model says of each of its results.
        computed_by: The engine; empty where all was done before.
        model_sha256: Digest of the model file.
    """

    lines: Lines
    failed: list[FailedRow]
    n_scans: int
    passed_over: tuple[Path, ...]
    chosen: tuple[str, ...]
    beside: tuple[str, ...]
    caution: str
    computed_by: str
    model_sha256: str

    @property
    def rows(self) -> list[GradeRow]:
        """The graded hips."""
        return graded_in(self.lines)

    @property
    def missed(self) -> list[MissedHip]:
        """The hips beside them that were missed."""
        return missed_in(self.lines)

    @property
    def wrong(self) -> list[FailedRow]:
        """The scans that should have a result: all that failed, but for what a folder holds that shows no hip."""
        return [row for row in self.failed if not row.shows_no_hip]


def predict_scans(
    inputs: Sequence[Path],
    settings: Settings,
    progress: Progress = silent,
    on_scan: Callable[[Lines | FailedRow], None] = lambda _outcome: None,
) -> Predicted:
    """Segment and grade every hip of every scan; what was predicted from the same before is left as it is.

    A scan that cannot be predicted is named in failed.csv, and the others go on.

    Args:
        inputs: The scans and tables of scans; with `batch` folders of studies.
        settings: What was asked.
        progress: Called after each scan.
        on_scan: Called after each scan with its lines of grades.csv, or why it failed; not with what is raised.

    Raises:
        OnfhError: The only scan cannot be predicted; or the inputs, the model, the device or OUT cannot be used.
    """
    from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile

    given = ScanInputs.of_batch(inputs, progress) if settings.batch else ScanInputs.of(inputs)
    if not given.scans:
        listed = "".join(f"\n  {line}" for line in (*given.lines, *given.passed_over))
        raise NoHipScan(inputs[0], "holds no scan of a hip", "Give MR images of the hip", f":{listed}\n")
    given = given.with_series(settings.series)
    if settings.keep_ids or settings.side:  # names and side are said
        given = given.unpaired()
    path = settings.model or BUNDLED_MODEL
    model_file = ModelFile.read(path)
    predictor = Predictor(model_file, settings.options, path)
    require_output_apart(settings.out, [*inputs, *(scan.path for scan in given.scans), path])
    require_no_other(settings.out, "results of onfh predict")
    with locked(settings.out, "onfh predict", "give another `out`"):
        names = ScanNames(settings.out, given.scans, keep_ids=settings.keep_ids)
        results = OutputFolder(settings.out, model_file.sha256, names, predictor.caution)
        others = results.open()
        log_into(settings.out)
        lines: Lines = []
        errors: dict[str, OnfhError] = {}
        alone = len(given.scans) == 1 and not given.listed
        pipeline = ScanPipeline(predictor, results, settings, statement_of(path, model_file))
        with _grades_kept(results, lines, others) as keep:
            for name, outcome in _outcomes(names.scans, pipeline, progress):
                if not isinstance(outcome, OnfhError):
                    lines += outcome
                    if pipeline.n_written:  # otherwise all is as the last run left it
                        keep()
                    on_scan(outcome)
                    continue
                errors[name] = outcome
                if not alone:
                    on_scan(FailedRow.of(name, names.scans[name], outcome, details=True, found=settings.batch))
        results.close([*lines, *others], {} if alone else errors)
    if alone and errors:
        raise errors.popitem()[1]
    failed = [
        FailedRow.of(name, names.scans[name], error, details=True, found=settings.batch)
        for name, error in errors.items()
    ]
    beside, model = tuple(pipeline.passed_over), (predictor.caution, predictor.computed_by, model_file.sha256)
    return Predicted(lines, failed, len(given.scans), given.passed_over, given.lines, beside, *model)


def _outcomes(
    scans: dict[str, ScanInput], way: ScanPipeline, progress: Progress
) -> Iterator[tuple[str, Lines | OnfhError]]:
    """Each scan and what became of it: its lines of grades.csv, or why it failed."""
    with closing(prefetch(scans.items(), way.read, way.predict, way.write)) as outcomes:
        progress("", 0, len(scans))
        for done, (name, outcome) in enumerate(zip(scans, outcomes, strict=True), start=1):
            _log(name, scans[name], outcome)
            yield name, outcome
            progress(name, done, len(scans))


def _log(name: str, source: ScanInput, outcome: Lines | OnfhError) -> None:
    if isinstance(outcome, OnfhError):
        LOGGER.error("%s (%s) failed: %s", name, source, outcome)
        return
    hips = ", ".join(f"{row.side} grade {row.steinberg_grade}" for row in graded_in(outcome))
    LOGGER.info("%s (%s): %s", name, source, hips)
    for line in outcome:
        if line.warnings:
            LOGGER.warning("%s: %s", line.case_id, line.warnings)


@contextmanager
def _grades_kept(results: OutputFolder, lines: Lines, others: Lines) -> Iterator[Callable[[], None]]:
    """Write grades.csv now and then while `lines` grows; and what there is of it when the block is interrupted."""

    def write() -> None:
        results.write_grades([*lines, *others])

    try:
        yield now_and_then(write)
    except BaseException:
        if lines:
            with suppress(WorkspaceError):
                write()
        raise
