"""A zip archive, unpacked for as long as it is read; and what may be unpacked or inflated at all."""

from __future__ import annotations

import bz2
import contextlib
import copy
import re
import shutil
import traceback
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from onfh_nnunet.core.errors import OnfhError, ReadError
from onfh_nnunet.core.scratch import scratch_folder
from onfh_nnunet.core.user_files import open_regular

MOST_BYTES = 16 * 2**30
"""Unpacked; a large study has some gigabytes."""

MOST_TIMES_SMALLER = 200
"""Packed MR is 2 to 20 times smaller than unpacked; an archive of nothing but zeros, a zip bomb, a thousand times."""

FREE_BYTES = 100 * 2**20
"""What unpacks to less harms nobody, whatever its ratio."""

MOST_FILES = 100_000
"""In one archive; a large study has some ten thousand slices."""

MOST_FOLDERS_DEEP = 50
"""A folder of more levels may be too deep to be listed or removed."""

_NO_NAMES = re.compile(r'[:<>|"?*]')
"""What Windows allows in no name."""

_CHUNK = 2**20
_REMEDY = "Unpack it yourself, look at it, and give the folder"


_PACKED = (b"PK\3\4", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")
"""How zip, gzip, bzip2, 7z, rar and xz begin."""


def is_packed(path: Path) -> bool:
    """Whether a file is an archive or a packed file, by its bytes; a compressed NIfTI volume is none.

    Raises:
        ReadError: It is a device, a pipe or a socket.
        OSError: It cannot be opened.
    """
    with open_regular(path) as file:
        head = file.read(262)
    is_archive = head.startswith(_PACKED) or head[257:] == b"ustar" or zipfile.is_zipfile(path)
    return is_archive and not path.name.lower().endswith(".nii.gz")


def refuse_bomb(path: Path, packed: int, size: int, free: int = FREE_BYTES) -> None:
    """Refuse what takes far more bytes unpacked than packed, before any of it is.

    Args:
        path: For messages.
        packed: Bytes of the file.
        size: Bytes that it unpacks to, as it states, or as were counted so far.
        free: Up to so many bytes, any ratio is allowed.

    Raises:
        ReadError: They are more than `MOST_BYTES`, or more than `free` and `MOST_TIMES_SMALLER` times `packed`.
    """
    if size > MOST_BYTES or size > max(free, MOST_TIMES_SMALLER * packed):
        problem = f"unpacks from {packed / 2**20:.1f} to {size / 2**20:.0f} MiB, which no scan does"
        raise ReadError(path, problem, _REMEDY)


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with the files of a zip archive.

    Names stay in the folder wherever they lead; links become files, and an archive in the archive stays packed.

    Raises:
        ReadError: It is damaged, encrypted, too large, or holds two files of one name.
    """
    with scratch_folder() as folder:
        try:
            _unpack(path, folder)
        except OnfhError:
            raise
        except Exception as error:  # damaged archives raise whatever their codecs do
            reason = getattr(error, "strerror", None) or "it is damaged, or packed in a way that is not known"
            refusal = ReadError(path, f"cannot be unpacked ({reason})", _REMEDY)
            refusal.trace = "".join(traceback.format_exception(error))
            raise refusal from error
        yield folder


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _refuse(path, members, folder)
        for member in members:
            target = folder / _inside(path, member)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(path, archive, member, target)


def _refuse(path: Path, members: Sequence[zipfile.ZipInfo], folder: Path) -> None:
    """By what the archive states. No more bytes than it states are written: see `_write`."""
    size, room = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    refuse_bomb(path, path.stat().st_size, size)
    if size > room:
        problem = f"unpacks to {size / 2**20:.0f} MiB, and the temporary folder has room for {room / 2**20:.0f} MiB"
        raise ReadError(path, problem, "Make room, set TMPDIR to a larger disk, or unpack it yourself")
    if len(members) > MOST_FILES:
        raise ReadError(path, f"holds {len(members)} files, expected at most {MOST_FILES}", _REMEDY)
    if any(member.flag_bits & 1 for member in members):
        raise ReadError(path, "cannot be unpacked (it is encrypted)", _REMEDY)


def _inside(path: Path, member: zipfile.ZipInfo) -> Path:
    """The member's path below the folder: without a root, and with names for a drive and for steps upwards."""
    parts = PurePosixPath(member.filename.replace("\\", "/").lstrip("/")).parts
    if not 1 <= len(parts) <= MOST_FOLDERS_DEEP:
        problem = f"holds the name {member.filename[:80]!r}, which has {len(parts)} parts"
        raise ReadError(path, f"{problem}, expected 1 to {MOST_FOLDERS_DEEP}", _REMEDY)
    return Path(*("_" if part == ".." else _NO_NAMES.sub("_", part) for part in parts))


def _write(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Unpack one member in bounded pieces: no more bytes than it states, whatever is in it."""
    n_written = 0
    with _open_new(path, target, member) as file:
        for piece in _pieces(archive, member):
            file.write(piece)
            n_written += len(piece)
    if n_written != member.file_size:
        problem = f"cannot be unpacked ({member.filename[:80]!r} holds {n_written} bytes, expected {member.file_size})"
        raise ReadError(path, problem, _REMEDY)


def _open_new(path: Path, target: Path, member: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return target.open("xb")
    except FileExistsError as error:
        raise ReadError(path, f"holds two files named {member.filename[:80]!r}", _REMEDY) from error


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """What a member unpacks to, up to the size that it states; its checksum is checked."""
    if member.compress_type == zipfile.ZIP_BZIP2:
        yield from _bzip2_pieces(archive, member)
        return
    with archive.open(member) as packed:
        while piece := packed.read(_CHUNK):
            yield piece


def _bzip2_pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """As `_pieces`: zipfile unpacks bzip2 without a bound, and 4 KiB of it may hold 4 GiB."""
    as_stored = copy.copy(member)
    as_stored.compress_type, as_stored.file_size = zipfile.ZIP_STORED, member.compress_size
    del as_stored.CRC  # it is that of the unpacked bytes
    unpack, left, checksum = bz2.BZ2Decompressor(), member.file_size, 0
    with archive.open(as_stored) as packed:
        while left > 0 and not unpack.eof:
            more = packed.read(_CHUNK) if unpack.needs_input else b""
            if unpack.needs_input and not more:
                return
            piece = unpack.decompress(more, min(left, _CHUNK))
            left, checksum = left - len(piece), zlib.crc32(piece, checksum)
            yield piece
    if checksum != member.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.filename!r}")
