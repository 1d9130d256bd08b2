"""A zip archive, unpacked for as long as it is read."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from onfh_nnunet.errors import ReadError
from onfh_nnunet.scratch import scratch_folder

MOST_BYTES = 16 * 2**30
"""Unpacked; a large study has some gigabytes."""

MOST_TIMES_SMALLER = 200
"""Packed MR is 2 to 20 times smaller than unpacked; an archive of nothing but zeros, a zip bomb, a thousand times."""

_FREE_BYTES = 100 * 2**20
"""An archive that unpacks to less harms nobody, whatever its ratio."""

_REMEDY = "Unpack it yourself, look at it, and give the folder"


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with the files of a zip archive.

    Names that lead out of the folder lose the part that does; an archive in the archive stays packed.

    Raises:
        ReadError: It is damaged, encrypted, or too large.
    """
    with scratch_folder() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _refuse_bomb(path, archive.infolist())
                archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
            raise ReadError(path, f"cannot be unpacked ({error})", _REMEDY) from error
        yield folder


def _refuse_bomb(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """By the sizes that the archive states: no more bytes than these are ever unpacked."""
    size, packed = sum(one.file_size for one in members), sum(one.compress_size for one in members)
    if size > MOST_BYTES or (size > _FREE_BYTES and size > MOST_TIMES_SMALLER * max(packed, 1)):
        problem = f"unpacks from {packed / 2**20:.1f} to {size / 2**20:.0f} MiB, which no scan does"
        raise ReadError(path, problem, _REMEDY)
