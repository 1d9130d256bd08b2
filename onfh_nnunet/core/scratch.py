"""Temporary folders that only their owner may read; folders of killed processes are removed later.

All lie in one folder of mode 0700 in the system's temporary folder. Each has a lock, which the operating system
releases when its process dies: the next start removes every folder whose lock is free.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from onfh_nnunet.core.errors import WorkspaceError

_REMEDY = "Set TMPDIR to a folder of your own that may be written"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Context manager: a new, empty temporary folder.

    Raises:
        WorkspaceError: The system's temporary folder cannot be written.
    """
    from filelock import FileLock

    folder = private_folder() / uuid.uuid4().hex
    lock = FileLock(_lock_of(folder))
    try:
        lock.acquire(timeout=0)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise WorkspaceError(folder, f"cannot be created ({error.strerror or error})", _REMEDY) from error
    try:
        yield folder
    finally:
        _remove(folder)
        lock.release()


def sweep_scratch() -> None:
    """Remove the temporary folders of killed processes."""
    root = _root()
    if not root.is_dir() or not (locks := list(root.glob("*.lock"))):
        return
    from filelock import FileLock, Timeout

    for path in locks:
        lock = FileLock(path)
        with contextlib.suppress(Timeout, OSError):
            lock.acquire(timeout=0)
            _remove(path.with_suffix(""))
            lock.release()


def private_folder() -> Path:
    """This user's folder in the system's temporary folder, created with mode 0700.

    Raises:
        WorkspaceError: It cannot be made, or somebody else made it: that person could read what is put into it.
    """
    root = _root()
    try:
        with contextlib.suppress(FileExistsError):
            root.mkdir(mode=0o700)
        found = root.lstat()
    except OSError as error:
        raise WorkspaceError(root, f"cannot be created ({error.strerror or error})", _REMEDY) from error
    ours = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
    if not stat.S_ISDIR(found.st_mode) or not ours:
        raise WorkspaceError(root, "is not a folder that only you may read", f"Remove it, or {_REMEDY.lower()}")
    return root


def _root() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    return Path(tempfile.gettempdir(), f"onfh-{user}")


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        _lock_of(folder).unlink()
