"""Safe access to users' files: only regular files are opened, and folders must be listed completely.

Whatever a library raises while such a file is read becomes one refusal of that file, so that it never ends the work on
the others.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import traceback
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.private_folder import append_private

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opening a named pipe waits for a writer without it."""


MOST_TEXT_BYTES = 2**28
"""A table of a hundred thousand hips has some tens of megabytes."""

MOST_SCAN_BYTES = 16 * 2**30
"""A large study has some gigabytes."""

MOST_IMAGE_BYTES = 2**30
"""Of the voxels of one image file: 1,024 x 1,024 x 512 of 16 bits, many times an MRI of both hips. A gzip file of one
megabyte may state as many."""


class StoredBytesError(EOFError):
    """Bytes that do not end where they should, in words for people; those of libraries are not."""


@contextlib.contextmanager
def refused_whole(path: Path) -> Iterator[None]:
    """Context manager: turn any exception into one `ReadError` for the file or folder that is read.

    An `OnfhError` passes as it is. The traceback of any other one is kept in the refusal's `trace`.

    Raises:
        ReadError: The block raised.
    """
    try:
        yield
    except OnfhError:
        raise
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise ReadError(path, problem, "Check that it exists and may be read") from error
    except EOFError as error:  # foreseen: a trace would say no more
        said = str(error) if isinstance(error, StoredBytesError) else "it ends before its data do"
        problem = f"cannot be read ({said})"
        raise ReadError(path, problem, "Export it again from the source; it may be truncated") from error
    except MemoryError as error:
        raise ReadError(path, "needs more memory than is free", "Crop it, or read it on a larger machine") from error
    except Exception as error:  # libraries promise nothing about damaged files
        # their sentences are for engineers: the trace keeps them
        problem = "cannot be read: it is damaged, or holds what its format does not allow"
        refusal = ReadError(path, problem, "Export it again from the source")
        refusal.trace = "".join(traceback.format_exception(error))
        raise refusal from error


def append_trace(log: Path, name: str, place: Path, error: OnfhError) -> None:
    """Append the traceback of an error to a log, with its subject; do nothing without a traceback.

    It may quote a header, so only its owner may read it. A log that cannot be written is no reason to stop.
    """
    if error.trace:
        with contextlib.suppress(OSError):
            append_private(log, f"{name}\n{error.trace}\n".replace(str(place), name))


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; refuse a device, pipe or socket without waiting.

    Raises:
        ReadError: It is there and not a regular file.
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ReadError(path, "is not a regular file", "Give a file or a folder")
    return os.fdopen(descriptor, "rb")


def read_content(path: Path) -> bytes:
    """The bytes of a table or a JSON file.

    Raises:
        ReadError: It is not a regular file, or larger than any table of this project.
        OSError: It cannot be opened.
    """
    with open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > MOST_TEXT_BYTES:
            got = f"has {size / 2**20:.0f} MiB, expected a table of at most {MOST_TEXT_BYTES / 2**20:.0f} MiB"
            raise ReadError(path, got, "Give the table itself")
        return file.read()


def read_text(path: Path) -> str:
    """Read a UTF-8 table or JSON file, with or without a byte-order mark.

    Raises:
        ReadError: It is not a regular file, or larger than any table of this project.
        OSError: It cannot be opened.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_content(path).decode("utf-8-sig")


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file or a link to one; False for a broken link.

    Raises:
        OSError: Nobody can say: its folder may not be searched, or a disk fails.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return False
        raise


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder below a folder with its file names, in a fixed order; links to folders are not followed.

    Raises:
        ReadError: A folder cannot be listed: what lies in it would be missing without a word.
    """

    def refuse(error: OSError) -> None:
        problem = f"cannot be listed ({error.strerror or error})"
        raise ReadError(error.filename or folder, problem, "Check that the folder may be read") from error

    for place, below, names in os.walk(folder, onerror=refuse):
        below.sort()
        yield Path(place), sorted(names)
