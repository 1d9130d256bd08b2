"""Content hash of a scan or label, independent of file names and times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.image_files import detached, format_of
from onfh_nnunet.core.user_files import (
    MOST_IMAGE_BYTES,
    MOST_SCAN_BYTES,
    is_regular,
    open_regular,
    refused_whole,
    walk,
)


def content_sha256(path: Path) -> str:
    """SHA-256 of a file, including a detached voxel file, or of all files below a folder.

    Raises:
        ReadError: One cannot be read, a folder cannot be listed, or the path is a device, a pipe or a socket.
    """
    with refused_whole(path):  # a name that is too long is refused, too
        if not path.exists():
            raise ReadError(path, "does not exist", "Check the path")
        files = list(_files(path))
        most = MOST_IMAGE_BYTES if path.is_file() and format_of(path) else MOST_SCAN_BYTES
        if (size := sum(file.stat().st_size for file in files)) > most:
            got = f"has {size / 2**30:.0f} GiB, expected at most {most / 2**30:.0f} GiB"
            raise ReadError(path, got, "Give the scan alone")
        digests = sorted(_sha256(file) for file in files)
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path  # a pipe is refused before anything asks what it holds
        if voxels := detached(path):
            yield voxels
        return
    for place, names in walk(path):
        yield from (file for name in names if is_regular(file := place / name))


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
