"""A folder, a tree or a zip archive of DICOM files, and the one MR series in it that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.readers.headers import EXPORT_AGAIN, Header, headers_in, path_of
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.printable import plural


@dataclass(frozen=True, eq=False)
class Series:
    """The files of one series.

    Args:
        uid: SeriesInstanceUID.
        description: SeriesDescription; empty where there is none.
        modality: Such as ``MR``.
        headers: Of its files, by path.
    """

    uid: str
    description: str
    modality: str
    headers: tuple[Header, ...]

    def __str__(self) -> str:
        return f"{self.description!r} ({self.uid}, {plural(len(self.headers), 'file')})"


def series_in(folder: Path) -> list[Series]:
    """All series of a folder and the folders below it, in the order of their first files.

    Raises:
        ReadError: A file is damaged.
    """
    found: dict[str, list[Header]] = {}
    for header in headers_in(folder):
        uid = header.get("SeriesInstanceUID")
        if not uid:
            raise ReadError(path_of(header), "lacks SeriesInstanceUID", EXPORT_AGAIN)
        found.setdefault(str(uid), []).append(header)
    return [
        Series(uid, str(first.get("SeriesDescription", "")), str(first.get("Modality", "")), (first, *rest))
        for uid, (first, *rest) in found.items()
    ]


def choose(found: Sequence[Series], wanted: str | None, place: Path) -> Series:
    """The MR series that is meant: the only one, or the one of a description or a UID.

    Args:
        found: Of any modality.
        wanted: A SeriesInstanceUID, a SeriesDescription, or a part of one in any case; none for the only MR series.
        place: For messages.

    Raises:
        ReadError: None or several are meant; all are listed.
    """
    if not found:
        raise ReadError(place, "holds no DICOM image", "Give the folder that holds the slices themselves")
    images = [series for series in found if series.modality in ("MR", "")]
    if not images:
        kinds = ", ".join(sorted({series.modality for series in found}))
        raise ReadError(
            place, "has no MR series", "Give the folder of an MR series", f": it has Modality {kinds}, expected MR"
        )
    meant = images if wanted is None else _named(images, wanted)
    if len(meant) == 1:
        return meant[0]
    listed = "\n  ".join(str(series) for series in (meant or images))
    asked = "" if wanted is None else f" {wanted!r}"
    problem = f"holds {len(meant)} MR series{asked}, expected one"
    remedy = (
        "Choose one with `series` or the column series, by description or UID; "
        "onfh predict with `batch` takes each entry of a folder as a scan"
    )
    raise ReadError(place, problem, remedy, f"; there are:\n  {listed}\n")


def _named(images: Sequence[Series], wanted: str) -> list[Series]:
    exact = [series for series in images if wanted in (series.uid, series.description)]
    return exact or [series for series in images if wanted.casefold() in series.description.casefold()]
