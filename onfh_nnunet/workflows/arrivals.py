"""Where the studies of `onfh watch` come from: the changes of an Orthanc, or the entries of a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from onfh_nnunet.core.user_files import refused_whole, walk
from onfh_nnunet.pacs.orthanc_changes import OrthancChanges
from onfh_nnunet.pacs.study_queue import Arrival, StudyQueue


class Arrivals(Protocol):
    """A place where studies arrive."""

    def look(self, queue: StudyQueue) -> None:
        """Queue the studies that are complete since the last look."""


@dataclass(frozen=True)
class OrthancArrivals:
    """Studies that an Orthanc calls stable. At the first look, those that it holds already are left out."""

    changes: OrthancChanges

    def look(self, queue: StudyQueue) -> None:
        """See `Arrivals`."""
        seen = queue.seen
        if seen is None:
            queue.add((), self.changes.last())
            return
        more = True
        while more:
            page = self.changes.since(seen)
            seen, more = page.last, page.more
            queue.add(page.studies, seen)


@dataclass(frozen=True)
class FolderArrivals:
    """Entries of a folder, each a study: a folder, a zip archive or a file.

    An entry is complete once the number, size and times of its files have stayed the same for a while.

    Args:
        folder: The folder.
        settle_s: How long.
        clock: The time, in seconds since 1970.
    """

    folder: Path
    settle_s: float
    clock: Callable[[], float]

    def look(self, queue: StudyQueue) -> None:
        """See `Arrivals`.

        Raises:
            ReadError: The folder or an entry cannot be listed.
        """
        with refused_whole(self.folder):
            entries = sorted(entry for entry in self.folder.iterdir() if not entry.name.startswith("."))
        known, arriving, now = queue.states(), queue.arriving(), self.clock()
        for entry in entries:
            before = arriving.get(entry.name)
            if before is None and entry.name in known:
                continue
            content = _content(entry)
            if before is None or before.content != content or before.since > now:
                queue.note(Arrival(entry.name, content, now))
            elif content and now - before.since >= self.settle_s:
                queue.complete(entry.name)


def _content(entry: Path) -> str:
    """What an entry looks like; empty if it holds no file."""
    with refused_whole(entry):
        files = [place / name for place, names in walk(entry) for name in names] if entry.is_dir() else [entry]
        found = [file.stat() for file in files]
    total, newest = sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)
    return f"{len(found)} files, {total} bytes, {newest}" if found else ""
