"""Which segments of a label are the head and the necrosis: as the user says, by name, or by value; never by guess.

A misspelt name must not lose a lesion: a necrosis that is not found is a healthy hip only where somebody says so, and a
name that is asked for must be there, if with an empty segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dataset_conversion.cohort.table import ScanSide
from dataset_conversion.hips.findings import Note
from dataset_conversion.labels.segment_names import Meaning, read_segment
from dataset_conversion.labels.selection_errors import (
    ambiguous,
    both_hips,
    contradiction,
    listing,
    missing,
    other_side,
    unclear,
    unknown_values,
    unstated_necrosis,
)
from dataset_conversion.readers.segmentation import HIGHEST_VALUE, Segment, Segmentation
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region

NO_NECROSIS = "none"
"""What stands for the necrosis where no label draws one."""

_VALUES = {Region.HEAD: "1", Region.NECROSIS: "2"}
"""What values mean in a label map whose values have no names."""

Asked = Mapping[Region, str | None]
"""What the user says stands for each region: a segment's name, its number, or its code; none for nothing."""


@dataclass(frozen=True)
class Selection:
    """The segments of one or two regions.

    Args:
        segments: Of each region, one a hip; none in a hip without necrosis.
        notes: What was taken and left, where a person should know of it.
        assumed: Whether bare values alone said which is which.
    """

    segments: Mapping[Region, tuple[Segment, ...]]
    notes: tuple[str, ...]
    assumed: bool = False

    @property
    def side(self) -> Side | None:
        """The side that the names of the head state; none where they state none, or both."""
        sides = {read_segment(segment).side for segment in self.segments.get(Region.HEAD, ())}
        return next(iter(sides)) if len(sides) == 1 else None


def select_regions(
    source: Segmentation, asked: Asked, side: ScanSide | None, place: str, *, healthy: bool = False
) -> Selection:
    """Head and necrosis in one file.

    Args:
        source: The segmentation that holds both.
        asked: What stands for the head and for the necrosis.
        side: The side that is labelled, ``B`` for both; none where nobody said.
        place: For messages.
        healthy: Whether somebody stated that the hip has no necrosis.

    Returns:
        The segments, and notes.

    Raises:
        LabelError: A region is missing or ambiguous, both are one, a name contradicts what is asked for, something is
            left that might be necrosis, or nobody said whether a head without necrosis is healthy.
        SideError: The names of the head state the other side.
    """
    if "0" in asked.values() or (asked[Region.HEAD] is not None and asked[Region.HEAD] == asked[Region.NECROSIS]):
        problem = f"has head label {asked[Region.HEAD]} and necrosis label {asked[Region.NECROSIS]}"
        raise LabelError(place, problem, "Name two values that differ from each other and from 0")
    meant = {region: _meant(source, region, asked[region], place) for region in Region}
    taken = {region: _of_side(found, side, region, asked[region], place) for region, found in meant.items()}
    if twice := set(taken[Region.HEAD]) & set(taken[Region.NECROSIS]):
        problem = f"has segment {listing(twice)} as head ({asked[Region.HEAD]!r}) and as necrosis"
        raise LabelError(place, f"{problem} ({asked[Region.NECROSIS]!r})", "Name two different segments")
    left = _left_over(source, taken, meant, asked, place)
    if not taken[Region.HEAD]:
        raise missing(source, Region.HEAD, asked[Region.HEAD] or _default(source, Region.HEAD), place)
    if not taken[Region.NECROSIS] and not meant[Region.NECROSIS]:
        _require_stated(source, taken[Region.HEAD], asked[Region.NECROSIS], bool(left), healthy, place)
    assumed = not _has_names(source) and not any(asked.values())
    return Selection(taken, (*_contradicting(taken, asked), *left), assumed)


def select_region(
    source: Segmentation, region: Region, asked: str | None, side: ScanSide | None, place: str
) -> Selection:
    """The one region that a file of its own holds.

    Where one structure alone is labelled, it is the region, whatever its value, unless its name says another one; but a
    name that is asked for must be its name, if it has one.

    Args:
        source: The segmentation.
        region: What the file is for.
        asked: What stands for the region.
        side: The side that is labelled, ``B`` for both; none where nobody said.
        place: For messages.

    Returns:
        The segments, none in a file of the necrosis that is empty; and notes.

    Raises:
        LabelError: The region is missing or ambiguous, its name says the other region, or a value is left that has no
            name.
        SideError: The names of the head state the other side.
    """
    meant, labelled = _meant(source, region, asked, place), _labelled(source)
    only = labelled[0] if len(labelled) == 1 else None
    if only and only not in meant and (asked is None or asked.isdecimal() or not only.name):
        if read_segment(only).meaning in {other.value for other in Region if other is not region}:
            raise contradiction(only, region, asked, place)
        meant = [only]
    taken = {region: _of_side(meant, side, region, asked, place)}
    left = _left_over(source, taken, {region: meant}, {region: asked}, place)
    if not meant and (labelled or region is Region.HEAD):
        raise missing(source, region, asked or _default(source, region), place)
    return Selection(taken, (*_contradicting(taken, {region: asked}), *left))


def _has_names(source: Segmentation) -> bool:
    """Whether any segment has a name that is more than a number."""
    return any(segment.name and not segment.name.isdecimal() for segment in source.segments)


def _default(source: Segmentation, region: Region) -> str:
    return str(region) if _has_names(source) else _VALUES[region]


def _meant(source: Segmentation, region: Region, asked: str | None, place: str) -> list[Segment]:
    """All segments that may be a region, of both sides."""
    if asked == NO_NECROSIS and region is Region.NECROSIS:
        return []
    if asked is None and _has_names(source):
        return [segment for segment in source.segments if read_segment(segment).meaning == region.value]
    wanted = asked or _VALUES[region]
    found = [segment for segment in source.segments if wanted in (segment.name, str(segment.number))]
    found = found or [segment for segment in source.segments if wanted in segment.codes]
    for segment in found if len(found) == 1 else ():
        said = read_segment(segment).meaning
        if wanted not in (segment.name, *segment.codes) and said in {one.value for one in Region if one is not region}:
            raise contradiction(segment, region, asked, place)
    return found


def _of_side(
    found: Sequence[Segment], side: ScanSide | None, region: Region, asked: str | None, place: str
) -> tuple[Segment, ...]:
    """The segments of the labelled side among those that are the region: one, or for both hips one a side."""
    sides = {segment: read_segment(segment).side for segment in found}
    kept = [segment for segment, named in sides.items() if named is None or side in (None, "B", named.value)]
    if found and not kept and region is Region.HEAD:
        raise other_side(found, str(side), place)
    if len(kept) < 2:
        return tuple(kept)
    if len(kept) == 2 and {sides[segment] for segment in kept} == set(Side):
        if side is None and region is Region.HEAD:
            raise both_hips(kept, place)
        return tuple(kept)
    raise ambiguous(kept, region, asked, place)


def _labelled(source: Segmentation) -> list[Segment]:
    """The segments that are not empty; a value without a name stands there because voxels have it."""
    return [segment for segment in source.segments if not segment.name or source.mask(segment).any()]


def _left_over(
    source: Segmentation,
    taken: Mapping[Region, Sequence[Segment]],
    meant: Mapping[Region, Sequence[Segment]],
    asked: Asked,
    place: str,
) -> tuple[str, ...]:
    """A note on the named segments that are left out; none where nothing is left but the other hip."""
    known = {segment for found in (*taken.values(), *meant.values()) for segment in found}
    others = [segment for segment in _labelled(source) if segment not in known]
    if unnamed := [segment for segment in others if not segment.name]:
        raise unknown_values(unnamed, {region: asked[region] or _VALUES[region] for region in taken}, place)
    if not all(asked.values()) or NO_NECROSIS in asked.values():
        doubtful = (
            {Meaning.UNCLEAR, Meaning.NECROSIS} if asked.get(Region.NECROSIS) == NO_NECROSIS else {Meaning.UNCLEAR}
        )
        if any(read_segment(segment).meaning in doubtful for segment in others):
            raise unclear(source, place)
    names = ", ".join(repr(segment.name) for segment in others)
    return (Note.of(f"left out the segments {names}", f"left out {len(others)} of its segments"),) if others else ()


def _require_stated(
    source: Segmentation, head: Sequence[Segment], asked: str | None, left: bool, healthy: bool, place: str
) -> None:
    """Refuse a head without necrosis about which nobody said that it has none."""
    if asked is None and not healthy:
        raise unstated_necrosis(source, head, place)
    if asked is not None and asked != NO_NECROSIS and (left or not _is_value(asked)):
        raise missing(source, Region.NECROSIS, asked, place)


def _is_value(asked: str) -> bool:
    """Whether voxels can have this value: a hip without necrosis then has none of it."""
    return asked.isdecimal() and len(asked) <= len(str(HIGHEST_VALUE)) and int(asked) <= HIGHEST_VALUE


def _contradicting(taken: Mapping[Region, Iterable[Segment]], asked: Asked) -> tuple[str, ...]:
    """A note on each segment that was taken as asked and whose name says something else.

    A name in words that are not known here contradicts nothing where it is the very name that was asked for.
    """
    unlike = [
        (region, segment)
        for region, found in taken.items()
        for segment in found
        if segment.name and read_segment(segment).meaning not in (region.value, Meaning.UNCLEAR)
        if segment.name != asked[region] or read_segment(segment).meaning is not Meaning.OTHER
    ]
    return tuple(
        Note.of(f"took segment {segment} as {region}", f"took segment {segment.number}, of another name, as {region}")
        for region, segment in unlike
    )
