"""The members of an uncompressed zip where they lie in the file, which is mapped into memory and not copied."""

from __future__ import annotations

import io
import mmap
import re
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, BinaryIO

from onfh_nnunet.core.errors import ModelError, ReadError
from onfh_nnunet.core.user_files import open_regular
from onfh_nnunet.models.bounds import FILE_BYTES, JSON_BYTES

Spans = dict[str, slice]
"""Where the content of each member lies in the file, in the order of the bytes."""

REMEDY = "Get the file again from where it was exported"

_NAME = re.compile(r"[a-z0-9_]+\.(json|safetensors)")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same members give the same bytes
_LOCAL_HEADER = 30  # bytes before a member's name, its extra field and its content: APPNOTE.TXT 4.3.7
_ALIGNMENT = 64
_PADDING = 0xD935  # the kind of extra field that does nothing but align, as of Android's zipalign


def mapped(path: Path) -> tuple[memoryview, Spans]:
    """A zip's bytes and its members.

    Refused is what unpacks to another place or another size than it seems to: names that are more than a name, members
    that are there twice, are compressed or encrypted, or reach beyond the file or over each other.

    Raises:
        ModelError: It cannot be read, is no zip, is larger than any model, or has a member that is refused.
    """
    try:
        with open_regular(path) as file:
            if (size := file.seek(0, 2)) > FILE_BYTES:
                raise ModelError(path, f"has {size} bytes, expected a model file of up to {FILE_BYTES}", REMEDY)
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
            return content, _parsed(path, content, _ShortReads(file))
    except ReadError as error:
        raise ModelError(path, f"cannot be read: it {error.problem}", "Give a model file") from error
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})", "Check the path") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise ModelError(path, "is no model file of onfh export: it is empty", REMEDY) from error


class _ShortReads(io.BufferedReader):
    """A file of which zipfile reads no directory that is larger than that of any model: it would read it at once."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(io.FileIO(file.fileno(), closefd=False))

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(JSON_BYTES if size is None or size < 0 else min(size, JSON_BYTES + 1))
        if len(content) > JSON_BYTES:
            raise zipfile.BadZipFile(f"a directory of {size} bytes")
        return content


def add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Store a member so that its content begins at a multiple of 64 bytes, as tensors want it."""
    member = zipfile.ZipInfo(name, _EPOCH)
    field = struct.calcsize("<HH")
    padding = -(archive.start_dir + _LOCAL_HEADER + len(name) + field) % _ALIGNMENT  # start_dir: the end so far
    member.extra = struct.pack("<HH", _PADDING, padding) + bytes(padding)
    archive.writestr(member, content)


def _parsed(path: Path, content: memoryview, file: IO[bytes]) -> Spans:
    try:
        with zipfile.ZipFile(file) as archive:
            return _spans(path, content, archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OSError) as error:
        problem = f"is no model file of onfh export, or was cut off or changed since ({error})"
        raise ModelError(path, problem, REMEDY) from error


def _spans(path: Path, content: memoryview, members: Sequence[zipfile.ZipInfo]) -> Spans:
    spans: Spans = {}
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        _require_plain(f"{path}, member {member.filename!r}", member)
        if member.filename in spans:
            raise ModelError(f"{path}, member {member.filename!r}", "is there twice, expected once", REMEDY)
        lengths = struct.unpack_from("<HH", content, member.header_offset + _LOCAL_HEADER - 4)
        start = member.header_offset + _LOCAL_HEADER + sum(lengths)
        if not end <= member.header_offset <= start + member.file_size <= len(content):
            problem = f"declares {member.file_size} bytes, which reach beyond the file or over another member"
            raise ModelError(f"{path}, member {member.filename!r}", problem, REMEDY)
        end = start + member.file_size
        spans[member.filename] = slice(start, end)
    return spans


def _require_plain(case: str, member: zipfile.ZipInfo) -> None:
    if not _NAME.fullmatch(member.filename):
        raise ModelError(case, "has a name unlike a model's members, expected name.json or name.safetensors", REMEDY)
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size or member.flag_bits & 1:
        problem = f"declares {member.file_size} bytes in {member.compress_size}, expected it stored as it is"
        raise ModelError(case, f"is compressed or encrypted: it {problem}", REMEDY)
