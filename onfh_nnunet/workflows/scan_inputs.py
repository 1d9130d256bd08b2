"""Input scans of `onfh predict`, and their names."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.errors import CohortError, OnfhError, ReadError
from onfh_nnunet.core.file_names import stem
from onfh_nnunet.core.image_files import FILE_SUFFIXES, format_of
from onfh_nnunet.core.image_formats.nifti import header_of_pair
from onfh_nnunet.core.user_files import is_regular

SCAN_SUFFIXES = (*FILE_SUFFIXES, ".img", ".img.gz", ".zip", ".dcm")
"""A file so named is meant to be a scan, damaged or not."""


LONGEST_NAME = 200
"""Characters: file systems take 255 bytes, of which a side, a suffix and a temporary file's mark are some."""


@dataclass(frozen=True)
class ScanInputs:
    """The input scans of a run.

    Args:
        scans: Each scan's file or folder, in their order.
        passed_over: Files of batch folders that are no scans.
    """

    scans: tuple[Path, ...]
    passed_over: tuple[Path, ...] = ()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> ScanInputs:
        """Take each path as one scan."""
        return cls(tuple(paths))

    @classmethod
    def of_batch(cls, folders: Sequence[Path]) -> ScanInputs:
        """Each entry of the folders is one scan: a folder, or a file that is one by its name or its first bytes.

        Hidden entries are no scans, and the two files of a NIfTI pair are one.

        Raises:
            ReadError: One is not a folder, cannot be read, or holds no scan.
        """
        entries = [entry for folder in folders for entry in _entries(folder) if header_of_pair(entry) is None]
        scans = [entry for entry in entries if _is_folder(entry) or _is_scan_file(entry)]
        return cls(tuple(scans), tuple(sorted(set(entries) - set(scans))))


def names_of_files(paths: Iterable[Path]) -> dict[str, Path]:
    """Scans by a unique name derived from the file name, also where case does not count.

    Raises:
        CohortError: Two would get one name.
    """
    names: dict[str, Path] = {}
    taken: dict[str, Path] = {}
    for path in paths:
        name = _name(path)
        if other := taken.get(name.casefold()):
            raise CohortError(path, f"would be named {name}, as {other} is", "Give one of them another name")
        names[name] = taken[name.casefold()] = path
    return names


def _name(path: Path) -> str:
    """A name that is safe in file names: without accents, and with a hash for what is lost.

    Lost are letters of other scripts, bytes that are not UTF-8, and what is too long for a file system.
    """
    bare = Path(os.path.abspath(path)).name  # noqa: PTH100 a link that leads in a circle has a name, too
    parts = unicodedata.normalize("NFKD", stem(Path(bare)))
    text = "".join(letter for letter in parts if not unicodedata.combining(letter))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-") or "scan"
    lost = any(not letter.isascii() and (letter.isalnum() or unicodedata.category(letter) == "Cs") for letter in text)
    if not lost and len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder, expected one whose entries are scans", "Leave out `batch`")
    try:
        scans = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise ReadError(folder, f"cannot be read ({error.strerror})", "Check that it may be read") from error
    if not scans:
        raise ReadError(folder, "holds no scan", "Give a folder whose entries are scans")
    return scans


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link into a folder that may not be searched: no folder, but a scan that fails
        return False


def _is_scan_file(path: Path) -> bool:
    """By its name or its first bytes; one that cannot be read is taken as a scan, which then fails with the reason."""
    from dataset_conversion.readers.headers import is_dicom

    if path.name.lower().endswith(SCAN_SUFFIXES):
        return True
    try:
        if not is_regular(path):
            return path.is_symlink()
        return is_dicom(path) or zipfile.is_zipfile(path) or format_of(path) is not None
    except (OSError, zipfile.BadZipFile):
        return True
    except OnfhError:
        return False
