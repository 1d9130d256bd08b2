"""Record of an output folder: its kind, and which of its files onfh wrote.

Only these files are ever removed; whatever else lies there is the user's.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.atomic_files import atomic_write, refuse_full_folder, write_text
from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.private_folder import append_private
from onfh_nnunet.core.run_log import LOG

NAME = ".onfh.json"
RECORDS = ".made_from"
"""The folder in OUT of `onfh predict` that says what its results were made from."""

_LOCK = ".lock"


@dataclass(frozen=True)
class FolderRecord:
    """The record of a folder's content.

    Args:
        kind: What they are, such as ``tables``.
        files: The program's files, as paths relative to the folder with ``/``.
    """

    kind: str
    files: frozenset[str]

    @classmethod
    def of_content(cls, folder: Path, kind: str) -> FolderRecord:
        """A record of a folder in which onfh wrote every file."""
        return cls(kind, frozenset(_files_in(folder)))

    @classmethod
    def read(cls, folder: Path) -> FolderRecord | None:
        """Read the record of a folder; None where it is missing or damaged."""
        try:
            content = json.loads((folder / NAME).read_text(encoding="utf-8"))
            return cls(str(content["kind"]), frozenset(map(str, content["files"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the record into the folder."""
        content = {"kind": self.kind, "files": sorted(self.files)}
        write_text(folder / NAME, json.dumps(content, indent=0) + "\n")

    def require_nothing_else(self, folder: Path) -> None:
        """Refuse a folder that contains other files than these.

        Raises:
            WorkspaceError: Something else lies there.
        """
        others = sorted(set(_files_in(folder)) - self.files)
        if others:
            shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            problem = f"holds something other than {self.kind} ({shown}), which would be lost"
            raise WorkspaceError(folder, problem, "Move it away, or give a new folder")

    def remove_files(self, folder: Path) -> None:
        """Remove these files and the record, and keep everything else.

        Raises:
            WorkspaceError: One cannot be removed.
        """
        home = folder.resolve()
        try:
            for path in (folder / name for name in self.files):
                place = path.parent.resolve()
                if home == place or home in place.parents:  # a link or a name may lead elsewhere
                    path.unlink(missing_ok=True)
            (folder / NAME).unlink(missing_ok=True)
        except OSError as error:
            problem = f"holds a file of an earlier run that cannot be removed ({error.strerror or error})"
            raise WorkspaceError(folder, problem, "Check that you may write to the folder") from error


@contextlib.contextmanager
def written_folder(target: Path, kind: str) -> Iterator[Path]:
    """As `atomic_files.atomic_write`, for a folder that may replace an earlier one of the same kind.

    Args:
        target: The folder.
        kind: What will lie in it, such as ``tables``.

    Raises:
        WorkspaceError: The file system refused; or a folder lies there that onfh did not make, or that holds more.
    """

    def require_replaceable(folder: Path) -> None:
        record = FolderRecord.read(folder)
        if record is None or record.kind != kind:
            refuse_full_folder(folder)
        else:
            record.require_nothing_else(folder)

    if target.is_dir():
        require_replaceable(target)  # before the work
    with atomic_write(target, require_replaceable) as part:
        yield part
        _keep_log(target, part)
        FolderRecord.of_content(part, kind).write(part)


def _keep_log(folder: Path, successor: Path) -> None:
    """What earlier commands logged in a folder goes on in the one that takes its place."""
    if (folder / LOG).is_file():
        append_private(successor / LOG, (folder / LOG).read_text(encoding="utf-8", errors="backslashreplace"))


def claim(folder: Path, kind: str, names: Iterable[str]) -> None:
    """Remove the files of an earlier run of the same kind, and record the files of this run.

    What else lies in the folder stays.

    Args:
        folder: The folder.
        kind: What will lie in it, such as ``tables``.
        names: The files that will be made, as paths relative to the folder with ``/``.

    Raises:
        WorkspaceError: It is a folder of another kind, or a file of such a name lies there that onfh did not make.
    """
    require_no_other(folder, kind)
    if record := FolderRecord.read(folder):
        record.remove_files(folder)
    files = frozenset(names)
    _require_free(folder, files)
    FolderRecord(kind, files).write(folder)


def claim_for_good(folder: Path, kind: str, names: Collection[str]) -> None:
    """Record once which files of a folder onfh writes; they may then be replaced one by one.

    Raises:
        WorkspaceError: See `require_claimable`.
    """
    require_claimable(folder, kind, names)
    if FolderRecord.read(folder) is None:
        FolderRecord(kind, frozenset(names)).write(folder)


def require_claimable(folder: Path, kind: str, names: Collection[str]) -> None:
    """Refuse a folder that `claim_for_good` would refuse, before any work is done.

    Raises:
        WorkspaceError: It is a folder of another kind, or a file of such a name lies there that onfh did not make.
    """
    require_no_other(folder, kind)
    if FolderRecord.read(folder) is None:
        _require_free(folder, names)


def require_no_other(folder: Path, kind: str) -> None:
    """Refuse a folder that onfh made for another purpose.

    Raises:
        WorkspaceError: It did.
    """
    record = FolderRecord.read(folder)
    if record is not None and record.kind != kind:
        raise WorkspaceError(folder, f"holds {record.kind}, expected {kind} or nothing", "Give another folder")


def _require_free(folder: Path, names: Iterable[str]) -> None:
    taken = sorted(name for name in names if (folder / name).exists())
    if taken:
        problem = f"holds {taken[0]}, which is not known to be made by onfh and would be replaced"
        raise WorkspaceError(folder, problem, f"Move {folder / taken[0]} to another folder, and run again")


def _files_in(folder: Path) -> Iterator[str]:
    """All entries that are not folders, plus links and empty folders: a user's entry counts whatever its type."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        is_folder = path.is_dir() and not path.is_symlink()
        if name not in (NAME, _LOCK, LOG.as_posix()) and not (is_folder and any(path.iterdir())):
            yield name
