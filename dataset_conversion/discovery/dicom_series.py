"""MR series and segmentations among the DICOM files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_conversion.discovery.candidates import LabelCandidate, LabelPart, ScanCandidate, words_of
from dataset_conversion.discovery.suitability import Suitability, is_elsewhere, suitability, why_unfit
from dataset_conversion.readers.choice import of_anatomy
from dataset_conversion.readers.dicom import laterality
from dataset_conversion.readers.headers import Header, path_of
from dataset_conversion.readers.segmentation import Segmentation
from dataset_conversion.readers.stack import stacked
from dataset_conversion.readers.study import Series, Stack, grouped, stacks_of
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.user_files import refused_whole


@dataclass(frozen=True)
class RatedScan:
    """A stack that is a 3D MR scan, and how well it suits among those of its study.

    Args:
        scan: The scan.
        study: Whose it is and its StudyInstanceUID; empty where this is not stated.
        called: The stack, for a person.
        suitability: How well it suits.
        unfit: Why it is no scan of a hip, by its header; empty where nothing speaks against it.
        elsewhere: Whether its header names a body part away from the hip.
    """

    scan: ScanCandidate
    study: str
    called: str
    suitability: Suitability
    unfit: str
    elsewhere: bool


@dataclass(frozen=True)
class LeftOut:
    """A series, or a stack of one, that is no 3D MR scan.

    Args:
        home: Where it lies.
        study: Whose it is and its StudyInstanceUID; empty where this is not stated.
        called: What it is, for a person.
        why: What is wrong with it.
        is_localizer: Whether it only plans the others.
        elsewhere: Whether it is of another modality, or of a body part away from the hip.
    """

    home: Path
    study: str
    called: str
    why: str
    is_localizer: bool
    elsewhere: bool

    def __str__(self) -> str:
        return f"{self.home}: left out series {self.called}, it {self.why}"


@dataclass(frozen=True)
class FoundSeries:
    """What DICOM files make.

    Args:
        scans: The stacks that are 3D MR scans.
        left_out: The series and stacks that are none.
        lines: What else lies beside them.
    """

    scans: tuple[RatedScan, ...]
    left_out: tuple[LeftOut, ...]
    lines: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is no scan, a line each."""
        return (*self.lines, *map(str, self.left_out))


def scans_of_series(headers: Sequence[Header], folder: Path, archive: Path | None = None) -> FoundSeries:
    """The stacks of MR series that are 3D scans, and all else.

    Args:
        headers: Of all DICOM files that were found, segmentations left out; each has a SeriesInstanceUID.
        folder: That was searched.
        archive: The archive that was unpacked into the folder: a reader is given it whole.
    """
    contents = grouped(headers)
    scans: list[RatedScan] = []
    left_out: list[LeftOut] = []
    for series in contents.series:
        home = archive or _home(series)
        met = contents.series if archive else [one for one in contents.series if _is_below(home, one)]
        for found in _stacks(series, home, [one for one in met if one.is_image], folder):
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                scans.append(found)
    lines = tuple(f"{archive or folder}: {line}" for line in contents.passed_over)
    return FoundSeries(tuple(scans), tuple(left_out), lines)


def _stacks(series: Series, home: Path, beside: Sequence[Series], folder: Path) -> Iterator[RatedScan | LeftOut]:
    """The stacks of a series, each as a scan or with the reason why it is none."""
    if series.is_localizer:
        yield _left_out(_called(series), series, home, "is a localizer")
        return
    try:
        with refused_whole(home):
            stacks = stacks_of(series)
    except OnfhError as error:
        yield _left_out(_called(series), series, home, error.problem)
        return
    anatomy, _ = of_anatomy(stacks)
    for stack in stacks:
        if stack not in anatomy:
            yield _left_out(_called(series, str(stack.part)), series, home, "shows no anatomy")
            continue
        try:
            with refused_whole(home):
                yield _rated(stack, home, beside, folder)
        except OnfhError as error:
            yield _left_out(_called(series, str(stack.part)), series, home, error.problem)


def _left_out(what: str, series: Series, home: Path, why: str) -> LeftOut:
    first = series.headers[0]
    elsewhere = not series.is_image or is_elsewhere(first)
    return LeftOut(home, _study(first), what, why, series.is_localizer, elsewhere)


def label_of_seg(path: Path, folder: Path, drawn: Segmentation, parts: tuple[LabelPart, ...]) -> LabelCandidate:
    """A DICOM SEG as a label, with the series that it refers to."""
    header = _header(path, "PatientID", "ReferencedSeriesSequence")
    referenced = frozenset(str(item.SeriesInstanceUID) for item in header.get("ReferencedSeriesSequence") or ())
    words = words_of(path, folder, str(header.get("PatientID") or ""))
    names = tuple(segment.name or str(segment.number) for segment in drawn.segments)
    return LabelCandidate(path, drawn.grid, words, names, parts, referenced, drawn.frame_of_reference or "")


def _rated(stack: Stack, home: Path, beside: Sequence[Series], folder: Path) -> RatedScan:
    series, frames = stack.series, stack.part.frames
    first = stack.headers[0]
    if len(frames) == 1:
        raise ReadError(home, "holds a single image, expected the slices of a 3D scan", "Give a whole series")
    _, grid = stacked(home, frames)
    scan = ScanCandidate(
        home,
        grid,
        words_of(home, folder) if home.is_relative_to(folder) else frozenset(),
        _patient_id(first),
        ", ".join(filter(None, (_name_of(series, beside), str(stack.part)))),
        series.uid,
        str(first.get("FrameOfReferenceUID", "")),
        laterality(stack.headers, home),
    )
    called = _called(series, str(stack.part))
    return RatedScan(scan, _study(first), called, suitability(stack, grid), why_unfit(stack, grid), is_elsewhere(first))


def _patient_id(header: Header) -> str:
    return on_one_line(_header(path_of(header), "PatientID").get("PatientID") or "").strip()


def _study(header: Header) -> str:
    """The patient's id as well: some programs give the studies of all patients one UID."""
    uid = str(header.get("StudyInstanceUID") or "")
    return f"{uid} {_patient_id(header)}" if uid else ""


def _called(series: Series, part: str = "") -> str:
    """A series, or a part of it, for a person."""
    number = f"series {series.number}" if series.number else ""
    described = f"{series.description!r} ({number})" if number else repr(series.description)
    return ", ".join(filter(None, (described if series.description else number or series.uid, part)))


def _home(series: Series) -> Path:
    """The deepest folder that contains all its files."""
    return Path(os.path.commonpath([path_of(header).parent for header in series.headers]))


def _is_below(folder: Path, series: Series) -> bool:
    """Whether a reader that is given the folder meets this series."""
    return any(path_of(one).is_relative_to(folder) for one in series.headers)


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
