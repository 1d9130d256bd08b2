"""The one stack of MR images that is meant, among all that a folder holds: named, or the only one; never guessed."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dataset_conversion.readers.parts import NO_ANATOMY, Part
from dataset_conversion.readers.series_table import row_of, table
from dataset_conversion.readers.study import Contents, Series, Stack, stacks_of
from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.image_files import FILE_SUFFIXES
from onfh_nnunet.core.printable import plural

_SHOWN = 4


def choose(contents: Contents, wanted: str | None, place: Path) -> tuple[Stack, tuple[str, ...]]:
    """The stack of MR images that is meant, and a line on each thing that was passed over.

    Args:
        contents: Series of any modality.
        wanted: A SeriesInstanceUID, a SeriesNumber, a SeriesDescription, a pattern (``*vibe*``) or a part of one in any
            case; after it, or alone, the part of the series: ``t1 vibe, water``, ``echo 2``. None for the only stack.
        place: For messages.

    Raises:
        ReadError: None or several are meant; all are listed. Or a file of the series is damaged.
    """
    images = _mr_series(contents, place)
    lines = list(contents.passed_over)
    if wanted is None:
        images = _without(images, lambda one: one.is_localizer, "a localizer", lines)
        images = _without(images, lambda one: _is_alone(one, images), "a single image", lines)
        stacks = _stacks(images, "", lines)
    else:
        stacks = _meant(images, wanted, lines)
    if len(stacks) == 1:
        return stacks[0], tuple(lines)
    asked = "" if wanted is None else f" {wanted!r}"
    listed = stacks or _stacks(images, "", [])
    kinds = "MR series" if len({id(one.series) for one in stacks}) == len(stacks) else "stacks of MR images"
    problem = f"holds {len(stacks)} {kinds}{asked}, expected one"
    remedy = (
        "Choose one with `series` or the column series, by number, description or UID, and by part; "
        "onfh predict with `batch` takes of each study the series that suits"
    )
    rows = [row_of(one.series.number, one.series.description, one.series.uid, one.part) for one in listed]
    raise ReadError(place, problem, remedy, f"; there are:\n{table(rows)}\n")


def _mr_series(contents: Contents, place: Path) -> list[Series]:
    if not contents.series:
        raise _without_dicom(contents, place)
    images = [series for series in contents.series if series.is_image]
    if not images:
        kinds = ", ".join(sorted({series.modality for series in contents.series}))
        raise ReadError(
            place, "has no MR series", "Give the folder of an MR series", f": it has Modality {kinds}, expected MR"
        )
    return images


def _without_dicom(contents: Contents, place: Path) -> ReadError:
    """Why a folder is no scan: it holds none, or image files, each of which is one."""
    found = sorted(path for path in place.rglob("*") if path.name.lower().endswith(FILE_SUFFIXES))
    if not found:
        beside = f" ({'; '.join(contents.passed_over)})" if contents.passed_over else ""
        return ReadError(place, "holds no DICOM image", "Give the folder that holds the slices themselves", beside)
    names = [path.relative_to(place).as_posix() for path in found]
    listed = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    problem = f"holds no DICOM image, and {plural(len(found), 'image file')}"
    every = "" if len(found) == 1 else "; for all of them, onfh predict with `batch`, or onfh run, takes the folder"
    return ReadError(place, problem, f"Give the image file itself{every}", f": {listed}")


def _without(images: list[Series], is_beside: Callable[[Series], bool], what: str, lines: list[str]) -> list[Series]:
    """The series that are not beside the point, unless all are."""
    kept = [one for one in images if not is_beside(one)]
    if not kept or len(kept) == len(images):
        return images
    lines += [f"series {one} is {what}" for one in images if one not in kept]
    return kept


def _is_alone(series: Series, images: Sequence[Series]) -> bool:
    """Whether it is a single image, and no slice that strayed from a series of the same description."""
    n_images = sum(int(header.get("NumberOfFrames") or 1) for header in series.headers)
    return n_images == 1 and [one.description for one in images].count(series.description) == 1


def _meant(images: Sequence[Series], wanted: str, lines: list[str]) -> list[Stack]:
    """The stacks that a text names: the one stack that one of its readings names, or those of its first reading.

    A later reading narrows the first: in a series ``dual echo 2D``, ``echo 2`` names all of it, and one of its parts.
    """
    first: list[Stack] = []
    for named, words in _readings(images, wanted):
        beside: list[str] = []
        stacks = _stacks(named, words, beside)
        first = first or stacks
        if len(stacks) == 1 and stacks[0].series in [one.series for one in first]:
            lines += beside
            return stacks
    return first


def _readings(images: Sequence[Series], wanted: str) -> Iterator[tuple[list[Series], str]]:
    """The series that the beginning of a text may name, the longest first; and the rest of it, which names a part."""
    exact = [series for series in images if wanted in (series.uid, series.number, series.description)]
    if exact:
        yield exact, ""
    text, n_words = wanted.casefold().strip(), len(wanted.split())
    words = text.replace(",", " ").replace(";", " ").split()
    for n_part in range(n_words + 1):
        head = text if n_part == 0 else _before(text, n_part)
        found = [series for series in images if _is_named(series, head)]
        if found and (n_part == 0 or head):
            found = [one for one in found if head in (one.uid, one.number, one.description.casefold())] or found
            yield found, " ".join(words[len(words) - n_part :])
    yield list(images), " ".join(words)


def _before(text: str, n_last: int) -> str:
    """A text without its last words."""
    for _ in range(n_last):
        text = re.sub(r"[\s,;:]*[^\s,;]+[\s,;]*$", "", text)
    return text.strip(" ,;:")


def _is_named(series: Series, text: str) -> bool:
    description = series.description.casefold()
    if text in (series.uid, series.number, description):
        return True
    return bool(text) and (fnmatch.fnmatchcase(description, text) or text in description)


def _stacks(named: Sequence[Series], words: str, lines: list[str]) -> list[Stack]:
    """The stacks of series, those of a part alone where words name one; phase images only where they are named."""
    stacks: list[Stack] = []
    for series in named:
        try:
            stacks += stacks_of(series)
        except OnfhError:
            if len(named) == 1:
                raise
            stacks.append(Stack(series, Part((), ())))
    if words:
        return [one for one in stacks if _has_words(one.part, words)]
    anatomy, beside = of_anatomy(stacks)
    lines += beside
    return anatomy


def of_anatomy(stacks: Sequence[Stack]) -> tuple[list[Stack], list[str]]:
    """The stacks without phase, real and imaginary images, unless there are no others; and a line on each of these."""
    anatomy = [one for one in stacks if not NO_ANATOMY & set(one.part.names)] or list(stacks)
    return anatomy, [f"series {one} shows no anatomy" for one in stacks if one not in anatomy]


def _has_words(part: Part, words: str) -> bool:
    """Whether a part has all the names that a text consists of, whatever their order."""
    rest = f" {words} "
    for name in sorted(part.names, key=len, reverse=True):
        rest = rest.replace(f" {name.casefold()} ", " ", 1)
    return not rest.strip()
