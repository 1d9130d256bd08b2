"""A row of a cohort, read: its scan, and its label on the scan's grid."""

from __future__ import annotations

from dataclasses import dataclass

from dataset_conversion.cohort.table import SourceScan
from dataset_conversion.labels.label_map import LabelFiles, Labelled, LabelRules, label_map
from dataset_conversion.labels.selection_errors import unstated_in_table
from dataset_conversion.readers import Scan, read_scan
from onfh_nnunet.core.errors import LabelError, SideError, UnstatedNecrosis
from onfh_nnunet.core.image_checks import require_mr


@dataclass(frozen=True, eq=False)
class LabelledScan:
    """A scan and the label map on its grid."""

    image: Scan
    label: Labelled


def read_labelled_scan(scan: SourceScan, rules: LabelRules, place: str, *, healthy: bool) -> LabelledScan:
    """Read the scan and the label of a row.

    Args:
        scan: The row.
        rules: What the label means.
        place: What messages name.
        healthy: Whether a label that holds no necrosis is meant so.

    Raises:
        OnfhError: It has no label; a file cannot be read or used, or the two do not belong together.
    """
    if scan.label is None:
        raise LabelError(place, "has no label", "Give a label, or leave the scan out")
    image = read_scan(scan.image, scan.series)
    require_mr(image.volume, place)
    _agree_on_side(scan, image, place)
    frame = image.acquisition.frame_of_reference if image.acquisition else None
    files = LabelFiles(scan.label, scan.label_necrosis, scan.side, healthy=healthy)
    try:
        return LabelledScan(image, label_map(files, rules, place, image.volume.grid, frame))
    except UnstatedNecrosis as error:
        raise unstated_in_table(error) from None


def _agree_on_side(scan: SourceScan, image: Scan, place: str) -> None:
    if image.laterality is not None and image.laterality not in scan.hips:
        problem = f"has side {scan.side} in the cohort and {image.laterality} in the DICOM header"
        raise SideError(place, problem, "Correct the side in the cohort, or the header")
