"""Safetensors files with every byte verified, memory-mapped and not copied.

Format (https://github.com/huggingface/safetensors): the length of the header in 8 bytes, the header in JSON, the bytes
of the tensors. The header's metadata states the SHA-256 of the tensor bytes (``data_sha256``). It begins with the
digest: the SHA-256 of all bytes before the tensors without the digest's own characters. So the digest names the whole
file. It detects damage; it does not prove who made the file: whoever changes a file may compute it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.atomic_files import atomic_write
from onfh_nnunet.core.errors import ModelError, ReadError
from onfh_nnunet.core.user_files import open_regular
from onfh_nnunet.models.bounds import FILE_BYTES, JSON_BYTES
from onfh_nnunet.models.schema import REMEDY, from_json, plain

_LENGTH = 8
_BEFORE_DIGEST = b'{"__metadata__":{"digest":"'
_DIGEST = slice(_LENGTH + len(_BEFORE_DIGEST), _LENGTH + len(_BEFORE_DIGEST) + 64)
_ALIGNMENT = 64
_TYPES = {2: "F16", 4: "F32"}
_FORMAT_2 = slice(30, 40), b"plans.json"
"""Where a model file of format 2, a zip, names its first member, and how."""


@dataclass(frozen=True)
class TensorFile:
    """A file with a verified header.

    Args:
        path: Where it lies.
        metadata: The texts in its header.
        digest: The SHA-256 that names its content; not that of `sha256sum`, since it is written in the file itself.
        stated: The digest that is written there.
    """

    path: Path
    metadata: dict[str, str]
    digest: str
    stated: str

    @classmethod
    def open(cls, path: Path) -> TensorFile:
        """Read the header, without any tensor.

        Raises:
            ModelError: It cannot be read, is no safetensors file, is larger than any model, or its header has no
                metadata. Whether the header was changed says `require_same_header`.
        """
        start = _start(path)
        header = from_json(f"{path}, header", start[_LENGTH:])
        metadata = header.get("__metadata__")
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ModelError(path, "is not a model file of onfh export: it has no metadata", REMEDY)
        return cls(path, metadata, _digest(start), start[_DIGEST].decode(errors="replace"))

    def require_same_header(self) -> None:
        """Refuse a header that changed since it was written.

        Raises:
            ModelError: It does not fit its digest.
        """
        if self.stated != self.digest:
            raise ModelError(self.path, "changed since it was exported: its header does not fit its digest", REMEDY)

    def tensors(self) -> dict[str, Any]:
        """The torch tensors by name, in the order of their bytes; of the type in which they are stored.

        They share the memory of a private map of the file: what is written there does not reach it. While they are in
        use the file's bytes must stay as they are; another file may take its place.

        Raises:
            ModelError: The file's name is not UTF-8, or the header lies: a tensor reaches beyond the file or over
                another one, bytes belong to no tensor, or a shape, size or type is impossible.
        """
        from safetensors import SafetensorError, safe_open

        if any("\udc80" <= letter <= "\udcff" for letter in str(self.path)):  # Python's stand-ins for odd bytes
            raise ModelError(self.path, "has a name that is not UTF-8, which safetensors cannot open", "Rename it")
        try:
            with safe_open(str(self.path), framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.offset_keys()}
        except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            problem = f"has tensors that are not as its header says, or was cut off ({plain(error)})"
            raise ModelError(self.path, problem, REMEDY) from error

    def require_same_data(self, tensors: Iterable[Any]) -> None:
        """Refuse tensors that changed since they were written.

        Args:
            tensors: All that `tensors` gave, in its order.

        Raises:
            ModelError: Their bytes are not those that the header names.
        """
        found, expected = _sha256(map(_content, tensors)), self.metadata.get("data_sha256")
        if found != expected:
            problem = f"was changed: the SHA-256 of its tensors is {found[:12]}, expected {plain(str(expected)[:12])}"
            raise ModelError(self.path, problem, REMEDY)


def write_tensor_file(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, Any]) -> None:
    """Write a file atomically; the same content gives the same bytes.

    The library's own writer would give the metadata in any order, and hold the file in memory twice.

    Args:
        path: Where.
        metadata: Texts for the header; the hashes are added.
        tensors: float32 tensors of torch, written in this order; as float16 where that changes no value of any.

    Raises:
        WorkspaceError: The file cannot be written.
    """
    tensors = _as_short_as_they_are(tensors)
    hashes = {"digest": 64 * "0", "data_sha256": _sha256(map(_content, tensors.values()))}
    content = {"__metadata__": hashes | dict(metadata), **dict(_entries(tensors))}
    header = json.dumps(content, separators=(",", ":")).encode()
    header += b" " * (-(_LENGTH + len(header)) % _ALIGNMENT)
    start = len(header).to_bytes(_LENGTH, "little") + header
    with atomic_write(path) as part, part.open("wb") as file:
        file.write(start[: _DIGEST.start] + _digest(start).encode() + start[_DIGEST.stop :])
        for tensor in tensors.values():
            file.write(_content(tensor))


def _start(path: Path) -> bytes:
    """All bytes before the tensors."""
    try:
        with open_regular(path) as file:
            if (size := file.seek(0, 2)) > FILE_BYTES:
                raise ModelError(path, f"has {size} bytes, expected a model file of up to {FILE_BYTES}", REMEDY)
            file.seek(0)
            first = file.read(64)
            _require_safetensors(path, first)
            length = int.from_bytes(first[:_LENGTH], "little")
            if length > min(JSON_BYTES, size - _LENGTH):
                problem = f"has a header of {length} bytes, expected up to {JSON_BYTES}, and no more than the file has"
                raise ModelError(path, problem, REMEDY)
            file.seek(0)
            return file.read(_LENGTH + length)
    except ReadError as error:
        raise ModelError(path, f"cannot be read: it {error.problem}", "Give a model file") from error
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})", "Check the path") from error


def _require_safetensors(path: Path, first: bytes) -> None:
    place, name = _FORMAT_2
    if first.startswith(b"PK\3\4") and first[place] == name:
        remedy = "Export it again with onfh export"
        raise ModelError(path, "is a model file of format 2, expected format 3", remedy)
    problem = "it is empty" if not first else "it is a zip file" if first.startswith(b"PK") else ""
    if problem or first[_LENGTH : _LENGTH + 1] != b"{":
        raise ModelError(
            path, f"is not a model file of onfh export: {problem or 'it is not a safetensors file'}", REMEDY
        )


def _digest(start: bytes) -> str:
    return _sha256((start[: _DIGEST.start], start[_DIGEST.stop :]))


def _sha256(parts: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _entries(tensors: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        yield name, {"dtype": _TYPES[tensor.element_size()], "shape": [*tensor.shape], "data_offsets": [start, end]}


def _as_short_as_they_are(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tensors in float16 if all of their values are such, else as they are."""
    short = {name: tensor.half() for name, tensor in tensors.items()}
    same = all(short[name].float().equal(tensor) for name, tensor in tensors.items())
    return short if same else tensors


def _content(tensor: Any) -> Any:
    """The bytes of a tensor of torch, as a buffer."""
    return tensor.contiguous().numpy()
