"""What a scan or a label is, whatever its files are called and when they were written: a hash of their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from onfh_nnunet.errors import ReadError
from onfh_nnunet.files import sha256
from onfh_nnunet.imagefile import detached


def content_sha256(path: Path) -> str:
    """A hash of the bytes of a file with the voxels that it names, or of all files of a folder and those below it.

    Raises:
        ReadError: One cannot be read.
    """
    try:
        digests = sorted(sha256(file) for file in _files(path))
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror or error})", "Check the path") from error
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        voxels = detached(path)
        yield from (path,) if voxels is None else (path, voxels)
    for place, _, names in os.walk(path):
        yield from (file for name in names if (file := Path(place, name)).is_file())
