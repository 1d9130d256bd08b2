"""The label of a scan, in whatever file it came, becomes one label map on the scan's grid.

The head and the necrosis may be values, named segments or codes of one file, or two files. They are resolved as nested
regions: what is necrosis is 2, what else is head is 1, whether the head was drawn with the necrosis or without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_conversion.labels.grid_alignment import align_to_grid
from dataset_conversion.labels.segment_selection import select_head_and_necrosis, select_region
from dataset_conversion.readers.segmentation import Segment, Segmentation, read_segmentation
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.labels import BoolArray, Label, Region
from onfh_nnunet.core.volume import Volume


@dataclass(frozen=True)
class LabelRules:
    """What the user says about the labels of a cohort.

    Args:
        head: A label value, a segment's name exactly as given, or a code such as ``SCT:113197003``.
        necrosis: The same for the necrosis.
        names: What the values of plain label maps mean; none where nobody said.
        resample: Whether a label on another grid than its scan's may be resampled.
    """

    head: str = "1"
    necrosis: str = "2"
    names: Mapping[int, str] | None = None
    resample: bool = False

    def asked(self, region: Region) -> str:
        """What stands for a region."""
        return self.head if region is Region.HEAD else self.necrosis


@dataclass(frozen=True, eq=False)
class Labelled:
    """A label map with the values of `Label`, uint8, on the scan's grid; and what its user should know of it."""

    volume: Volume
    notes: tuple[str, ...]


def label_map(
    head_file: Path,
    necrosis_file: Path | None,
    rules: LabelRules,
    scan_grid: Grid,
    scan_frame_of_reference: str | None,
    place: str,
) -> Labelled:
    """Read the label of a scan.

    Args:
        head_file: The label; with a `necrosis_file` the head alone, drawn with the necrosis or without it.
        necrosis_file: The necrosis alone; an empty one is a hip without necrosis.
        rules: What is head and what is necrosis.
        scan_grid: The grid of the scan.
        scan_frame_of_reference: The scan's FrameOfReferenceUID, where it is known.
        place: What messages name.

    Returns:
        The label map. It may lack the necrosis, or the viable head; where it lies and whether it is one head is for
        `dataset_conversion.labels.head_components` to judge.

    Raises:
        ReadError: A file is missing, damaged or no segmentation.
        LabelError: The head is not there, is ambiguous, or there are values that nobody named; the necrosis is not
            there and might be among what is left over.
        GridMismatch: The label lies on another grid, and must not be resampled.
        GeometryError: The label belongs to another frame of reference, or lies outside the scan.
    """
    files = {Region.HEAD: head_file} | ({} if necrosis_file is None else {Region.NECROSIS: necrosis_file})
    sources = {region: read_segmentation(file, rules.names) for region, file in files.items()}
    for source in sources.values():
        _same_patient_position(source, scan_frame_of_reference, place)
    if necrosis_file is None:
        return _of_one(sources[Region.HEAD], rules, scan_grid, place)
    return _of_two(sources, rules, scan_grid, place)


def _of_one(source: Segmentation, rules: LabelRules, scan: Grid, place: str) -> Labelled:
    (head, necrosis), notes = select_head_and_necrosis(source, (rules.head, rules.necrosis), place)
    drawn, outside = _nested(source.mask(head), _mask(source, necrosis), source.grid)
    volume, resampled = align_to_grid(drawn, scan, place, resample=rules.resample)
    return Labelled(volume, (*notes, *outside, *resampled))


def _of_two(sources: Mapping[Region, Segmentation], rules: LabelRules, scan: Grid, place: str) -> Labelled:
    masks: dict[Region, BoolArray] = {}
    notes: list[str] = []
    for region, source in sources.items():
        segment, left_out = select_region(source, region, rules.asked(region), place)
        drawn = Volume(_mask(source, segment) * np.uint8(region.labels[0]), source.grid)
        volume, resampled = align_to_grid(drawn, scan, place, resample=rules.resample)
        masks[region] = volume.array > 0
        notes += [*left_out, *resampled]
    volume, outside = _nested(masks[Region.HEAD], masks[Region.NECROSIS], scan)
    return Labelled(volume, (*notes, *outside))


def _mask(source: Segmentation, segment: Segment | None) -> BoolArray:
    return np.zeros(source.grid.size, bool) if segment is None else source.mask(segment)


def _nested(head: BoolArray, necrosis: BoolArray, grid: Grid) -> tuple[Volume, tuple[str, ...]]:
    """Both masks (z, y, x) as one label map; and a note where a part of the necrosis overhangs the head."""
    array = np.maximum(head.view(np.uint8), necrosis.view(np.uint8) * np.uint8(Label.NECROSIS))
    shared, drawn = np.count_nonzero(head & necrosis), np.count_nonzero(necrosis)
    if shared in (0, drawn):  # the head was drawn without the necrosis, or with all of it
        return Volume(array, grid), ()
    ml = (drawn - shared) * grid.voxel_ml
    return Volume(array, grid), (f"{ml:.2f} ml of the necrosis lie outside the head's mask; kept as necrosis",)


def _same_patient_position(source: Segmentation, scan_frame_of_reference: str | None, place: str) -> None:
    frames = {source.frame_of_reference, scan_frame_of_reference} - {None, ""}
    if len(frames) > 1:
        problem = "has a label whose FrameOfReferenceUID is not the scan's"
        raise GeometryError(place, problem, "Give the label that was drawn on this scan, or registered to it")
