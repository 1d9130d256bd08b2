"""Predicted hips as a DICOM Segmentation: one object a scan, a segment each for the head and the necrosis of each hip.

Regions are nested as everywhere: the segment of the head holds the necrosis, so that its volume is the head's, and
where the two overlap both are. Frames lie on the source's frames, pixel for pixel. Source: DICOM PS3.3, A.51 and
C.8.20.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onfh_nnunet.core.errors import LabelError, SideError
from onfh_nnunet.core.grid import same_grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import BoolArray, Region
from onfh_nnunet.core.source_series import SourceSeries
from onfh_nnunet.core.volume import Volume
from postprocessing.dicom.codes import CATEGORY, COLOUR, FEMORAL_HEAD, KIND, LATERALITY, segment_name
from postprocessing.dicom.origin import SERIES_NUMBERS, Origin, concept, in_ascii
from postprocessing.dicom.source_images import frame_images, refer_to_source, repeat_identity
from postprocessing.measurement.grade_rows import GradeRow

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription

MARGIN_MM = 5.0
"""How far below and above the heads each segment has frames, empty ones too, as far as the scan goes. Frames beyond are
left out, as the standard allows. Without any margin a head looks as if the scan had cut it. Ours."""


@dataclass(frozen=True, eq=False)
class HipSegment:
    """One segment.

    Args:
        number: SegmentNumber, from 1.
        side: The patient's side.
        region: The head, necrosis included, or the necrosis.
        mask: Where it is (z, y, x), on the grid of the source.
        uid: Tracking UID.
        row: The measurements of its hip.
    """

    number: int
    side: Side
    region: Region
    mask: BoolArray
    uid: str
    row: GradeRow

    @property
    def name(self) -> str:
        """Its label."""
        return segment_name(self.side, self.region)


def segments_of(hips: Iterable[tuple[GradeRow, Volume]], source: SourceSeries, origin: Origin) -> list[HipSegment]:
    """The segments of the hips of a scan: right before left, head before necrosis, none that is empty.

    Args:
        hips: Measurements, with their side, and labels (values of `Label`) on the grid of the scan; one for each side.
        source: The scan.
        origin: What made them.

    Raises:
        SideError: The side of a hip is unknown, or two have one.
        GridMismatch: A mask does not lie on the scan's grid.
        LabelError: A mask holds no head.
    """
    of_side: dict[Side | None, tuple[GradeRow, Volume]] = {}
    for row, labels in hips:
        if row.side is None or row.side in of_side:
            problem = f"has side {row.side or 'unknown'}, expected L or R, and one hip for each"
            raise SideError(row.case_id, problem, "Give the hips of one scan")
        of_side[row.side] = row, labels
    found: list[HipSegment] = []
    for side in (side for side in (Side.RIGHT, Side.LEFT) if side in of_side):
        row, labels = of_side[side]
        same_grid(row.case_id, labels.grid, source.grid)
        for region in Region:
            mask = region.mask(labels.array)
            if mask.any():
                uid = origin.uid(source, side, region, np.packbits(mask).tobytes())
                found.append(HipSegment(len(found) + 1, side, region, mask, uid, row))
            elif region is Region.HEAD:
                raise LabelError(row.case_id, "holds no femoral head", "Check the segmentation")
    return found


def segmentation(segments: Sequence[HipSegment], source: SourceSeries, origin: Origin) -> Segmentation:
    """A Segmentation of BINARY type, with patient, study and frame of reference of its source.

    Args:
        segments: From `segments_of`, at least one.
        source: The scan.
        origin: What made them.
    """
    import highdicom

    slices = _slices(segments, source)
    content = [text for segment in segments for text in (segment.uid, segment.row.warnings)]
    made = highdicom.seg.Segmentation(
        frame_images(source, slices),
        np.stack([segment.mask[slices.start : slices.stop] for segment in segments], axis=-1),
        highdicom.seg.SegmentationTypeValues.BINARY,
        [_description(segment, origin) for segment in segments],
        series_instance_uid=origin.uid(source, "SEG series", *content),
        series_number=SERIES_NUMBERS["SEG"],
        sop_instance_uid=origin.uid(source, "SEG", *content),
        instance_number=1,
        series_description="Femoral head and necrosis (automatic)",
        content_label="FEMORAL_HEAD",
        content_description="Femoral head with its necrosis, and the necrosis",
        omit_empty_frames=False,
        **origin.equipment(),
    )
    refer_to_source(made, source)
    repeat_identity(made, source)
    _organize(made, origin.uid(source, "dimensions", *content))
    made.ContentCreatorName = ""  # type 2 (PS3.3, 10.9)
    origin.stamp(made)
    return made


def _slices(segments: Sequence[HipSegment], source: SourceSeries) -> range:
    """The slices of the heads, and `MARGIN_MM` below and above."""
    occupied = np.flatnonzero(np.any([segment.mask.any(axis=(1, 2)) for segment in segments], axis=0))
    margin = math.ceil(MARGIN_MM / source.grid.spacing_mm[0])
    return range(max(int(occupied[0]) - margin, 0), min(int(occupied[-1]) + margin + 1, source.grid.size[0]))


def _organize(made: Segmentation, uid: str) -> None:
    """Put a UID that follows from the content in the place of highdicom's random one."""
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid


def _description(segment: HipSegment, origin: Origin) -> SegmentDescription:
    import highdicom

    red, green, blue = COLOUR[segment.region]
    made = highdicom.seg.SegmentDescription(
        segment.number,
        segment.name,
        concept(CATEGORY[segment.region]),
        concept(KIND[segment.region]),
        highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        origin.algorithm(),
        tracking_uid=segment.uid,
        tracking_id=segment.name,
        anatomic_regions=[concept(FEMORAL_HEAD)],
        display_color=highdicom.color.CIELabColor.from_rgb(red, green, blue),
    )
    laterality = [concept(LATERALITY[segment.side])]
    if segment.region is Region.HEAD:
        del made.AnatomicRegionSequence  # its type is the anatomy itself
        made.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = laterality
    else:
        made.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = laterality
    made.SegmentDescription = _said(segment)
    return made


def _said(segment: HipSegment) -> str:
    """SegmentDescription, at most 1024 characters: how regions are nested, and what its reader must know."""
    is_head = segment.region is Region.HEAD
    nested = "Whole femoral head, necrosis included" if is_head else "Part of the femoral head"
    return in_ascii("; ".join(filter(None, (nested, segment.row.warnings))))[:1024]
