"""What `onfh predict` is given: which scans there are, and their names."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.errors import CohortError, OnfhError, ReadError
from onfh_nnunet.imagefile import FILE_SUFFIXES, format_of, without_suffix

SCAN_SUFFIXES = (*FILE_SUFFIXES, ".zip", ".dcm")
"""A file so named is meant to be a scan, damaged or not."""


@dataclass(frozen=True)
class Inputs:
    """The scans of a run.

    Args:
        scans: Each scan's file or folder by its name, in their order.
        passed_over: Files of batch folders that are no scans.
    """

    scans: dict[str, Path]
    passed_over: tuple[Path, ...] = ()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Inputs:
        """Each path is one scan.

        Raises:
            CohortError: Two would get one name.
        """
        return cls(_named(paths))

    @classmethod
    def of_batch(cls, folders: Sequence[Path], out: Path) -> Inputs:
        """Each entry of the folders is one scan: a folder, or a file that is one by its name or its first bytes.

        Hidden entries and `out` are no scans.

        Raises:
            ReadError: One is no folder, cannot be read, or holds no scan.
            CohortError: Two scans would get one name.
        """
        entries = [entry for folder in folders for entry in _entries(folder, out)]
        scans = [entry for entry in entries if entry.is_dir() or _is_scan_file(entry)]
        return cls(_named(scans), tuple(sorted(set(entries) - set(scans))))


def _named(paths: Iterable[Path]) -> dict[str, Path]:
    """Names that are told apart on file systems that do not tell upper from lower case, too."""
    names: dict[str, Path] = {}
    taken: dict[str, Path] = {}
    for path in paths:
        name = _name(path)
        if other := taken.get(name.casefold()):
            raise CohortError(path, f"would be named {name}, as {other} is", "Give one of them another name")
        names[name] = taken[name.casefold()] = path
    return names


def _name(path: Path) -> str:
    """Of the file or folder, safe in file names: without accents, and for letters of other scripts a hash of them."""
    bare = path.resolve().name
    parts = unicodedata.normalize("NFKD", without_suffix(bare, SCAN_SUFFIXES))
    text = "".join(letter for letter in parts if not unicodedata.combining(letter))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-") or "scan"
    lost = any(letter.isalnum() and not letter.isascii() for letter in text)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}" if lost else name


def _entries(folder: Path, out: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder, expected one whose entries are scans", "Leave out --batch")
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise ReadError(folder, f"cannot be read ({error.strerror})", "Check that it may be read") from error
    scans = [entry for entry in entries if entry.resolve() != out.resolve()]
    if not scans:
        raise ReadError(folder, "holds no scan", "Give a folder whose entries are scans")
    return scans


def _is_scan_file(path: Path) -> bool:
    if path.name.lower().endswith(SCAN_SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            is_dicom = file.read(132)[128:] == b"DICM"
        return is_dicom or zipfile.is_zipfile(path) or format_of(path) is not None
    except (OSError, OnfhError):
        return False
