"""What is said where a label does not say which of its segments are head and necrosis: what it holds, what to give."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from dataset_conversion.labels.segment_names import Meaning, read_name, read_segment
from dataset_conversion.readers.segmentation import Segment, Segmentation
from onfh_nnunet.core.errors import LabelError, SideError, UnstatedNecrosis
from onfh_nnunet.core.labels import Region

_SHOWN, _MOST_LISTED = 8, 100


def listing(segments: Iterable[Segment]) -> str:
    """Numbers and names of segments; of the first hundred where there are thousands."""
    shown = list(map(str, segments))
    return ", ".join([*shown[:_MOST_LISTED], *(["..."] if len(shown) > _MOST_LISTED else [])])


def unclear(source: Segmentation, place: str) -> LabelError:
    """Names that say nothing, or two things, or something else than their codes."""
    doubtful = [segment for segment in source.segments if read_segment(segment).meaning is Meaning.UNCLEAR]
    by_code = any(read_name(segment.name).meaning is not Meaning.UNCLEAR for segment in doubtful)
    what = "names and codes contradict each other" if by_code else "names do not say what they are"
    problem = f"has segments whose {what}: {listing(doubtful)}; it holds"
    return LabelError(place, f"{problem} {listing(source.segments)}", _which_is_which(source))


def missing(source: Segmentation, region: Region, asked: str, place: str) -> LabelError:
    """A region that is not there."""
    if any(read_segment(segment).meaning is Meaning.UNCLEAR and segment.name for segment in source.segments):
        return unclear(source, place)
    held = listing(source.segments) or "nothing"
    problem = f"has no {region}: no label or segment {asked!r}; it holds {held}"
    healthy = "add an empty segment of that name to a hip without necrosis"
    other = healthy if region is Region.NECROSIS else "give a label that draws the head"
    return LabelError(place, problem, f"Name it with `{region}_label`, or {other}")


_IF_HEALTHY = "If it is healthy"
_HEALTHY = "`necrosis_label` none, or `necrosis_label` 2 if 2 is the necrosis wherever there is one"


def unstated_necrosis(source: Segmentation, head: Sequence[Segment], place: str) -> UnstatedNecrosis:
    """A head alone, which may be a healthy hip or half of a label."""
    others = [segment for segment in source.segments if segment not in head]
    beside = f" beside {listing(others)}" if others else " and nothing else"
    problem = f"draws a head ({listing(head)}){beside}: a healthy hip, or a label whose necrosis is in another file"
    named = [other.name for other in others if other.name]
    within = f"If its necrosis is among these, give `necrosis_label` {shlex.quote(named[0])}. " if named else ""
    remedy = (
        f"{within}{_IF_HEALTHY}, give {_HEALTHY}. If its necrosis is in another file, give that as `necrosis_masks`"
    )
    return UnstatedNecrosis(place, problem, remedy)


def unstated_in_table(error: UnstatedNecrosis) -> UnstatedNecrosis:
    """The same error of a row of a table, whose columns say it."""
    within, _, _ = error.remedy.partition(_IF_HEALTHY)
    healthy = f"{within}{_IF_HEALTHY}, write none into the column grade; if all such hips are, give {_HEALTHY}"
    remedy = f"{healthy}. If its necrosis is in another file, name that in the column label_necrosis"
    return UnstatedNecrosis(error.subject, error.problem, remedy)


def unknown_values(unnamed: Sequence[Segment], asked: Mapping[Region, str], place: str) -> LabelError:
    """Values that nobody named."""
    shown = ", ".join(str(segment.number) for segment in unnamed[:_SHOWN]) + (" ..." if len(unnamed) > _SHOWN else "")
    expected = ", ".join(f"{one} ({region})" for region, one in asked.items())
    problem = f"has the unknown label values {shown}, expected 0, {expected}"
    remedy = (
        "Correct the label, or name its values: with `head_label` and `necrosis_label`, or with `label_names` if left"
        " and right have values of their own"
    )
    return LabelError(place, problem, remedy)


def ambiguous(found: Sequence[Segment], region: Region, asked: str | None, place: str) -> LabelError:
    """Several segments that may be one region."""
    problem = f"has {len(found)} segments that {asked or str(region)!r} may mean: {listing(found)}"
    names = [segment.name for segment in found]
    if len(set(names)) < len(names) or asked in names or not all(names):
        return LabelError(place, problem, f"Give each its own name, or merge them into one {region}")
    merged = f"Merge them into one {region}, or name" if asked is None else "Name"
    remedy = f"{merged} the one that is meant, such as `{region}_label` {shlex.quote(names[0])}"
    return LabelError(place, problem, remedy)


def contradiction(segment: Segment, region: Region, asked: str | None, place: str) -> LabelError:
    """A segment whose name says the other region."""
    by = "the file" if asked is None else f"`{region}_label` {asked}"
    problem = f"has segment {segment} as {region}, by {by}, and its name says {read_segment(segment).meaning}"
    return LabelError(place, problem, f"Leave out `{region}_label`, which matches by name, or correct the name")


def both_hips(heads: Sequence[Segment], place: str) -> LabelError:
    """Both hips in one label of a single hip."""
    return LabelError(place, f"holds the heads of both hips: {listing(heads)}", "Say which one with `side`")


def other_side(found: Sequence[Segment], side: str, place: str) -> SideError:
    """A head whose name states the side that is not meant."""
    problem = f"has side {side}, and its label names the head {listing(found)}"
    return SideError(place, problem, "Correct the side, or give the label of this hip")


def _which_is_which(source: Segmentation) -> str:
    """The options to give, with the names of this label."""
    left = [segment for segment in source.segments if read_segment(segment).meaning is Meaning.UNCLEAR]
    chosen: list[str] = []
    for region in Region:
        named = [one for one in source.segments if read_segment(one).meaning.value == region.value]
        named += [one for one in left if read_name(one.name).meaning.value == region.value]
        silent = [one for one in left if read_name(one.name).meaning is Meaning.UNCLEAR]
        one = next(iter([*named, *silent]), None)
        left = [other for other in left if other is not one]
        chosen += [f"`{region}_label` {shlex.quote(one.name)}"] if one else []
    round_ = (
        "" if any(read_segment(one).meaning.value in tuple(Region) for one in source.segments) else ", or the reverse"
    )
    return f"Look which is which, and give {' '.join(chosen)}{round_}"
