"""The label of a scan, in whatever file it came, becomes one label map on the scan's grid.

The head and the necrosis may be values, named segments or codes of one file, or two files. They are resolved as nested
regions: what is necrosis is 2, what else is head is 1, whether the head was drawn with the necrosis or without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.labels.grid_alignment import lay_on_scan
from dataset_conversion.labels.segment_names import read_segment
from dataset_conversion.labels.segment_selection import Asked, Selection, select_region, select_regions
from dataset_conversion.labels.value_checks import require_head_and_necrosis
from dataset_conversion.readers.segmentation import Segment, Segmentation, read_segmentation, segmentation_of
from onfh_nnunet.core.errors import GeometryError, SideError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.image_files import mark_of
from onfh_nnunet.core.labels import BoolArray, Label, Region, label_mark
from onfh_nnunet.core.volume import Volume


@dataclass(frozen=True)
class LabelRules:
    """What the user says about the labels of a cohort.

    Args:
        head: A label value, a segment's name exactly as given, or a code such as ``SCT:2812003``; by default the
            segment whose name says head, and 1 where values have no names.
        necrosis: The same for the necrosis, and 2; ``none`` where no label draws one.
        names: What the values of plain label maps mean; none where nobody said.
        resample: Whether a label on another grid than its scan's may be resampled.
    """

    head: str | None = None
    necrosis: str | None = None
    names: Mapping[int, str] | None = None
    resample: bool = False

    @property
    def asked(self) -> Asked:
        """What stands for each region."""
        return {Region.HEAD: self.head, Region.NECROSIS: self.necrosis}


@dataclass(frozen=True)
class LabelFiles:
    """Where the label of a scan is, and what is said of this scan alone.

    Args:
        head: The label; with a `necrosis` file the head alone, drawn with the necrosis or without it.
        necrosis: The necrosis alone; an empty one is a hip without necrosis.
        side: The side that is labelled, ``B`` for both; none where nobody said.
        healthy: Whether somebody stated that the hips have no necrosis.
    """

    head: Path
    necrosis: Path | None = None
    side: ScanSide | None = None
    healthy: bool = False


@dataclass(frozen=True, eq=False)
class Labelled:
    """A label map with the values of `Label`, uint8; the side that its names state, and what its user should know."""

    volume: Volume
    notes: tuple[str, ...]
    side: Side | None = None


def label_map(
    files: LabelFiles,
    rules: LabelRules,
    place: str,
    scan_grid: Grid | None = None,
    scan_frame_of_reference: str | None = None,
    drawn_on: Grid | None = None,
) -> Labelled:
    """Read the label of a scan.

    Args:
        files: The label.
        rules: What is head and what is necrosis.
        place: What messages name.
        scan_grid: The grid of the scan; none for the label's own.
        scan_frame_of_reference: The scan's FrameOfReferenceUID, where it is known.
        drawn_on: The grid on which contours become voxels where there is no scan.

    Returns:
        The label map. It may lack the necrosis, or the viable head; where it lies and whether it is one head is for
        `dataset_conversion.labels.head_components` to judge.

    Raises:
        ReadError: A file is missing, damaged or no segmentation.
        LabelError: The head is not there, is ambiguous, or there are values that nobody named; the necrosis is not
            there and nobody said that the hip has none.
        SideError: The names of its segments state another side, or do not lie where they say.
        GridMismatch: The label lies on another grid, and must not be resampled.
        GeometryError: The label belongs to another frame of reference, or lies outside the scan.
    """
    paths = {Region.HEAD: files.head} | ({} if files.necrosis is None else {Region.NECROSIS: files.necrosis})
    sources = {region: read_segmentation(path, rules.names, scan_grid or drawn_on) for region, path in paths.items()}
    for source in sources.values():
        _same_patient_position(source, scan_frame_of_reference, place)
        _sides_in_place(source, place)
    if files.necrosis is None:
        healthy = files.healthy or _is_unchanged(files.head, sources[Region.HEAD])
        return _of_one(sources[Region.HEAD], files.side, rules, place, scan_grid, healthy=healthy)
    return _of_two(sources, files, rules, place, scan_grid or sources[Region.HEAD].grid)


def label_map_in_memory(volume: Volume, side: ScanSide | None, rules: LabelRules, place: str) -> Labelled:
    """The label map of an array in memory, with the checks of a file; see `label_map`."""
    source = segmentation_of(volume.array, volume.grid, rules.names or {}, place)
    healthy = bool(volume.mark) and volume.mark == label_mark(source.layers[0])
    return _of_one(source, side, rules, place, None, healthy=healthy)


def _is_unchanged(path: Path, source: Segmentation) -> bool:
    """Whether a label is as it was written here, so that a head alone is a hip without necrosis."""
    mark = mark_of(path) if path.is_file() else ""
    return bool(mark) and mark == label_mark(source.layers[0])


def _of_one(
    source: Segmentation, side: ScanSide | None, rules: LabelRules, place: str, scan: Grid | None, *, healthy: bool
) -> Labelled:
    chosen = select_regions(source, rules.asked, side, place, healthy=healthy)
    head, necrosis = (_mask(source, chosen.segments[region]) for region in (Region.HEAD, Region.NECROSIS))
    drawn, outside = _nested(head, necrosis, source.grid)
    if chosen.assumed:
        require_head_and_necrosis(drawn, place)
    volume, resampled = lay_on_scan(drawn, scan, place, resample=rules.resample) if scan else (drawn, ())
    return Labelled(volume, (*chosen.notes, *outside, *resampled), chosen.side)


def _of_two(
    sources: Mapping[Region, Segmentation], files: LabelFiles, rules: LabelRules, place: str, scan: Grid
) -> Labelled:
    masks: dict[Region, BoolArray] = {}
    chosen: dict[Region, Selection] = {}
    notes: list[str] = []
    for region, source in sources.items():
        chosen[region] = select_region(source, region, rules.asked[region], files.side, place)
        drawn = Volume(_mask(source, chosen[region].segments[region]) * np.uint8(region.labels[0]), source.grid)
        volume, resampled = lay_on_scan(drawn, scan, place, resample=rules.resample)
        masks[region] = volume.array > 0
        notes += [*chosen[region].notes, *resampled]
    volume, outside = _nested(masks[Region.HEAD], masks[Region.NECROSIS], scan)
    return Labelled(volume, (*notes, *outside), chosen[Region.HEAD].side)


def _mask(source: Segmentation, segments: tuple[Segment, ...]) -> BoolArray:
    mask = np.zeros(source.grid.size, bool)
    for segment in segments:
        mask |= source.mask(segment)
    return mask


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


def _sides_in_place(source: Segmentation, place: str) -> None:
    """Refuse a left structure that lies to the right of the same right one."""
    from scipy import ndimage

    x_mm: dict[tuple[str, Side], float] = {}
    for segment in source.segments:
        said, mask = read_segment(segment), source.mask(segment)
        if said.side is not None and mask.any():
            x_mm[said.meaning, said.side] = float(source.grid.to_mm(np.array(ndimage.center_of_mass(mask)))[0])
    for meaning in {one for one, _ in x_mm}:
        right, left = (x_mm.get((meaning, side)) for side in (Side.RIGHT, Side.LEFT))
        if right is not None and left is not None and left < right:  # LPS: x grows to the left
            problem = (
                f"has the {meaning} named left {right - left:.0f} mm to the patient's right of the one named right"
            )
            raise SideError(place, problem, "Correct the names of the segments, or the orientation of the label")
