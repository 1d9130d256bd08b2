"""Decompression into memory of a known size: never more than was asked for, and up to the checksum at the end."""

from __future__ import annotations

import io
import math
import os
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, cast

from onfh_nnunet.core.errors import ReadError

GZIP = b"\x1f\x8b"
"""How a gzip file begins."""

DEFLATE_RATIO = 1100
"""No deflated byte becomes more bytes: the format's own limit is 1032."""

PADDING_BYTES = 512
"""What may follow the voxels: a block of padding. More means that header and data disagree, or never ends."""

_CHUNK = 2**20
_REMEDY = "Export it again; it may be truncated"


class Encoding(StrEnum):
    """How bytes are stored."""

    RAW = "raw"
    GZIP = "gzip"
    ZLIB = "zlib"


def require_held(path: Path, encoding: Encoding, stored: int, expected: int) -> None:
    """Refuse a number of bytes that a file cannot hold, before memory is taken for them.

    Args:
        path: The file.
        encoding: How the bytes are stored.
        stored: Bytes of the file that store them.
        expected: Bytes that its header promises.

    Raises:
        ReadError: They cannot all be there, or raw ones leave more than padding over.
    """
    least = expected if encoding is Encoding.RAW else math.ceil(expected / DEFLATE_RATIO)
    if stored < least:
        wanted = f"{expected}" if encoding is Encoding.RAW else f"at least {least} to become {expected}"
        raise ReadError(path, f"cannot be read (it holds {max(stored, 0)} bytes, expected {wanted})", _REMEDY)
    if encoding is Encoding.RAW and stored > expected + PADDING_BYTES:
        raise _more(path)


def inflated(file: BinaryIO, encoding: Encoding) -> BinaryIO:
    """The bytes that a file stores from its position on, decompressed as they are read."""
    if encoding is Encoding.RAW:
        return file
    if encoding is Encoding.ZLIB:
        return cast(BinaryIO, _ZlibReader(file))
    from zlib_ng import gzip_ng  # refuses what Python's gzip refuses, at several times its speed

    return cast(BinaryIO, gzip_ng.GzipNGFile(fileobj=file))


def fill(path: Path, stream: BinaryIO, skip: int, target: memoryview) -> None:
    """Read bytes into memory, and go on to the end of the stream, where its checksum is.

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


def _more(path: object) -> ReadError:
    problem = f"holds more than {PADDING_BYTES} bytes after its voxels: header and data disagree"
    return ReadError(path, problem, "Export it again from the source")


class _ZlibReader(io.RawIOBase):
    """What a zlib or gzip stream holds; its end comes only once its checksum is right."""

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
        if not data and os.fstat(self._file.fileno()).st_size - self._file.tell() > PADDING_BYTES:
            raise _more(self._file.name)
        buffer[: len(data)] = data
        return len(data)
