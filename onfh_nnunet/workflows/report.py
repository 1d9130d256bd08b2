"""HTML report of a prediction or a cross-validation."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np

from dataset_conversion.readers import read_volume
from onfh_nnunet import __version__
from onfh_nnunet.core.atomic_files import write_text
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.folder_lock import locked
from onfh_nnunet.core.hip_crop import LEFT_RIGHT_AXIS
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.run_log import log_into
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.dataset import Case, Dataset
from onfh_nnunet.study.study_lock import locked_study
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.workflows.model_record import recorded_model
from onfh_nnunet.workflows.scan_names import ScanSources
from onfh_nnunet.workflows.scan_records import recorded_series
from onfh_nnunet.workflows.written_grades import read_written_grades
from postprocessing.measurement.grades_table import graded_in
from postprocessing.report.page import CrossvalTables, crossval_page, has_valid_digest, prediction_page, with_digest
from postprocessing.report.slices import REFERENCE, hip_png


def report(out: AnyPath, *, progress: Progress = silent) -> Path:
    """Write a prediction or a cross-validation as one HTML file.

    Args:
        out: The `out` of `predict`, or the folder crossval of a study.
        progress: Called after each hip that is drawn.

    Returns:
        The page, ``report.html`` in `out`.

    Raises:
        ReadError: A scan or a table cannot be read.
        StaleError: grades.csv says something else than what `predict` wrote.
        WorkspaceError: The folder is neither; a mask is missing; or a report.html lies there that was not made so.

    Example:
        >>> from onfh_nnunet.workflows.report import report
        >>> report("out")  # doctest: +SKIP
        PosixPath('out/report.html')
    """
    folder = Path(out)
    target = folder / "report.html"
    if target.exists() and not (target.is_file() and has_valid_digest(target.read_bytes())):
        raise WorkspaceError(target, "exists already and is not an unedited onfh report", "Move it away")
    if (folder / "grades.csv").is_file():
        with locked(folder, "onfh report", "try again later"):
            log_into(folder)
            write_text(target, with_digest(_prediction_page(folder, progress)))
    elif (folder / "cases.csv").is_file() and (folder / "summary.csv").is_file():
        workspace = Workspace.open(folder.resolve().parent)
        with locked_study(workspace, "onfh report"):
            log_into(workspace.root)
            write_text(target, with_digest(_crossval_page(folder, workspace, progress)))
    else:
        remedy = "Give the `out` of onfh predict, or the folder crossval that onfh crossval made"
        raise WorkspaceError(folder, "is neither an output of predict nor a cross-validation", remedy)
    return target


def _prediction_page(out: Path, progress: Progress) -> str:
    lines, sources, series = read_written_grades(out), ScanSources(out), recorded_series(out)
    rows = graded_in(lines)
    pictures: dict[str, bytes] = {}
    for (said, part), hips in groupby(rows, key=lambda row: (row.source, series.get(row.case_id, ""))):
        masks = {hip.case_id: _mask(out, hip.case_id, "Run onfh predict again") for hip in hips}
        source = sources.find(said, part)
        scan = read_volume(source.path, source.series)  # a scan of both hips is read once
        for case_id, mask in masks.items():
            pictures[case_id] = hip_png(scan, {"prediction": mask}, case_id)
            progress(case_id, len(pictures), len(rows))
    return prediction_page(lines, pictures, recorded_model(out), __version__)


def _crossval_page(out: Path, workspace: Workspace, progress: Progress) -> str:
    tables = CrossvalTables.read(out)
    dataset = Dataset.read(workspace)
    cases = {case.case_id: case for case in dataset.cases}
    pictures: dict[str, bytes] = {}
    for row in tables.cases:
        if row.case_id not in cases:
            raise WorkspaceError(row.case_id, "is not in the dataset", "Run onfh crossval again")
        pictures[row.case_id] = _compared(dataset, cases[row.case_id], out / "masks")
        progress(row.case_id, len(pictures), len(tables.cases))
    return crossval_page(tables, pictures, __version__)


def _compared(dataset: Dataset, case: Case, masks: Path) -> bytes:
    prediction = _mask(masks, case.case_id, "Run onfh crossval again")
    reference, image = Volume.read(dataset.label(case)), Volume.read(dataset.image(case))
    shown = {"prediction": _as_patient(prediction, case), REFERENCE: _as_patient(reference, case)}
    return hip_png(_as_patient(image, case), shown, case.case_id)


def _as_patient(hip: Volume, case: Case) -> Volume:
    """Undo the mirroring of a left hip's array; its grid already has the hip's position in the patient."""
    return Volume(np.flip(hip.array, LEFT_RIGHT_AXIS), hip.grid) if case.mirrored else hip


def _mask(folder: Path, case_id: str, remedy: str) -> Volume:
    path = folder / f"{case_id}.nii.gz"
    if not path.is_file():
        raise WorkspaceError(case_id, f"has no mask: {path} is missing", remedy)
    return Volume.read(path)
