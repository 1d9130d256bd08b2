"""The container of a model file: an uncompressed zip of which every byte is hashed once.

The manifest, ``manifest.json``, names the SHA-256 of each other member. The zip's comment, the last 64 bytes, is the
seal: the SHA-256 of all bytes outside those members, the manifest's own among them. So the seal names the whole. It
detects damage; it does not prove who made the file: whoever changes a file may seal it again.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from onfh_nnunet.core.atomic_files import written_whole
from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.models.bounds import JSON_BYTES
from onfh_nnunet.models.schema import plain, require_shallow, shown
from onfh_nnunet.models.zip_members import REMEDY, Spans, add, mapped

FORMAT = "onfh-model"
FORMAT_VERSION = 2
MANIFEST = "manifest.json"
_SEAL_LENGTH = 64


@dataclass(frozen=True)
class Archive:
    """A verified file.

    Args:
        manifest: What the file says of itself.
        members: The other members' bytes, mapped; what is written there does not reach the file.
        sha256: The seal.
    """

    manifest: dict[str, Any]
    members: dict[str, memoryview]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Archive:
        """Map and verify a file; nothing is unpacked or run.

        While the members are in use the file's bytes must stay as they are; another file may take its place.

        Raises:
            ModelError: It cannot be read, is no such file, of another version, cut off, or any byte was changed.
        """
        content, spans = mapped(path)
        manifest = _manifest(path, content, spans)
        seal = _seal(content, spans)
        if seal.encode() != bytes(content[-_SEAL_LENGTH:]):
            raise ModelError(path, "was changed since it was exported: its seal does not fit", REMEDY)
        members = {name: content[span] for name, span in spans.items() if name != MANIFEST}
        _require_listed(path, manifest, members)
        return cls(manifest, members, seal)


def write_archive(path: Path, manifest: Mapping[str, Any], members: Iterable[tuple[str, bytes]]) -> None:
    """Write a file whole.

    Args:
        path: Where.
        manifest: What the file says of itself; format, versions and hashes are added.
        members: Name and content of each member, taken one after the other.

    Raises:
        WorkspaceError: The file cannot be written.
    """
    made = {"format": FORMAT, "format_version": FORMAT_VERSION, "onfh_nnunet": version("onfh-nnunet"), **manifest}
    with written_whole(path) as part:
        hashes = {}
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members:
                add(archive, name, content)
                hashes[name] = hashlib.sha256(content).hexdigest()
            add(archive, MANIFEST, to_json(made | {"members": hashes}))
            archive.comment = bytes(_SEAL_LENGTH)
        seal = _seal(*mapped(part))
        with part.open("r+b") as file:
            file.seek(-_SEAL_LENGTH, 2)
            file.write(seal.encode())


def to_json(value: Mapping[str, Any]) -> bytes:
    """A member of JSON."""
    return json.dumps(value, indent=1, default=dict).encode()


def from_json(case: object, content: memoryview | bytes) -> dict[str, Any]:
    """The object of a member of JSON.

    Raises:
        ModelError: It is none, is larger than any such object, or is nested deeper.
    """
    if len(content) > JSON_BYTES:
        raise ModelError(case, f"has {len(content)} bytes of JSON, expected up to {JSON_BYTES}", REMEDY)
    try:
        value = json.loads(bytes(content))
        require_shallow(value)
    except (ValueError, RecursionError) as error:
        raise ModelError(case, f"is damaged ({error})", REMEDY) from error
    if not isinstance(value, dict):
        raise ModelError(case, f"holds a {type(value).__name__}, expected an object", REMEDY)
    return value


def _manifest(path: Path, content: memoryview, spans: Spans) -> dict[str, Any]:
    if MANIFEST not in spans:
        raise ModelError(path, f"is no model file of onfh export: it has no {MANIFEST}", REMEDY)
    manifest = from_json(f"{path}, {MANIFEST}", content[spans[MANIFEST]])
    if (manifest.get("format"), manifest.get("format_version")) != (FORMAT, FORMAT_VERSION):
        kind, number = plain(manifest.get("format")), plain(manifest.get("format_version"))
        writer = plain(manifest.get("onfh_nnunet", "of an unknown version"))
        got = f"is {kind} version {number}, written by onfh-nnunet {writer}"
        expected = f"this is onfh-nnunet {version('onfh-nnunet')}, which reads {FORMAT} version {FORMAT_VERSION}"
        raise ModelError(path, f"{got}; {expected}", "Read it with the version that wrote it, or export it again")
    return manifest


def _seal(content: memoryview, spans: Spans) -> str:
    digest, done = hashlib.sha256(), 0
    for name, span in spans.items():
        if name != MANIFEST:
            digest.update(content[done : span.start])
            done = span.stop
    digest.update(content[done:-_SEAL_LENGTH])
    return digest.hexdigest()


def _require_listed(path: Path, manifest: dict[str, Any], members: dict[str, memoryview]) -> None:
    listed = manifest.get("members")
    if not isinstance(listed, dict) or set(listed) != set(members):
        expected = list(listed) if isinstance(listed, dict) else listed
        problem = f"has members other than its manifest says: {shown(sorted(members))}, expected {shown(expected)}"
        raise ModelError(path, problem, REMEDY)
    for name, content in members.items():
        found = hashlib.sha256(content).hexdigest()
        if found != listed[name]:
            problem = f"was changed: its SHA-256 is {found[:12]}, expected {plain(str(listed[name])[:12])}"
            raise ModelError(f"{path}, member {name!r}", problem, REMEDY)
