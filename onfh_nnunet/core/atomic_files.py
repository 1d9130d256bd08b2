"""Nothing is ever written half: a temporary name beside the target, synchronised to the disk, then a rename.

And nothing of the user's is ever removed: a file never replaces a folder, and a folder replaces a full one only where
`folder_record` finds that this program made it and that nothing else lies in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from onfh_nnunet.core.errors import WorkspaceError

_REMEDY = "Check that the folder exists, may be written and has room"
_HEX = "[0-9a-f]" * 8
_LEFTOVERS = (f".{_HEX}.part.*", f".{_HEX}.old.*")


def refuse_full_folder(folder: Path) -> None:
    """Refuse to replace a folder in which something lies.

    Raises:
        WorkspaceError: Something lies in it.
    """
    if any(folder.iterdir()):
        raise WorkspaceError(folder, "is a folder that is not empty", "Give the name of a new or empty folder")


@contextlib.contextmanager
def written_whole(target: Path, require_replaceable: Callable[[Path], None] = refuse_full_folder) -> Iterator[Path]:
    """Hand out a temporary path of the same suffixes, and put it in the target's place when the block succeeds.

    The block may write a file or fill a folder (a folder's temporary path exists only once the block makes it). When
    the block fails, the target stays as it was and the temporary path is removed. Where the target is a link, what it
    points to is replaced.

    Args:
        target: The file or folder.
        require_replaceable: Raises an error for a folder in the target's place that must not be replaced.

    Raises:
        WorkspaceError: The file system refused: no room, no permission, no such folder; or the target is not this
            program's to replace.
    """
    try:
        place = target.resolve()
    except (OSError, RuntimeError) as error:
        raise WorkspaceError(target, f"cannot be followed ({error})", _REMEDY) from error
    part = place.with_name(f".{uuid.uuid4().hex[:8]}.part.{place.name}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _synchronise(part)
        _replace(part, place, require_replaceable)
    except OSError as error:
        raise WorkspaceError(target, f"cannot be written ({error.strerror or error})", _REMEDY) from error
    finally:
        with contextlib.suppress(OSError):  # a parent that is a file, a disk that is gone: nothing was written
            _remove(part)


def write_text(target: Path, text: str) -> None:
    """Write a text file whole, in UTF-8 with Unix line ends."""
    content = text.encode()
    with written_whole(target) as part:
        part.write_bytes(content)
        if part.read_bytes() != content:
            raise OSError("it could not be read back as it was written")


def remove_file(path: Path) -> None:
    """Remove a file or a link if it is there; a folder is never removed.

    Raises:
        WorkspaceError: It is a folder, or cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(path, f"cannot be removed ({error.strerror or error})", _REMEDY) from error


def sweep_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written in a folder, down to two levels; only for the holder of its lock.

    A folder that had stepped aside for its successor returns when the successor never came.
    """
    for level in ("", "*/", "*/*/"):
        for leftover in [path for pattern in _LEFTOVERS for path in folder.glob(level + pattern)]:
            target = leftover.with_name(leftover.name.split(".", 3)[3])
            if ".old." in leftover.name and not target.exists():
                leftover.replace(target)
            else:
                _remove(leftover)


def require_output_apart(out: Path, inputs: Collection[Path]) -> None:
    """Refuse an output that would lie in an input, would replace one, or is a folder that is much more than an output.

    Args:
        out: A file or folder to write.
        inputs: Files and folders that are read.

    Raises:
        WorkspaceError: It is refused.
    """
    place = out.resolve()
    if place in (Path.cwd(), Path.home(), Path(place.anchor)):
        raise WorkspaceError(out, f"is {place}, expected a folder for the results alone", "Give the name of a new one")
    for given in inputs:
        source = given.resolve()
        if place == source or source in place.parents:
            problem = f"lies in the input {given}" if place != source else "is an input"
            raise WorkspaceError(out, problem, "Give a place outside the inputs")


def require_file_place(out: Path) -> None:
    """Refuse a folder where a file is to be written, before any work is done for it.

    Raises:
        WorkspaceError: It is a folder.
    """
    if out.is_dir():
        raise WorkspaceError(out, "is a folder, expected the name of a file", f"Give a file, such as {out / 'NAME'}")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(part: Path, target: Path, require_replaceable: Callable[[Path], None]) -> None:
    if not target.is_dir():
        part.replace(target)
        return
    if not part.is_dir():
        require_file_place(target)
    require_replaceable(target)
    # A folder cannot be renamed onto a full one: the old one steps aside first, and returns if the rename fails.
    aside = target.with_name(f".{uuid.uuid4().hex[:8]}.old.{target.name}")
    target.replace(aside)
    try:
        part.replace(target)
    except OSError:
        aside.replace(target)
        raise
    shutil.rmtree(aside)


def _synchronise(part: Path) -> None:
    """Force files to the disk: an error that the system reports late is reported now."""
    files = (path for path in part.rglob("*") if path.is_file()) if part.is_dir() else (part,)
    for file in files:
        with file.open("rb") as content:
            os.fsync(content.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
