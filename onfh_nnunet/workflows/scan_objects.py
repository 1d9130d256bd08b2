"""What `onfh predict` writes of a scan beside its masks where it is asked to: DICOM objects, a segmentation of Slicer.

They follow from masks and lines that are written already, so a later run adds them without predicting again. DICOM
objects name the patient as the scan does: they lie in ``OUT/private``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from onfh_nnunet import __version__
from onfh_nnunet.core.errors import StaleError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import label_mark
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.dicom_objects import objects_of
from onfh_nnunet.workflows.scan_page import scan_page
from postprocessing.dicom.origin import Origin
from postprocessing.masks.slicer_segmentation import write_seg_nrrd
from postprocessing.measurement.grades_table import Line, graded_in, missed_in

if TYPE_CHECKING:
    from dataset_conversion.cohort.scan_input import ScanInput
    from onfh_nnunet.core.source_series import SourceSeries


def dicom_folder(out: Path) -> Path:
    """Where the DICOM objects of OUT lie."""
    return out / "private" / "dicom"


def dicom_files(out: Path, name: str) -> tuple[Path, Path, Path]:
    """Segmentation, report and page of a scan."""
    folder = dicom_folder(out)
    return folder / f"{name}_seg.dcm", folder / f"{name}_sr.dcm", folder / f"{name}_pdf.dcm"


def seg_nrrd_file(out: Path, name: str) -> Path:
    """The segmentation of a scan for 3D Slicer."""
    return out / "slicer" / f"{name}.seg.nrrd"


def object_files(out: Path, name: str) -> tuple[Path, ...]:
    """All files of a scan that this module may write."""
    return (*dicom_files(out, name), seg_nrrd_file(out, name))


@dataclass(frozen=True)
class ScanObjects:
    """The objects that a run is asked for.

    Args:
        out: OUT.
        model_sha256: The model.
        dicom: Whether DICOM objects are asked for.
        seg_nrrd: Whether a segmentation of Slicer is.
    """

    out: Path
    model_sha256: str
    dicom: bool
    seg_nrrd: bool

    def source(self, given: ScanInput) -> SourceSeries | None:
        """What DICOM objects refer to; None where none are asked for.

        Raises:
            ReadError: The scan is no DICOM series, or lacks a UID.
        """
        from dataset_conversion.readers import read_source

        return read_source(given.path, given.series) if self.dicom else None

    def write(self, name: str, lines: Sequence[Line], masks: Mapping[str, Volume], source: SourceSeries | None) -> None:
        """Write the objects of a scan whose masks, record and images lie in OUT already.

        Args:
            name: The scan's.
            lines: Its lines of grades.csv.
            masks: Of its graded hips, by case id.
            source: From `source`.
        """
        graded = graded_in(lines)
        if source is not None:
            hips = [(row, masks[row.case_id]) for row in graded]
            origin = Origin(__version__, self.model_sha256, datetime.now())
            objects = objects_of(hips, missed_in(lines), source, origin)
            page = scan_page(self.out, name, lines, masks, objects.report, source, origin)
            replace(objects, page=page).write(*dicom_files(self.out, name))
        if self.seg_nrrd:
            sided = {Side(row.side or ""): masks[row.case_id] for row in graded}
            write_seg_nrrd(seg_nrrd_file(self.out, name), sided)

    def add_missing(self, name: str, given: ScanInput, lines: Sequence[Line], mask_file: Callable[[str], Path]) -> None:
        """Write the objects that a scan that was predicted before lacks.

        Raises:
            StaleError: A mask was changed since: the lines are not its own.
        """
        lacks_dicom = self.dicom and not all(file.is_file() for file in dicom_files(self.out, name))
        lacks_seg = self.seg_nrrd and not seg_nrrd_file(self.out, name).is_file()
        if lacks_dicom or lacks_seg:
            masks = {row.case_id: read_unchanged(mask_file(row.case_id)) for row in graded_in(lines)}
            wanted = ScanObjects(self.out, self.model_sha256, lacks_dicom, lacks_seg)
            wanted.write(name, lines, masks, wanted.source(given))


def read_unchanged(file: Path) -> Volume:
    """A mask in OUT as it was written.

    Raises:
        ReadError: It is missing or damaged.
        StaleError: It was changed since.
    """
    mask = Volume.read(file)
    if mask.mark != label_mark(mask.array):
        problem = "was changed since onfh predict wrote it, and its measurements are of the mask as it was"
        raise StaleError(file, problem, "Move it away, and run onfh predict again")
    return mask
