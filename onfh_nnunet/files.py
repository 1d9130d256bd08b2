"""Nothing is ever written half: a temporary name beside the target, then a rename."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from onfh_nnunet.errors import WorkspaceError

_REMEDY = "Check that the folder exists, may be written and has room"


@contextlib.contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Hand out a temporary path of the same suffixes, and put it in the target's place when the block succeeds.

    The block may write a file or fill a folder (a folder's temporary path exists only once the block makes it). The
    target is replaced whole; when the block fails, the target stays as it was and the temporary path is removed.

    Raises:
        WorkspaceError: The file system refused: no room, no permission, no such folder.
    """
    part = target.with_name(f".{uuid.uuid4().hex[:8]}.part.{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _replace(part, target)
    except OSError as error:
        raise WorkspaceError(target, f"cannot be written ({error.strerror or error})", _REMEDY) from error
    finally:
        with contextlib.suppress(NotADirectoryError):  # a parent that is a file: nothing was written
            remove(part)


def write_text(target: Path, text: str) -> None:
    """Write a text file whole, in UTF-8 with Unix line ends."""
    with written_whole(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(part: Path, target: Path) -> None:
    if not target.is_dir():
        part.replace(target)
        return
    # A folder cannot be renamed onto a full one: the old one steps aside first, and returns if the rename fails.
    aside = target.with_name(f".{uuid.uuid4().hex[:8]}.old.{target.name}")
    target.replace(aside)
    try:
        part.replace(target)
    except OSError:
        aside.replace(target)
        raise
    shutil.rmtree(aside)
