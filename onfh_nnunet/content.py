"""What a scan or a label is, whatever its files are called and when they were written: a hash of their bytes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from onfh_nnunet.user_files import is_regular, open_regular, refused_whole, walk

_DETACHED = re.compile(rb"^(?:ElementDataFile|data file)\s*[=:]\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_HEADER_BYTES = 2**16


def content_sha256(path: Path) -> str:
    """A hash of the bytes of a file with the voxels that it names, or of all files of a folder and those below it.

    Raises:
        ReadError: One cannot be read, a folder cannot be listed, or the path is a device, a pipe or a socket.
    """
    with refused_whole(path):
        digests = sorted(_sha256(file) for file in _files(path))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        yield from _detached(path)
        return
    for place, names in walk(path):
        yield from (file for name in names if is_regular(file := place / name))


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _detached(header: Path) -> Iterable[Path]:
    """The files with the voxels of a NRRD or MetaImage header: the one that it names, or for a list all beside it."""
    with header.open("rb") as file:
        named = _DETACHED.search(file.read(_HEADER_BYTES))
    if named is None or named[1].upper() == b"LOCAL":
        return ()
    voxels = header.parent / os.fsdecode(named[1])
    return (voxels,) if voxels.is_file() else (file for file in header.parent.iterdir() if file.is_file())
