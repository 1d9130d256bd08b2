"""Atomic writing of files and folders: a temporary name beside the target, flushed to disk, then renamed.

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


def refuse_full_folder(folder: Path) -> None:
    """Refuse to replace a folder that is not empty.

    Raises:
        WorkspaceError: Something lies in it.
    """
    if any(folder.iterdir()):
        raise WorkspaceError(folder, "is a folder that is not empty", "Give the name of a new or empty folder")


@contextlib.contextmanager
def atomic_write(target: Path, require_replaceable: Callable[[Path], None] = refuse_full_folder) -> Iterator[Path]:
    """Context manager: yield a temporary path with the same suffixes, and rename it to the target on success.

    The block may write a file or fill a folder (a folder's temporary path exists only once the block makes it). When
    the block fails, the target stays as it was and the temporary path is removed. A link to a folder is followed; a
    link to a file is replaced itself, and the file stays.

    Args:
        target: The file or folder.
        require_replaceable: Raises an error for a folder in the target's place that must not be replaced.

    Raises:
        WorkspaceError: The file system refused: no room, no permission, no such folder; or the target is not this
            program's to replace.
    """
    place = place_of(target)
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


def place_of(target: Path) -> Path:
    """The path where a file or folder is written: links to folders are followed, a link to a file is replaced.

    Raises:
        WorkspaceError: Links lead in a circle.
    """
    with _links_followed(target):
        return target.resolve() if target.is_dir() else target.parent.resolve() / target.name


@contextlib.contextmanager
def _links_followed(path: Path) -> Iterator[None]:
    """Refuse a path whose links lead nowhere."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        problem = "cannot be followed (its links run in a circle, or cannot be read)"
        raise WorkspaceError(path, problem, "Correct its links") from error


def write_text(target: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8 with Unix line ends."""
    content = text.encode()
    with atomic_write(target) as part:
        part.write_bytes(content)
        if part.read_bytes() != content:
            raise OSError("it could not be read back as it was written")


def remove_file(path: Path) -> None:
    """Remove a file or link if it exists; a folder is never removed.

    Raises:
        WorkspaceError: It is a folder, or cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(path, f"cannot be removed ({error.strerror or error})", _REMEDY) from error


def require_output_apart(out: Path, inputs: Collection[Path]) -> None:
    """Refuse an output inside an input, and an output that is the current folder or a folder around it.

    Args:
        out: A file or folder to write.
        inputs: Files and folders that are read.

    Raises:
        WorkspaceError: It is refused.
    """
    place = place_of(out)
    if place in (Path.cwd(), *Path.cwd().parents, Path.home(), Path(place.anchor)):
        raise WorkspaceError(out, f"is {place}, expected a folder for the results alone", "Give the name of a new one")
    require_apart(out, inputs)


def require_apart(out: Path, inputs: Collection[Path]) -> None:
    """Refuse an output that lies inside an input or replaces one.

    Raises:
        WorkspaceError: It would.
    """
    place = place_of(out)
    for given in inputs:
        with _links_followed(given):
            source = given.resolve()
        if source in (place, out.resolve()) or source in place.parents:
            problem = f"lies in the input {given}" if source in place.parents else "is an input"
            raise WorkspaceError(out, problem, "Give a place outside the inputs")


def require_file_place(out: Path) -> None:
    """Refuse a folder, a device or a pipe as the path of an output file, before any work is done.

    Raises:
        WorkspaceError: It is one of these.
    """
    if out.exists() and not out.is_file() and not out.is_dir():
        raise WorkspaceError(out, "is not a regular file, and would be replaced by one", "Give the name of a file")
    if out.is_dir():
        raise WorkspaceError(out, "is a folder, expected the name of a file", f"Give a file, such as {out / 'NAME'}")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(part: Path, target: Path, require_replaceable: Callable[[Path], None]) -> None:
    if not part.is_dir():
        require_file_place(target)
    if not target.is_dir():
        part.replace(target)
        return
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
    """Flush files to disk, so that the system reports late errors now."""
    files = (path for path in part.rglob("*") if path.is_file()) if part.is_dir() else (part,)
    for file in files:
        with file.open("rb") as content:
            os.fsync(content.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
