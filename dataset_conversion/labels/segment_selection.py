"""Which segments of a label are the head and the necrosis: by name, number or code, and never by guess.

A misspelt name must not lose a lesion: a necrosis that is not found is a healthy hip only where nothing else is
labelled that might be it, and a name that is asked for must be there, if with an empty segment.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataset_conversion.hips.findings import Note
from dataset_conversion.readers.segmentation import HIGHEST_VALUE, Segment, Segmentation
from onfh_nnunet.core.errors import LabelError
from onfh_nnunet.core.labels import Region

_SHOWN = 8
_NAME_THEM = "name its values with `head_label` and `necrosis_label`"


def select_head_and_necrosis(
    source: Segmentation, asked: tuple[str, str], place: str
) -> tuple[tuple[Segment, Segment | None], tuple[str, ...]]:
    """Head and necrosis in one file, and notes on what was taken and left.

    Args:
        source: The segmentation that holds both.
        asked: What stands for the head and for the necrosis: a segment's name, its number, or its code.
        place: For messages.

    Returns:
        The head, the necrosis (none in a label map of nothing but a head), and notes.

    Raises:
        LabelError: One of them is missing or ambiguous, both are one, or a value is left that has no name.
    """
    if "0" in asked or asked[0] == asked[1]:
        problem = f"has head label {asked[0]} and necrosis label {asked[1]}"
        raise LabelError(place, problem, "Name two values that differ from each other and from 0")
    head, necrosis = (_find(source, one, place) for one in asked)
    if head is not None and head == necrosis:
        problem = f"has segment {head} as head ({asked[0]!r}) and as necrosis ({asked[1]!r})"
        raise LabelError(place, problem, "Name two different segments")
    left = _left_over(source, {Region.HEAD: head, Region.NECROSIS: necrosis}, asked, place)
    if head is None:
        raise _missing(source, Region.HEAD, asked[0], place)
    if necrosis is None and (left or not _is_value(asked[1])):
        raise _missing(source, Region.NECROSIS, asked[1], place)
    return (head, necrosis), (*_taken(Region.HEAD, asked[0], head), *_taken(Region.NECROSIS, asked[1], necrosis), *left)


def select_region(
    source: Segmentation, region: Region, asked: str, place: str
) -> tuple[Segment | None, tuple[str, ...]]:
    """The one region that a file of its own holds, and notes on what was taken and left.

    Where one structure alone is labelled, it is the region, whatever its value; but a name that is asked for must be
    its name, if it has one.

    Args:
        source: The segmentation.
        region: What the file is for.
        asked: What stands for the region: a segment's name, its number, or its code.
        place: For messages.

    Returns:
        The segment, none in a file of the necrosis that is empty; and notes.

    Raises:
        LabelError: The region is missing or ambiguous, or a value is left that has no name.
    """
    found, labelled = _find(source, asked, place), _labelled(source)
    if len(labelled) == 1 and found not in labelled and (asked.isdecimal() or not labelled[0].name):
        found = labelled[0]
    left = _left_over(source, {region: found}, (asked,), place)
    if found is None and (labelled or region is Region.HEAD):
        raise _missing(source, region, asked, place)
    return found, (*_taken(region, asked, found), *left)


def _is_value(asked: str) -> bool:
    """Whether voxels can have this value: a hip without necrosis then has none of it."""
    return asked.isdecimal() and len(asked) <= len(str(HIGHEST_VALUE)) and int(asked) <= HIGHEST_VALUE


def _find(source: Segmentation, asked: str, place: str) -> Segment | None:
    """The segment of that name or number, else the one of that code or code meaning."""
    found = [segment for segment in source.segments if asked in (segment.name, str(segment.number))]
    found = found or [segment for segment in source.segments if asked in segment.codes]
    if len(found) > 1:
        problem = f"has {len(found)} segments that {asked!r} may mean: {_listing(found)}"
        raise LabelError(place, problem, f"Give each its own name, and {_NAME_THEM}")
    return found[0] if found else None


def _labelled(source: Segmentation) -> list[Segment]:
    """The segments that are not empty; a value without a name stands there because voxels have it."""
    return [segment for segment in source.segments if not segment.name or source.mask(segment).any()]


def _left_over(
    source: Segmentation, taken: dict[Region, Segment | None], asked: Sequence[str], place: str
) -> tuple[str, ...]:
    """A note on the named segments that are left out; none where nothing is left."""
    others = [segment for segment in source.segments if segment not in taken.values()]
    unnamed = [str(segment.number) for segment in others if not segment.name]
    if unnamed:
        shown = ", ".join(unnamed[:_SHOWN]) + (" ..." if len(unnamed) > _SHOWN else "")
        expected = ", ".join(f"{one} ({region})" for region, one in zip(taken, asked, strict=True))
        problem = f"has the unknown label values {shown}, expected 0, {expected}"
        raise LabelError(place, problem, f"Correct the label, or {_NAME_THEM}")
    left = [repr(segment.name) for segment in others if source.mask(segment).any()]
    return (
        (Note.of(f"left out the segments {', '.join(left)}", f"left out {len(left)} of its segments"),) if left else ()
    )


def _taken(region: Region, asked: str, segment: Segment | None) -> tuple[str, ...]:
    """A note where a segment that has a name was taken for its number."""
    if segment is None or not segment.name or asked == segment.name or asked in segment.codes:
        return ()
    return (
        Note.of(f"took segment {segment} as {region}", f"took segment {segment.number}, of another name, as {region}"),
    )


def _missing(source: Segmentation, region: Region, asked: str, place: str) -> LabelError:
    problem = f"has no {region}: no label or segment {asked!r}; it holds {_listing(source.segments) or 'nothing'}"
    empty = ", or add an empty segment of that name to a hip without necrosis" if region is Region.NECROSIS else ""
    return LabelError(place, problem, f"Name it with `{region}_label`{empty}")


def _listing(segments: Sequence[Segment]) -> str:
    return ", ".join(map(str, segments))
