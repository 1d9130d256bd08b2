"""One process at a time writes into a folder."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from onfh_nnunet.errors import WorkspaceError


@contextlib.contextmanager
def locked(folder: Path, command: str, remedy: str) -> Iterator[None]:
    """Make the folder if need be, and hold its lock for the block.

    The operating system holds the lock for the process, so one of a process that was killed does not last. The file
    `.lock` says who holds it, and is removed at the end.

    Args:
        folder: What is written into.
        command: What writes into it, for the message to another process.
        remedy: What to do instead.

    Raises:
        WorkspaceError: Another process holds it, or the folder cannot be made or written.
    """
    file = folder / ".lock"
    lock = FileLock(file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        problem = f"is being written by another {command}{_holder(file)}"
        raise WorkspaceError(folder, problem, f"Wait until it has ended, or {remedy}") from error
    except OSError as error:
        problem = f"cannot be written ({error.strerror or error})"
        raise WorkspaceError(folder, problem, f"Check that it may be written, or {remedy}") from error
    try:
        _sign(file)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file, but filelock does so there
            file.unlink()
        lock.release()


def _sign(file: Path) -> None:
    with contextlib.suppress(OSError):  # Windows lets nobody write into a locked file
        file.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")


def _holder(file: Path) -> str:
    with contextlib.suppress(OSError):
        return f", {file.read_text(encoding='utf-8')}"
    return ""
