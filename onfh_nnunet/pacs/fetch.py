"""Fetch a study of a PACS into a folder: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from onfh_nnunet.core.atomic_files import atomic_write
from onfh_nnunet.core.errors import PacsError, PacsUnreachable
from onfh_nnunet.core.user_files import refused_whole
from onfh_nnunet.pacs.archive import Archive
from onfh_nnunet.pacs.query import require_uid
from onfh_nnunet.pacs.retry import retried


@dataclass(frozen=True)
class Fetched:
    """A study that lies in a folder.

    Args:
        study: StudyInstanceUID.
        folder: Where it lies: a folder a series, a file an object.
        files: How many files it has.
        new: Whether it was fetched now.
    """

    study: str
    folder: Path
    files: int
    new: bool


class NothingToFetch(PacsError):
    """The server does not hold the study, or no series of it of the wanted modality."""


def fetch_study(archive: Archive, study: str, out: Path, modalities: Collection[str]) -> Fetched:
    """Fetch the series of some modalities of a study into ``OUT/STUDY``; what lies there already is not fetched again.

    The folder appears once every object that the server lists has come, and is of the study and series that it should
    be. Only the owner may read it.

    Args:
        archive: The server.
        study: StudyInstanceUID.
        out: The folder for the study's own.
        modalities: Such as MR.

    Raises:
        NothingToFetch: There is no such study or series.
        PacsError: The server refuses, cannot be reached, or sends something else.
        WorkspaceError: The folder cannot be written.
    """
    folder = out / require_uid(study, "the study")
    if folder.is_dir():
        return Fetched(study, folder, len(list(folder.rglob("*.dcm"))), new=False)
    series = _series_of(archive, study, modalities)
    files = 0
    with atomic_write(folder) as part:
        out.chmod(0o700)
        part.mkdir(mode=0o700)
        for one in series:
            files += retried(partial(_fetch_series, archive, study, one, part))
    return Fetched(study, folder, files, new=True)


def _series_of(archive: Archive, study: str, modalities: Collection[str]) -> list[str]:
    keys = {"StudyInstanceUID": study, "SeriesInstanceUID": "", "Modality": ""}
    found = {
        str(one.SeriesInstanceUID): str(one.get("Modality")) for one in retried(lambda: archive.find("SERIES", keys))
    }
    series = [require_uid(uid, "a series") for uid, modality in sorted(found.items()) if modality in modalities]
    if not series:
        got = f"holds the study {study} with {', '.join(sorted(set(found.values())))} alone" if found else "lacks it"
        remedy = "Look for it with onfh pacs find, or name another modality"
        raise NothingToFetch(study, f"has no series of {', '.join(modalities)}: {archive.name} {got}", remedy)
    return series


def _fetch_series(archive: Archive, study: str, series: str, part: Path) -> int:
    """Fetch the objects of a series; their number."""
    keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": ""}
    listed = {require_uid(str(one.SOPInstanceUID), "an object") for one in archive.find("IMAGE", keys)}
    came: set[str] = set()
    (part / series).mkdir(exist_ok=True)

    def keep(content: bytes) -> None:
        uid = _uid_of(content, study, series, archive.name)
        if uid not in listed:
            raise PacsError(archive.name, f"sends the object {uid}, which it does not list", "Ask who runs it")
        (part / series / f"{uid}.dcm").write_bytes(content)
        came.add(uid)

    archive.retrieve(study, series, keep)
    if came != listed or not listed:
        problem = f"sent {len(came)} of the {len(listed)} objects of the series {series}"
        raise PacsUnreachable(archive.name, problem, "Run again later; nothing was kept of the study")
    return len(came)


def _uid_of(content: bytes, study: str, series: str, server: str) -> str:
    """The SOPInstanceUID of an object that is of this study and series.

    Raises:
        PacsError: It is of another one.
    """
    from pydicom import dcmread

    keywords = ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
    with refused_whole(Path("an object that was sent")):
        header = dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=keywords)
        found = [str(header[keyword].value) for keyword in keywords]
    if found[1:] != [study, series]:
        problem = f"sends an object of the series {found[2]}, expected {series} of the study {study}"
        raise PacsError(server, problem, "Ask who runs it")
    return found[0]
