"""One process at a time writes into a folder, or makes a file."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from onfh_nnunet.core.atomic_files import sweep_leftovers
from onfh_nnunet.core.errors import WorkspaceError

NAME = ".lock"


@contextlib.contextmanager
def locked(folder: Path, command: str, remedy: str) -> Iterator[None]:
    """Make the folder if need be, hold its lock for the block, and remove what a killed process left half-written.

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
        sweep_leftovers(folder)
        yield


@contextlib.contextmanager
def locked_output(target: Path, command: str) -> Iterator[None]:
    """Hold the lock of a file or a whole folder that is about to be made: a hidden file beside it.

    Raises:
        WorkspaceError: Another process makes it, or the folder around it cannot be made or written.
    """
    place = target.resolve()
    with _held(place.with_name(f".{place.name}{NAME}"), target, command, "give another place"):
        yield


def require_unlocked(folder: Path, command: str, remedy: str) -> None:
    """Refuse a folder into which another process writes now; a folder that is not there is free.

    Raises:
        WorkspaceError: Another process holds its lock.
    """
    if (folder / NAME).exists():
        with _held(folder / NAME, folder, command, remedy, wait_s=1):  # another may look at the same moment
            pass


@contextlib.contextmanager
def _held(file: Path, what: Path, command: str, remedy: str, wait_s: float = 0) -> Iterator[None]:
    lock = FileLock(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        problem = f"is being written by another {_holder(file) or command}"
        raise WorkspaceError(what, problem, f"Wait until it has ended, or {remedy}") from error
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise WorkspaceError(what, problem, f"Check that it may be written, or {remedy}") from error
    try:
        _sign(file, command)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file, but filelock does so there
            file.unlink()
        lock.release()


def _sign(file: Path, command: str) -> None:
    with contextlib.suppress(OSError):  # Windows lets nobody write into a locked file
        file.write_text(f"{command}, process {os.getpid()} on {platform.node()}", encoding="utf-8")


def _holder(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8")
    return ""
