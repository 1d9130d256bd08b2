"""The page of a patient as DICOM Encapsulated PDF, for the archive of the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onfh_nnunet import __version__
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.model_record import read_statement
from onfh_nnunet.workflows.scan_images import HipImages, voxel_size
from onfh_nnunet.workflows.scan_records import recorded_days_of
from postprocessing.dicom.encapsulated_pdf import encapsulated_pdf
from postprocessing.dicom.origin import Origin
from postprocessing.measurement.grades_table import Line, MissedHip, right_first
from postprocessing.report.hip_pictures import hip_pictures
from postprocessing.report.patient_pdf import patient_pdf
from postprocessing.report.prediction_pages import ReportedHip

if TYPE_CHECKING:
    from pydicom import Dataset

    from onfh_nnunet.core.source_series import SourceSeries


def scan_page(
    out: Path,
    name: str,
    lines: Sequence[Line],
    masks: Mapping[str, Volume],
    report: Dataset,
    source: SourceSeries,
    origin: Origin,
) -> Any:
    """The page of the hips of one scan, as a DICOM object.

    The pseudonym and the file's name stay out: in an archive they would tie the patient to the results.

    Args:
        out: OUT, with the scan's record, its images and the model's statement.
        name: The scan's.
        lines: Its lines of grades.csv.
        masks: Of its graded hips, by case id.
        report: Their Structured Report.
        source: The scan.
        origin: What made it.
    """
    model, days = read_statement(out), recorded_days_of(out, name)
    caution = model.caution if model else ""
    hips = [
        _hip(out, line, masks.get(line.case_id), caution, days.get(line.case_id, "")) for line in right_first(lines)
    ]
    content = patient_pdf(hips, model, __version__, "", [f"series {source.header.SeriesInstanceUID}"])
    return encapsulated_pdf(content, report, source, origin, pictures=sum(hip.pictures is not None for hip in hips))


def _hip(out: Path, line: Line, mask: Volume | None, caution: str, day: str) -> ReportedHip:
    if isinstance(line, MissedHip) or mask is None:
        return ReportedHip(line=line, caution=caution, day=day)
    images, pictures = HipImages.read(out, line.case_id), None
    if images is not None:
        pictures = hip_pictures(images.hip, images.whole, mask, Side(line.side or ""), line.case_id)
    return ReportedHip(line=line, caution=caution, pictures=pictures, voxel=voxel_size(mask.grid), day=day)
