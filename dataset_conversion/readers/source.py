"""The DICOM series of a scan, frame by frame, for objects that refer to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dataset_conversion.readers.frames import Frame
from dataset_conversion.readers.headers import ENHANCED_MR, EXPORT_AGAIN, Header, path_of, read_attributes, sop_class
from dataset_conversion.readers.stack import stacked
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.source_series import SourceFrame, SourceSeries
from onfh_nnunet.core.user_files import refused_whole

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID", "SOPClassUID")
_OF_ALL_FRAMES = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_LEFT_OUT = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelData")


def source_of(frames: Sequence[Frame], place: Path) -> SourceSeries:
    """The series of the frames of one stack.

    Args:
        frames: Of one series, at least two.
        place: For messages.

    Returns:
        The frames in the order of the volume that `read_stack` makes of them.

    Raises:
        ReadError: A file lacks a UID that objects made from it must repeat, or has an invalid one; or the frames have
            several frames of reference.
        GeometryError: The frames are no regular stack.
    """
    ordered, grid = stacked(place, frames)
    for header in {id(frame.header): frame.header for frame in ordered}.values():
        _require_uids(header)
    first = ordered[0]
    for keyword in _OF_ALL_FRAMES:
        if len(values := {str(frame.header.get(keyword)) for frame in ordered}) > 1:
            remedy = "Export the series of one examination, or leave out `dicom`"
            raise ReadError(place, f"has {len(values)} values of {keyword} in one stack, expected one", remedy)
    positions = np.array([frame.position_mm for frame in ordered])
    return SourceSeries(_attributes(first.header), tuple(map(_frame, ordered)), positions, first.orientation, grid)


def _require_uids(header: Header) -> None:
    from pydicom.uid import UID

    for keyword in _UIDS:
        value = str(header.get(keyword) or "")
        if not UID(value).is_valid:
            problem = f"has {keyword} {value!r}, expected a UID" if value else f"lacks {keyword}"
            what = "a DICOM object that is made from it must repeat it"
            raise ReadError(path_of(header), f"{problem}: {what}", "Export it again, or leave out `dicom`")


def _attributes(header: Header) -> Any:
    path = path_of(header)
    with refused_whole(path):
        whole = read_attributes(path)
        for keyword in _LEFT_OUT:
            if keyword in whole:
                del whole[keyword]
        if whole.get("SOPInstanceUID") != header.SOPInstanceUID:
            raise ReadError(path, "was changed while it was read", EXPORT_AGAIN)
        return whole


def _frame(frame: Frame) -> SourceFrame:
    header = frame.header
    is_multi_frame = sop_class(header) in ENHANCED_MR
    number = frame.number + 1 if is_multi_frame else None
    return SourceFrame(str(header.SOPClassUID), str(header.SOPInstanceUID), number)
