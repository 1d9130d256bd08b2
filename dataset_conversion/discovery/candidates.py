"""Scans and labels found in a folder, before they are matched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.file_names import stem, words
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side


@dataclass(frozen=True)
class ScanCandidate:
    """A 3D MR image.

    Args:
        path: What the column ``image`` names: a folder of DICOM files, or an image file.
        grid: Where its voxels lie.
        words: Of its path below the folder that was searched; see `words_of`.
        patient_id: DICOM's PatientID; empty where there is none.
        series: What the column ``series`` must say; empty where the folder holds one MR series.
        series_uid: SeriesInstanceUID; empty for an image file.
        frame_of_reference: FrameOfReferenceUID; empty where it is not stated.
        laterality: The side that the header states.
    """

    path: Path
    grid: Grid
    words: frozenset[str]
    patient_id: str = ""
    series: str = ""
    series_uid: str = ""
    frame_of_reference: str = ""
    laterality: Side | None = None

    @property
    def home(self) -> Path:
        """The folder that contains it."""
        return self.path if self.series_uid else self.path.parent

    def __str__(self) -> str:
        return f"{self.path} ({self.series})" if self.series else str(self.path)


@dataclass(frozen=True)
class LabelPart:
    """A face-connected component of a label: its volume in ml, and x (LPS, mm) of its centre."""

    ml: float
    x_mm: float


@dataclass(frozen=True)
class LabelCandidate:
    """A label map or a segmentation.

    Args:
        path: Its file.
        grid: Where its voxels lie; it may be smaller than its scan's.
        words: As for a scan, and the PatientID of a DICOM SEG.
        segments: Names of its segments, values of a plain label map.
        parts: What it draws, all segments together, the largest part first; none in an empty label.
        series_uids: The series that a DICOM SEG refers to.
        frame_of_reference: FrameOfReferenceUID of a DICOM SEG; empty for other formats.
    """

    path: Path
    grid: Grid
    words: frozenset[str]
    segments: tuple[str, ...]
    parts: tuple[LabelPart, ...]
    series_uids: frozenset[str] = frozenset()
    frame_of_reference: str = ""

    def __str__(self) -> str:
        return str(self.path)


def words_of(path: Path, folder: Path, *more: str) -> frozenset[str]:
    """The lower-case words of a path below a folder, of all its parts and of `more`, without the suffix.

    Words are runs of letters and digits: ``P001_R label.nii.gz`` has ``p001``, ``r`` and ``label``.
    """
    below = path.relative_to(folder)
    return words(" ".join((*below.parent.parts, stem(below), *more)))
