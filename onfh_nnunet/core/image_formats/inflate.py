"""Decompression into memory of a known size: never more than requested, and up to the checksum at the end."""

from __future__ import annotations

import io
import math
import os
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, cast

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import StoredBytesError

GZIP = b"\x1f\x8b"
"""How a gzip file begins."""

DEFLATE_RATIO = 1100
"""No deflated byte becomes more bytes: the format's own limit is 1032."""

PADDING_BYTES = 512
"""What may follow the voxels: a block of padding. More means that header and data disagree, or never ends."""

_DEFLATE_GROWS = 2
"""How many times larger than its bytes a deflated file may be, and a chunk more: 9/8 where nothing can be packed."""

_TRAILER_ZEROS = 16
"""How many zeros a gzip file may end with by itself: the checksum and the size of an empty last member."""

_CHUNK = 2**20
_REMEDY = "Export it again; it may be truncated"


class Encoding(StrEnum):
    """The encoding of stored bytes."""

    RAW = "raw"
    GZIP = "gzip"
    ZLIB = "zlib"


def require_held(path: Path, encoding: Encoding, stored: int, expected: int) -> None:
    """Refuse a number of bytes that a file cannot contain, before memory is allocated.

    Args:
        path: The file.
        encoding: How the bytes are stored.
        stored: Bytes of the file that store them.
        expected: Bytes that its header promises.

    Raises:
        ReadError: They cannot all be there, or more is there than can store them.
    """
    least = expected if encoding is Encoding.RAW else math.ceil(expected / DEFLATE_RATIO)
    if stored < least:
        wanted = f"{expected}" if encoding is Encoding.RAW else f"at least {least} to become {expected}"
        raise ReadError(path, f"cannot be read (it holds {max(stored, 0)} bytes, expected {wanted})", _REMEDY)
    most = expected + PADDING_BYTES if encoding is Encoding.RAW else _DEFLATE_GROWS * expected + _CHUNK
    if stored > most:
        raise _more(path)


def inflated(file: BinaryIO, encoding: Encoding) -> BinaryIO:
    """The stored bytes from the file's current position, decompressed as they are read.

    Raises:
        StoredBytesError: A gzip file ends with more zeros than padding has.
    """
    if encoding is Encoding.RAW:
        return file
    if encoding is Encoding.ZLIB:
        return cast(BinaryIO, _ZlibReader(file))
    _refuse_zeros(file)
    from zlib_ng import gzip_ng  # refuses what Python's gzip refuses, at several times its speed

    return cast(BinaryIO, gzip_ng.GzipNGFile(fileobj=file))


def fill(path: Path, stream: BinaryIO, skip: int, target: memoryview) -> None:
    """Read bytes into memory, and continue to the end of the stream, where its checksum is.

    Args:
        path: The file, for messages.
        stream: Its decompressed bytes.
        skip: How many of them come before those that are wanted.
        target: The memory; it is filled.

    Raises:
        ReadError: The stream ends before, or goes on after it by more than padding.
        Exception: What the library raises about a damaged stream.
    """
    left = skip
    while left and (passed := len(stream.read(min(left, _CHUNK)))):
        left -= passed
    n = 0
    while n < len(target) and (got := stream.readinto(target[n : n + _CHUNK])):  # type: ignore[attr-defined]
        n += got
    if left or n < len(target):
        problem = f"cannot be read (it holds {skip - left + n} bytes, expected {skip + len(target)})"
        raise ReadError(path, problem, _REMEDY)
    after = 0
    while more := len(stream.read(PADDING_BYTES + 1)):
        after += more
        if after > PADDING_BYTES:
            raise _more(path)
    if isinstance(stream, _ZlibReader) and stream.n_after() > PADDING_BYTES:
        raise _more(path)


def _refuse_zeros(file: BinaryIO) -> None:
    """Refuse zeros after a member: gzip readers skip any number of them, even gigabytes."""
    start, most = file.tell(), PADDING_BYTES + _TRAILER_ZEROS
    size = file.seek(0, os.SEEK_END)
    file.seek(max(start, size - most - 1))
    end = file.read(most + 1)
    file.seek(start)
    if len(end) > most and not any(end):
        raise StoredBytesError(f"it holds more than {PADDING_BYTES} bytes after its voxels, all zero")


def _more(path: object) -> ReadError:
    problem = f"holds more than {PADDING_BYTES} bytes after its voxels: header and data disagree"
    return ReadError(path, problem, "Export it again from the source")


class _ZlibReader(io.RawIOBase):
    """Reader of a zlib or gzip stream that ends only when the checksum is right."""

    def __init__(self, file: BinaryIO) -> None:
        from zlib_ng import zlib_ng

        super().__init__()
        self._file = file
        self._inflate = zlib_ng.decompressobj(wbits=47)  # either kind, by its first bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not self._inflate.eof:
            waiting = self._inflate.unconsumed_tail or self._file.read(2**16)
            if not waiting:
                raise EOFError("it ends before its voxels do")
            data = self._inflate.decompress(waiting, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def n_after(self) -> int:
        """The number of bytes in the file after the stream."""
        return len(self._inflate.unused_data) + os.fstat(self._file.fileno()).st_size - self._file.tell()
