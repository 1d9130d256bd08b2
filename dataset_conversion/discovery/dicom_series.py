"""DICOM files of a folder: the MR series that make a 3D scan, and segmentations with what they refer to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_conversion.discovery.candidates import LabelCandidate, LabelPart, ScanCandidate, words_of
from dataset_conversion.readers.choice import of_anatomy
from dataset_conversion.readers.dicom import laterality
from dataset_conversion.readers.headers import Header, path_of
from dataset_conversion.readers.segmentation import Segmentation
from dataset_conversion.readers.stack import stacked
from dataset_conversion.readers.study import Series, Stack, grouped, stacks_of
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.user_files import refused_whole


def scans_of_series(headers: Sequence[Header], folder: Path) -> tuple[list[ScanCandidate], list[str]]:
    """The stacks of MR series that are 3D scans, and a note on all else.

    Args:
        headers: Of all DICOM files that were found, segmentations left out; each has a SeriesInstanceUID.
        folder: That was searched.
    """
    contents = grouped(headers)
    scans: list[ScanCandidate] = []
    notes = [f"{folder}: {line}" for line in contents.passed_over]
    for series in contents.series:
        try:
            with refused_whole(_home(series)):
                stacks = [] if series.is_localizer else stacks_of(series)
        except OnfhError as error:
            notes.append(f"{_home(series)}: left out series {series}, it {error.problem}")
            continue
        if series.is_localizer:
            notes.append(f"{_home(series)}: left out series {series}, it is a localizer")
        stacks, beside = of_anatomy(stacks)
        notes += [f"{_home(series)}: {line}" for line in beside]
        for stack in stacks:
            try:
                with refused_whole(_home(series)):
                    scans.append(_scan(stack, contents.series, folder))
            except OnfhError as error:
                notes.append(f"{_home(series)}: left out series {stack}, it {error.problem}")
    return scans, notes


def label_of_seg(path: Path, folder: Path, drawn: Segmentation, parts: tuple[LabelPart, ...]) -> LabelCandidate:
    """A DICOM SEG as a label, with the series that it refers to."""
    header = _header(path, "PatientID", "ReferencedSeriesSequence")
    referenced = frozenset(str(item.SeriesInstanceUID) for item in header.get("ReferencedSeriesSequence") or ())
    words = words_of(path, folder, str(header.get("PatientID") or ""))
    names = tuple(segment.name or str(segment.number) for segment in drawn.segments)
    return LabelCandidate(path, drawn.grid, words, names, parts, referenced, drawn.frame_of_reference or "")


def _scan(stack: Stack, found: Sequence[Series], folder: Path) -> ScanCandidate:
    series, frames = stack.series, stack.part.frames
    home, first = _home(series), stack.headers[0]
    if len(frames) == 1:
        raise ReadError(home, "holds a single image, expected the slices of a 3D scan", "Give a whole series")
    _, grid = stacked(home, frames)
    patient_id = on_one_line(_header(path_of(first), "PatientID").get("PatientID") or "").strip()
    return ScanCandidate(
        home,
        grid,
        words_of(home, folder),
        patient_id,
        ", ".join(filter(None, (_name_of(series, [one for one in found if _is_below(home, one)]), str(stack.part)))),
        series.uid,
        str(first.get("FrameOfReferenceUID", "")),
        laterality(stack.headers, home),
    )


def _home(series: Series) -> Path:
    """The deepest folder that holds all its files."""
    return Path(os.path.commonpath([path_of(header).parent for header in series.headers]))


def _is_below(folder: Path, series: Series) -> bool:
    """Whether a reader that is given the folder meets this series among the MR series."""
    return series.modality in ("MR", "") and any(path_of(one).is_relative_to(folder) for one in series.headers)


def _name_of(series: Series, beside: Sequence[Series]) -> str:
    """What tells a series from the others of its folder: its description, or its UID where others have the same."""
    if len(beside) == 1:
        return ""
    same = [one for one in beside if one.description == series.description]
    text = on_one_line(series.description).strip()
    clear = len(same) == 1 and text and text == series.description
    return series.description if clear else series.uid


def _header(path: Path, *keywords: str) -> Any:
    import pydicom

    return pydicom.dcmread(path, specific_tags=list(keywords), stop_before_pixels=True)
