"""The pages of OUT: ``report/<patient>.html`` for each patient, and ``report.html``, which lists all hips."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from onfh_nnunet import __version__
from onfh_nnunet.core.atomic_files import remove_file, write_text
from onfh_nnunet.core.choices import JicTies
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.progress import Progress
from onfh_nnunet.workflows.grade import add_landmarks
from onfh_nnunet.workflows.model_record import read_statement
from onfh_nnunet.workflows.output_rows import FailedRow
from onfh_nnunet.workflows.scan_images import HipImages
from onfh_nnunet.workflows.scan_objects import read_unchanged
from onfh_nnunet.workflows.scan_records import recorded_days
from onfh_nnunet.workflows.written_grades import read_written_grades
from postprocessing.measurement.grades_table import Line, MissedHip, graded_in, right_first
from postprocessing.measurement.landmarks import read_landmarks
from postprocessing.report.head_views import head_views
from postprocessing.report.hip_pictures import HipPictures, hip_pictures
from postprocessing.report.prediction_pages import FailedScan, ReportedHip, index_page, patient_page
from postprocessing.report.rendering import has_valid_digest, with_digest

PAGES = "report"
"""The folder in OUT with a page for each patient."""


def write_prediction_pages(out: Path, index: Path, landmarks: Path | None, progress: Progress) -> None:
    """Write the pages of a prediction, the index last.

    Args:
        out: OUT.
        index: The index.
        landmarks: Acetabular landmarks, for JIC types.
        progress: Called after each hip.

    Raises:
        GeometryError: Landmarks do not fit a head.
        GridMismatch: A mask is none of the scan that its images are of.
        ReadError: An image, a mask or a table cannot be read.
        StaleError: grades.csv or a mask is no longer what `predict` wrote.
        WorkspaceError: A mask is missing, or a page lies there that was not made so.
    """
    lines, model, days = _lines(out, landmarks), read_statement(out), recorded_days(out)
    caution = model.caution if model else ""
    hips: list[ReportedHip] = []
    for line in lines:
        hips.append(_reported(out, line, caution, days.get(line.case_id, "")))
        progress(line.case_id, len(hips), len(lines))
    by_case = {hip.line.case_id: hip for hip in hips}
    pages = {}
    for patient, own in groupby(sorted(hips, key=lambda hip: hip.patient), key=lambda hip: hip.patient):
        ordered = [by_case[line.case_id] for line in right_first(hip.line for hip in own)]
        pages[patient] = out / PAGES / f"{patient}.html"
        write_page(pages[patient], patient_page(ordered, model, __version__, landmarks.name if landmarks else ""))
    _remove_others(out, set(pages.values()))
    links = {patient: f"{PAGES}/{page.name}" for patient, page in pages.items()}
    write_page(index, index_page(hips, _failed(out), model, __version__, links))


def require_own_page(target: Path) -> None:
    """Refuse to replace a page that was not made here, or was edited.

    Raises:
        WorkspaceError: It lies there.
    """
    if target.exists() and not (target.is_file() and has_valid_digest(target.read_bytes())):
        raise WorkspaceError(target, "exists already and is not an unedited onfh report", "Move it away")


def write_page(target: Path, page: str) -> None:
    """Write a page with its digest.

    Raises:
        WorkspaceError: It cannot be written, or a page lies there that was not made so.
    """
    require_own_page(target)
    write_text(target, with_digest(page))


def require_mask(folder: Path, case_id: str, remedy: str) -> Path:
    """The file of a mask.

    Raises:
        WorkspaceError: It is missing.
    """
    path = folder / f"{case_id}.nii.gz"
    if not path.is_file():
        raise WorkspaceError(case_id, f"has no mask: {path} is missing", remedy)
    return path


def _lines(out: Path, landmarks: Path | None) -> list[Line]:
    """The lines of grades.csv, with JIC types where there are landmarks."""
    lines = read_written_grades(out)
    if landmarks is None:
        return lines
    graded = graded_in(lines)
    known = read_landmarks(landmarks, [row.case_id for row in graded])
    typed = {row.case_id: row for row in add_landmarks(graded, known, JicTies.MINISTRY)}
    return [typed.get(line.case_id, line) for line in lines]


def _reported(out: Path, line: Line, caution: str, day: str) -> ReportedHip:
    if isinstance(line, MissedHip):
        return ReportedHip(line, caution, day=day)
    mask, side = read_unchanged(require_mask(out, line.case_id, "Run onfh predict again")), Side(line.side or "")
    images = HipImages.read(out, line.case_id)
    pictures: HipPictures | None = None
    if images is not None:
        pictures = hip_pictures(images.hip, images.whole, mask, side, line.case_id)
    return ReportedHip(line, caution, pictures, head_views(HipMask(mask, side), line.case_id), _voxel(mask.grid), day)


def _voxel(grid: Grid) -> str:
    return " x ".join(f"{edge:.2f}" for edge in grid.spacing_mm) + " mm (slice, row, column of the scan)"


def _failed(out: Path) -> list[FailedScan]:
    """The scans of the last run that have no result."""
    table = out / "failed.csv"
    if not table.is_file():
        return []
    return [FailedScan(row.case, row.message) for row in read_rows(table, FailedRow)]


def _remove_others(out: Path, pages: set[Path]) -> None:
    """Remove pages of patients that are no longer among the results; what was not made here stays."""
    for page in (out / PAGES).glob("*.html"):
        if page not in pages and page.is_file() and has_valid_digest(page.read_bytes()):
            remove_file(page)
