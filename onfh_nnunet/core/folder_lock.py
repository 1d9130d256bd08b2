"""Locks on folders and files: one process at a time writes."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from onfh_nnunet.core.atomic_files import place_of
from onfh_nnunet.core.errors import WorkspaceError

NAME = ".lock"
_SIGNED = "onfh "
_LEFTOVERS = tuple(f".{'[0-9a-f]' * 8}.{kind}" for kind in ("part", "old"))


@contextlib.contextmanager
def locked(folder: Path, command: str, remedy: str) -> Iterator[None]:
    """Create the folder if needed, hold its lock, and remove unfinished files of a killed process.

    The operating system holds the lock for the process, so one of a process that was killed does not last. The file
    `.lock` says who holds it, and is removed at the end.

    Args:
        folder: What is written into.
        command: What writes into it, for the message to another process.
        remedy: What to do instead.

    Raises:
        WorkspaceError: Another process holds it, or the folder cannot be made or written.
    """
    with _held(folder / NAME, folder, command, remedy):
        for level in ("", "*/", "*/*/"):
            for leftover in [path for kind in _LEFTOVERS for path in folder.glob(f"{level}{kind}.*")]:
                if not _in_use(leftover, folder):
                    _sweep(leftover)
        yield


@contextlib.contextmanager
def locked_output(target: Path, command: str) -> Iterator[None]:
    """Hold the lock of a file or folder that is about to be written: a hidden file beside it.

    Raises:
        WorkspaceError: Another process makes it, or the folder around it cannot be made or written.
    """
    place = place_of(target)
    with _held(_lock_beside(place), target, command, "give another place"):
        name = glob.escape(place.name)
        for leftover in [path for kind in _LEFTOVERS for path in place.parent.glob(f"{kind}.{name}")]:
            _sweep(leftover)
        yield


def require_unlocked(folder: Path, command: str, remedy: str) -> None:
    """Refuse a folder that another process is writing to; a folder that does not exist is free.

    Raises:
        WorkspaceError: Another process holds its lock.
    """
    if (folder / NAME).exists():
        with _held(folder / NAME, folder, command, remedy, wait_s=1):  # another may look at the same moment
            pass


@contextlib.contextmanager
def _held(file: Path, what: Path, command: str, remedy: str, wait_s: float = 0) -> Iterator[None]:
    _require_ours(file, what)
    lock = FileLock(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        problem = f"is being written by another {_holder(file) or command}"
        raise WorkspaceError(what, problem, f"Wait until it has ended, or {remedy}") from error
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise WorkspaceError(what, problem, f"Check that you may write to it, or {remedy}") from error
    try:
        _sign(file, command)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file, but filelock does so there
            file.unlink()
        lock.release()


def _lock_beside(target: Path) -> Path:
    return target.with_name(f".{target.name}{NAME}")


def _in_use(leftover: Path, folder: Path) -> bool:
    """Whether another process is writing it: it holds the lock of its target, or of a folder in between."""
    between = [parent / NAME for parent in leftover.parents if folder in parent.parents]
    return any(map(_is_held, (_lock_beside(_target_of(leftover)), *between)))


def _is_held(file: Path) -> bool:
    if not file.is_file():
        return False
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _sweep(leftover: Path) -> None:
    """Remove unfinished files; restore a folder that was moved aside if its replacement never came."""
    target = _target_of(leftover)
    if ".old." in leftover.name and not target.exists():
        leftover.replace(target)
    elif leftover.is_dir() and not leftover.is_symlink():
        shutil.rmtree(leftover)
    else:
        leftover.unlink(missing_ok=True)


def _target_of(leftover: Path) -> Path:
    """The target of a temporary path: ``.0123abcd.part.NAME`` becomes ``NAME``; see `atomic_files`."""
    return leftover.with_name(leftover.name.split(".", 3)[3])


def _require_ours(file: Path, what: Path) -> None:
    """Refuse to write a lock file over a file that onfh did not write."""
    with contextlib.suppress(OSError):
        content = file.read_text(encoding="utf-8", errors="replace")
        if content and not content.startswith(_SIGNED):
            problem = f"has a file {file.name} beside or in it that onfh did not write"
            raise WorkspaceError(what, problem, f"Move {file} away")


def _sign(file: Path, command: str) -> None:
    with contextlib.suppress(OSError):  # Windows lets nobody write into a locked file
        who = f"{_SIGNED}{command.removeprefix(_SIGNED)}, process {os.getpid()} on {platform.node()}"
        file.write_text(who, encoding="utf-8")


def _holder(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8")
    return ""
