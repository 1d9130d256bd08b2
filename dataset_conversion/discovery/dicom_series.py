"""MR series and segmentations among the DICOM files of a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_conversion.discovery.candidates import LabelCandidate, LabelPart, ScanCandidate, words_of
from dataset_conversion.readers.dicom import laterality
from dataset_conversion.readers.frames import frames_of
from dataset_conversion.readers.headers import Header, path_of
from dataset_conversion.readers.segmentation import Segmentation
from dataset_conversion.readers.stack import stacked
from dataset_conversion.readers.study import Series
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.user_files import refused_whole


def scans_of_series(headers: Sequence[Header], folder: Path) -> tuple[list[ScanCandidate], list[str]]:
    """The MR series that form one 3D scan each, and a note on each other series.

    Args:
        headers: Of all DICOM files that were found, segmentations left out; each has a SeriesInstanceUID.
        folder: That was searched.
    """
    found = _grouped(headers)
    scans: list[ScanCandidate] = []
    notes: list[str] = []
    for series in found:
        try:
            with refused_whole(_home(series)):
                scans.append(_scan(series, found, folder))
        except OnfhError as error:
            notes.append(f"{_home(series)}: left out series {series}, it {error.problem}")
    return scans, notes


def label_of_seg(path: Path, folder: Path, drawn: Segmentation, parts: tuple[LabelPart, ...]) -> LabelCandidate:
    """A DICOM SEG as a label, with the series that it refers to."""
    header = _header(path, "PatientID", "ReferencedSeriesSequence")
    referenced = frozenset(str(item.SeriesInstanceUID) for item in header.get("ReferencedSeriesSequence") or ())
    words = words_of(path, folder, str(header.get("PatientID") or ""))
    names = tuple(segment.name or str(segment.number) for segment in drawn.segments)
    return LabelCandidate(path, drawn.grid, words, names, parts, referenced, drawn.frame_of_reference or "")


def _grouped(headers: Sequence[Header]) -> list[Series]:
    by_uid: dict[str, list[Header]] = {}
    for header in headers:
        by_uid.setdefault(str(header.SeriesInstanceUID), []).append(header)
    return [
        Series(uid, str(first.get("SeriesDescription", "")), str(first.get("Modality", "")), (first, *rest))
        for uid, (first, *rest) in by_uid.items()
    ]


def _scan(series: Series, found: Sequence[Series], folder: Path) -> ScanCandidate:
    home, first = _home(series), series.headers[0]
    frames = [frame for header in series.headers for frame in frames_of(header)]
    if len(frames) == 1:
        raise ReadError(home, "holds a single image, expected the slices of a 3D scan", "Give a whole series")
    _, grid = stacked(home, frames)
    patient_id = on_one_line(_header(path_of(first), "PatientID").get("PatientID") or "").strip()
    return ScanCandidate(
        home,
        grid,
        words_of(home, folder),
        patient_id,
        _name_of(series, [one for one in found if _is_below(home, one)]),
        series.uid,
        str(first.get("FrameOfReferenceUID", "")),
        laterality(series.headers, home),
    )


def _home(series: Series) -> Path:
    """The deepest folder that contains all its files."""
    return Path(os.path.commonpath([path_of(header).parent for header in series.headers]))


def _is_below(folder: Path, series: Series) -> bool:
    """Whether a reader that is given the folder finds this series among the MR series."""
    return series.modality in ("MR", "") and any(path_of(one).is_relative_to(folder) for one in series.headers)


def _name_of(series: Series, beside: Sequence[Series]) -> str:
    """What identifies a series in its folder: its description, or its UID where the description is not unique."""
    if len(beside) == 1:
        return ""
    same = [one for one in beside if one.description == series.description]
    text = on_one_line(series.description).strip()
    clear = len(same) == 1 and text and text == series.description
    return series.description if clear else series.uid


def _header(path: Path, *keywords: str) -> Any:
    import pydicom

    return pydicom.dcmread(path, specific_tags=list(keywords), stop_before_pixels=True)
