"""What must hold after a disturbed run, and after its repetition in peace."""

import hashlib
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.faults.process import Ended

UNFINISHED = re.compile(r"(^|/)\.[0-9a-f]{8}\.(part|old)\.|\.lock$|(^|/)onfh-\d+/[0-9a-f]{32}(/|$)|\.part$")
"""Temporary names of files and folders, locks, and scratch folders."""

_LOGS = re.compile(r"(^|/)(private/onfh\.log|logs/.*|\.made_from/tables\.json|tmp/onfh-\d+/matplotlib.*)$")
"""What tells of earlier runs: logs, and the record of tables, which knows the one that each replaced."""

_SENT = {
    "SIGKILL": -signal.SIGKILL,
    "SIGTERM": -signal.SIGTERM,
    "SIGINT": -signal.SIGINT,
    "two at once": -signal.SIGKILL,
}


@dataclass(frozen=True)
class Content:
    """The files of a box.

    Args:
        names: Of all files and folders.
        digests: The SHA-256 of each file, without logs.
        n_bytes: Of what the command may have written.
    """

    names: frozenset[str]
    digests: dict[str, str]
    n_bytes: int

    @classmethod
    def of(cls, box: Path) -> Self:
        """What lies there now."""
        paths = {path.relative_to(box).as_posix(): path for path in box.rglob("*")}
        kept = {name: path for name, path in paths.items() if not _LOGS.search(name)}
        files = {name: path.read_bytes() for name, path in kept.items() if path.is_file()}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        written = sum(len(content) + 4096 for name, content in files.items() if name.startswith("place"))
        return cls(frozenset(kept), digests, written)

    def same_in(self, other: Self) -> Self:
        """Without the files that differ in another calm run."""
        same = {name: digest for name, digest in self.digests.items() if other.digests.get(name) == digest}
        return type(self)(self.names & other.names, same, self.n_bytes)


def faults_of(ended: Ended, box: Path, kind: str) -> list[str]:
    """What is wrong with the end of a disturbed run."""
    faults = [f"survives: {one}" for one in ended.survivors]
    said = f"{ended.said[-1500:]}"
    if ended.code is None:
        return [*faults, f"hangs:\n{said}"]
    if "Traceback (most recent call last)" in ended.said:
        faults.append(f"has a traceback:\n{said}")
    if ended.code < 0 and ended.code != _SENT.get(kind):
        faults.append(f"crashed with {signal.Signals(-ended.code).name}:\n{said}")
    if ended.code == 1 and "onfh: " not in ended.said and "Aborted" not in ended.said:
        faults.append(f"stops without a message:\n{said}")
    if ended.code > 0 and kind not in ("SIGKILL", "two at once"):
        left = sorted(name for name in Content.of(box).names if UNFINISHED.search(name))
        faults += [f"leaves {name}" for name in left]
    return faults


def faults_of_repetition(ended: Ended, now: Content, calm: Content, *, done: bool = False) -> list[str]:
    """What is wrong once the command was repeated in peace; `done` where that was not needed."""
    faults = [] if done else [f"in peace survives: {one}" for one in ended.survivors]
    if not done and ended.code != 0:
        return [*faults, f"does not work in peace afterwards ({ended.code}):\n{ended.said[-1500:]}"]
    faults += [f"differs from a calm run: {name}" for name in sorted(_changed(now, calm))]
    faults += [f"stays: {name}" for name in sorted(now.names - calm.names) if not name.startswith("in")]
    return faults


def _changed(now: Content, calm: Content) -> set[str]:
    return {name for name, digest in calm.digests.items() if now.digests.get(name) != digest}
