"""The source of a DICOM object, as highdicom takes it: a data set for each slice, whatever kind of file holds it.

highdicom takes single-frame files, or one multi-frame file of which all frames are slices. A stack may be one echo of
a multi-frame file, or lie in several. So each slice is shown to it as a file of its own under a provisional UID, and
the references that it writes are then led to the true files and frames.
"""

from __future__ import annotations

import copy
from typing import Any

from onfh_nnunet.core.source_series import SourceFrame, SourceSeries

_CLASSIC_MR = "1.2.840.10008.5.1.4.1.1.4"
_PROVISIONAL = "2.25."
_SHARED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_CHARACTER_SET = "SpecificCharacterSet"
_IDENTITY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)
"""Attributes of type 2 (PS3.3, C.7.1.1 and C.7.2.1): they must be there, and may be empty."""


def frame_images(source: SourceSeries, slices: range) -> list[Any]:
    """Data sets of some slices, in their order, under provisional UIDs.

    Spacing is the grid's. The source's SliceThickness may be another: slices may overlap or leave gaps, and readers of
    segmentations take it for the spacing.
    """
    from pydicom import Dataset

    step, between_rows, between_columns = source.grid.spacing_mm
    header = nameless_header(source)
    images: list[Any] = []
    for number in slices:
        image = Dataset() if images else header
        for keyword in _SHARED:
            setattr(image, keyword, header.get(keyword))
        image.SOPClassUID, image.SOPInstanceUID = _CLASSIC_MR, f"{_PROVISIONAL}{number + 1}"
        image.Rows, image.Columns = source.grid.size[1:]
        image.PixelSpacing = _decimals((between_rows, between_columns))
        image.SliceThickness, image.SpacingBetweenSlices = _decimals((step, step))
        image.ImagePositionPatient = _decimals(source.positions_mm[number])
        image.ImageOrientationPatient = _decimals(source.orientation.ravel())
        images.append(image)
    return images


def nameless_header(source: SourceSeries) -> Any:
    """The header of the source, whose patient and examination are still empty; see `repeat_identity`."""
    header = copy.deepcopy(source.header)
    header.pop(_CHARACTER_SET, None)
    header.update(dict.fromkeys(_IDENTITY, ""))
    return header


def repeat_identity(made: Any, source: SourceSeries) -> None:
    """Repeat patient and examination in an object as the source states them, even where a value is not well formed.

    highdicom would refuse such a value, or a character set that it does not know, or warn with the patient's name.
    """
    for keyword in (_CHARACTER_SET, *_IDENTITY):
        if keyword in source.header:
            made[keyword] = copy.deepcopy(source.header[keyword])


def refer_to_source(made: Any, source: SourceSeries) -> None:
    """Lead the references of an object that highdicom made from `frame_images` to the true files and frames."""
    from pydicom import Dataset

    for groups in made.PerFrameFunctionalGroupsSequence:
        (derivation,) = groups.DerivationImageSequence
        (stated,) = derivation.SourceImageSequence
        frame = source.frames[int(stated.ReferencedSOPInstanceUID.removeprefix(_PROVISIONAL)) - 1]
        reference = Dataset()  # the one that is there belongs to the frames of all segments
        reference.update({**stated, **reference_to(frame.sop_class, frame.sop_instance)})
        if frame.number is not None:
            reference.ReferencedFrameNumber = frame.number
        derivation.SourceImageSequence = [reference]
    series = Dataset()
    series.SeriesInstanceUID = source.header.SeriesInstanceUID
    series.ReferencedInstanceSequence = [reference_to(one.sop_class, one.sop_instance) for one in instances(source)]
    made.ReferencedSeriesSequence = [series]


def instances(source: SourceSeries) -> list[SourceFrame]:
    """A frame of each file of the source."""
    return list({frame.sop_instance: frame for frame in source.frames}.values())


def reference_to(sop_class: str, sop_instance: str) -> Any:
    """An item that refers to an object."""
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    return item


def _decimals(values: Any) -> list[Any]:
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value), auto_format=True) for value in values]
