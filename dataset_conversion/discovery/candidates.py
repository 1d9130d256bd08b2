"""Scans and labels found in a folder, before they are matched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side

_SUFFIX = re.compile(r"(\.seg)?\.(nii(\.gz)?|nrrd|nhdr|mha|mhd|dcm)$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_SIDE_WORDS = {Side.LEFT: {"l", "left"}, Side.RIGHT: {"r", "right"}}


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


def stem(path: Path) -> str:
    """The name of a file or folder without the suffix of its format."""
    return _SUFFIX.sub("", path.name)


def words_of(path: Path, folder: Path, *more: str) -> frozenset[str]:
    """The lower-case words of a path below a folder, of all its parts and of `more`, without the suffix.

    Words are runs of letters and digits: ``P001_R label.nii.gz`` has ``p001``, ``r`` and ``label``.
    """
    below = path.relative_to(folder)
    return words(" ".join((*below.parent.parts, stem(below), *more)))


def words(text: str) -> frozenset[str]:
    """The lower-case words of a text."""
    return frozenset(_WORD.findall(text.casefold()))


def named_side(*names: str) -> Side | None:
    """The side that names state as a word (``P001_L``, ``hip right``); None where they state neither side, or both."""
    said = words(" ".join(names))
    sides = [side for side, marks in _SIDE_WORDS.items() if said & marks]
    return sides[0] if len(sides) == 1 else None
