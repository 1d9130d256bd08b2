"""HTML report of a prediction or a cross-validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from onfh_nnunet import __version__
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
from onfh_nnunet.workflows.patient_pages import require_mask, require_own_page, write_page, write_prediction_pages
from postprocessing.report.page import CrossvalTables, crossval_page
from postprocessing.report.slices import REFERENCE, hip_png


def report(out: AnyPath, *, landmarks: AnyPath | None = None, progress: Progress = silent) -> Path:
    """Write a prediction or a cross-validation as HTML that opens offline.

    A prediction has one page a patient in ``report/``, and ``report.html`` lists all hips. Scans are not read again:
    what is shown of them lies in ``images/``.

    Args:
        out: The `out` of `predict`, or the folder crossval of a study.
        landmarks: Acetabular edge and teardrop of each hip of a prediction, CSV or Slicer .mrk.json, for JIC types.
        progress: Called after each hip that is drawn.

    Returns:
        The page, ``report.html`` in `out`.

    Raises:
        GeometryError: Landmarks do not fit a head.
        GridMismatch: A mask is none of the scan that its images are of.
        ReadError: An image, a mask, landmarks or a table cannot be read.
        StaleError: grades.csv or a mask is no longer what `predict` wrote.
        WorkspaceError: The folder is neither, or landmarks are given for a cross-validation; a mask is missing; or a
            page lies there that was not made so.

    Example:
        >>> from onfh_nnunet.workflows.report import report
        >>> report("out")  # doctest: +SKIP
        PosixPath('out/report.html')
    """
    folder = Path(out)
    target = folder / "report.html"
    require_own_page(target)
    if landmarks is not None and not (folder / "grades.csv").is_file():
        problem = "is no output of predict, expected one: landmarks are those of its hips"
        raise WorkspaceError(folder, problem, "Leave the landmarks out")
    if (folder / "grades.csv").is_file():
        with locked(folder, "onfh report", "try again later"):
            log_into(folder)
            write_prediction_pages(folder, target, Path(landmarks) if landmarks else None, progress)
    elif (folder / "cases.csv").is_file() and (folder / "summary.csv").is_file():
        workspace = Workspace.open(folder.resolve().parent)
        with locked_study(workspace, "onfh report"):
            log_into(workspace.root)
            write_page(target, _crossval_page(folder, workspace, progress))
    else:
        remedy = "Give the `out` of onfh predict, or the folder crossval that onfh crossval made"
        raise WorkspaceError(folder, "is neither an output of predict nor a cross-validation", remedy)
    return target


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
    prediction = Volume.read(require_mask(masks, case.case_id, "Run onfh crossval again"))
    reference, image = Volume.read(dataset.label(case)), Volume.read(dataset.image(case))
    shown = {"prediction": _as_patient(prediction, case), REFERENCE: _as_patient(reference, case)}
    return hip_png(_as_patient(image, case), shown, case.case_id)


def _as_patient(hip: Volume, case: Case) -> Volume:
    """Undo the mirroring of a left hip's array; its grid already has the hip's position in the patient."""
    return Volume(np.flip(hip.array, LEFT_RIGHT_AXIS), hip.grid) if case.mirrored else hip
