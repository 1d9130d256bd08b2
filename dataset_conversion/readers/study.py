"""What a folder, a tree or a zip archive of DICOM files holds: series, and the stacks of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.readers.folder_headers import headers_in
from dataset_conversion.readers.frames import Frame, frames_of
from dataset_conversion.readers.headers import EXPORT_AGAIN, Header, is_slice, path_of, stated
from dataset_conversion.readers.parts import Part, parts_of
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.user_files import refused_whole

_LOCALIZER = re.compile(r"locali[sz]er|scout|survey|surview|(?<![a-z])(loc|3[- ]?pl(ane)?)(?![a-z])", re.IGNORECASE)
"""How technologists name the images that only plan the others."""


@dataclass(frozen=True, eq=False)
class Series:
    """The files of one series.

    Args:
        uid: SeriesInstanceUID.
        number: SeriesNumber; empty where there is none.
        description: SeriesDescription; empty where there is none.
        modality: Such as ``MR``.
        headers: Of its files, by path.
    """

    uid: str
    number: str
    description: str
    modality: str
    headers: tuple[Header, ...]

    def __str__(self) -> str:
        return f"{self.description!r} ({self.uid}, {plural(len(self.headers), 'file')})"

    @property
    def is_image(self) -> bool:
        """Whether it may be MR, by its modality."""
        return self.modality in ("MR", "")

    @property
    def is_localizer(self) -> bool:
        """Whether its images only plan the others, as its type or its description says."""
        kinds = self.headers[0].get("ImageType") or ()
        return "LOCALIZER" in kinds or _LOCALIZER.search(self.description) is not None

    def frames(self) -> list[Frame]:
        """All its images.

        Raises:
            ReadError: A file is damaged or no MR image, or a part of a concatenation is missing.
        """
        _require_whole(self.headers)
        return [frame for header in self.headers for frame in frames_of(header)]


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack of a series: all of it, or a part that is told from the others by an echo, a b-value, a plane ...

    Args:
        series: Its series.
        part: Which part, and its images.
    """

    series: Series
    part: Part

    @property
    def headers(self) -> tuple[Header, ...]:
        """Of the files that hold its images."""
        return tuple({id(frame.header): frame.header for frame in self.part.frames}.values())

    def __str__(self) -> str:
        return f"{self.series}, {self.part}" if self.part.names else str(self.series)


@dataclass(frozen=True, eq=False)
class Contents:
    """What a folder holds.

    Args:
        series: Of any modality, in the order of their first files.
        passed_over: What lies beside the slices and is none, a line each.
    """

    series: tuple[Series, ...]
    passed_over: tuple[str, ...]


def series_in(folder: Path) -> list[Series]:
    """All series of a folder and the folders below it, in the order of their first files.

    Raises:
        ReadError: A file is damaged.
    """
    return list(contents_of(folder).series)


def contents_of(folder: Path) -> Contents:
    """What a folder and the folders below it hold.

    Raises:
        ReadError: A file is damaged.
    """
    return grouped(headers_in(folder))


def grouped(headers: Iterable[Header]) -> Contents:
    """The series of DICOM files; copies of a file are counted once, and what cannot be a slice is passed over.

    Raises:
        ReadError: A file lacks SeriesInstanceUID.
    """
    found: dict[str, list[Header]] = {}
    no_slices: list[Header] = []
    known = _Known()
    copies = 0
    for header in headers:
        with refused_whole(path_of(header)):
            if not (uid := str(header.get("SeriesInstanceUID") or "")):
                raise ReadError(path_of(header), "lacks SeriesInstanceUID", EXPORT_AGAIN)
            if known.has_copy_of(header):
                copies += 1
            elif is_slice(header):
                found.setdefault(uid, []).append(header)
            else:
                no_slices.append(header)
    lines = [f"{copies} files are copies of others, counted once"] if copies else []
    if no_slices:
        named = ", ".join(sorted({path_of(header).name for header in no_slices})[:3])
        lines.append(f"{len(no_slices)} DICOM objects are no slices, such as captures or reports ({named})")
    return Contents(tuple(_series(uid, tuple(of_it)) for uid, of_it in found.items()), tuple(lines))


class _Known:
    """The files that were met, to tell copies: those of one SOPInstanceUID whose headers say the same."""

    def __init__(self) -> None:
        self._first: dict[str, Header] = {}
        self._said: dict[str, set[str]] = {}

    def has_copy_of(self, header: Header) -> bool:
        """Whether a copy was met before; the file is known from now on."""
        if not (instance := str(header.get("SOPInstanceUID") or "")):
            return False
        first = self._first.setdefault(instance, header)
        if first is header:
            return False
        said, text = self._said.setdefault(instance, {repr(stated(first))}), repr(stated(header))
        is_known = text in said
        said.add(text)
        return is_known


def _series(uid: str, headers: tuple[Header, ...]) -> Series:
    first = headers[0]
    with refused_whole(path_of(first)):
        number, description = first.get("SeriesNumber"), first.get("SeriesDescription")
        modality = str(first.get("Modality") or "")
        return Series(uid, "" if number is None else str(number), str(description or ""), modality, headers)


def stacks_of(series: Series) -> list[Stack]:
    """The stacks of a series, at least one.

    Raises:
        ReadError: A file is damaged or no MR image, or a part of a concatenation is missing.
    """
    return [Stack(series, part) for part in parts_of(series.frames())]


def _require_whole(headers: Sequence[Header]) -> None:
    """Refuse a concatenation (PS3.3, C.7.6.16.2.2.4) of which a part is not there."""
    parts: dict[str, list[Header]] = {}
    for header in headers:
        if uid := header.get("ConcatenationUID"):
            parts.setdefault(str(uid), []).append(header)
    for of_one in parts.values():
        numbers = {int(header.get("InConcatenationNumber") or 0) for header in of_one}
        total = max(int(header.get("InConcatenationTotalNumber") or 0) for header in of_one) or max(2, *numbers)
        if missing := sorted(set(range(1, total + 1)) - numbers):
            got = f"part {', '.join(map(str, sorted(numbers)))} of {total}"
            problem = f"is {got} of one image, and part {', '.join(map(str, missing))} is missing"
            raise ReadError(path_of(of_one[0]), problem, "Export the series again, complete, and give its folder")
