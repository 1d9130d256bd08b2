"""The hips of a scan as DICOM objects: a Segmentation and a Structured Report for the archive of the scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onfh_nnunet import __version__
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.errors import LabelError, StaleError
from onfh_nnunet.core.private_folder import write_private
from onfh_nnunet.core.source_series import SourceSeries
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.predicted_hip import PredictedHip
from postprocessing.dicom.origin import Origin
from postprocessing.dicom.segmentation import segmentation, segments_of
from postprocessing.dicom.structured_report import structured_report
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import MissedHip

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class DicomObjects:
    """The DICOM objects of one scan.

    Args:
        segmentation: A Segmentation: femoral head and necrosis of each hip.
        report: A Comprehensive SR after TID 1500, which refers to it.
        page: An Encapsulated PDF, the page of the patient; None where nobody asked for it.
    """

    segmentation: Dataset
    report: Dataset
    page: Dataset | None = None

    def write(self, *files: Path) -> None:
        """Write segmentation, report and page; only their owner may read them, because they name the patient.

        Raises:
            WorkspaceError: One cannot be written.
        """
        made = [self.segmentation, self.report, *([self.page] if self.page is not None else [])]
        for file, dataset in zip(files, made, strict=True):
            write_private(file, _content(dataset))


def dicom_objects(
    hips: PredictedHip | Iterable[PredictedHip],
    source: AnyPath,
    *,
    series: str | None = None,
    made: datetime | None = None,
) -> DicomObjects:
    """Make a DICOM Segmentation and a Structured Report of the predicted hips of one scan.

    Patient, study and frame of reference are those of the scan, so that both can be stored beside it. UIDs follow from
    the content: objects that are made again have the same ones.

    Args:
        hips: One hip or both, as `predict` returned them for this scan.
        source: The DICOM series that they were predicted in: a folder, a zip archive or an enhanced file.
        series: Which series of it, as for `read_scan`.
        made: When; default: now.

    Raises:
        ReadError: The scan is no DICOM series, or lacks a UID that must be repeated.
        GridMismatch: The hips are not of this scan.
        SideError: Two hips are of one side.
        StaleError: The hips were predicted by different models.

    Example:
        ```python
        import onfh_nnunet as onfh

        made = onfh.dicom_objects(onfh.predict("scans/0001"), "scans/0001")
        made.segmentation.save_as("seg.dcm")
        made.report.save_as("sr.dcm")
        ```
    """
    from dataset_conversion.readers import read_source

    given = [hips] if isinstance(hips, PredictedHip) else list(hips)
    if not given:
        raise LabelError("hips", "are none, expected those of a scan", "Give what predict returned")
    models = {hip.model_sha256 for hip in given}
    if len(models) > 1:
        raise StaleError("hips", f"were predicted by {len(models)} models, expected one", "Predict them again")
    graded = [(hip.measurement, hip.mask) for hip in given]
    missed = [one for one in given[0].missed if one.side not in {hip.side for hip in given}]
    return objects_of(
        graded, missed, read_source(source, series), Origin(__version__, models.pop(), made or datetime.now())
    )


def objects_of(
    hips: Sequence[tuple[GradeRow, Volume]], missed: Sequence[MissedHip], source: SourceSeries, origin: Origin
) -> DicomObjects:
    """Make the objects of hips that are at hand; see `dicom_objects`."""
    segments = segments_of(hips, source, origin)
    segmented = segmentation(segments, source, origin)
    return DicomObjects(segmented, structured_report(segments, missed, segmented, source, origin))


def _content(dataset: Any) -> bytes:
    """The bytes of a DICOM file."""
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
