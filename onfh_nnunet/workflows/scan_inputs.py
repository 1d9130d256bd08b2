"""Input scans of `onfh predict`, and their names."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.cohort.scan_name import ScanName, kept_name_of
from dataset_conversion.cohort.scan_table import TABLE_SUFFIXES, read_scan_table
from onfh_nnunet.core.errors import CohortError, OnfhError, ReadError
from onfh_nnunet.core.file_names import stem
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.image_files import FILE_SUFFIXES, format_of
from onfh_nnunet.core.image_formats.nifti import header_of_pair
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.user_files import is_regular, walk

SCAN_SUFFIXES = (*FILE_SUFFIXES, ".img", ".img.gz", ".zip", ".dcm")
"""A file so named is meant to be a scan, damaged or not."""


LONGEST_NAME = 200
"""Characters: file systems take 255 bytes, of which a side, a suffix and a temporary file's mark are some."""


@dataclass(frozen=True)
class ScanInputs:
    """The input scans of a run.

    Args:
        scans: In their order.
        passed_over: Entries of batch folders that are or hold no scans.
        listed: Whether a table or a folder listed them, instead of the user one by one.
        lines: Which series of each study in batch folders is meant, and why.
    """

    scans: tuple[ScanInput, ...]
    passed_over: tuple[Path, ...] = ()
    listed: bool = False
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> ScanInputs:
        """Take each path as one scan, or as a table of scans.

        Raises:
            CohortError: A table cannot be used.
        """
        scans = [scan for path in paths for scan in scans_of(path)]
        return cls(tuple(scans), listed=any(map(is_table, paths)))

    @classmethod
    def of_batch(cls, folders: Sequence[Path], progress: Progress = silent) -> ScanInputs:
        """The scans in folders, at any depth: of each DICOM study the one that suits, and each image file.

        Hidden entries are no scans, and the two files of a NIfTI pair are one.

        Raises:
            ReadError: One is not a folder, cannot be read, or holds no scan.
        """
        found = [_of_folder(folder, progress) for folder in folders]
        scans = tuple(scan for one in found for scan in one.scans)
        passed_over = tuple(path for one in found for path in one.passed_over)
        return cls(scans, passed_over, listed=True, lines=tuple(line for one in found for line in one.lines))

    def with_series(self, series: str | None) -> ScanInputs:
        """The same scans; of those that name no series, this one is meant."""
        return replace(self, scans=tuple(replace(scan, series=scan.series or series) for scan in self.scans))

    def unpaired(self) -> ScanInputs:
        """The same scans, each on its own."""
        return replace(self, scans=tuple(replace(one, side=None, pair="") if one.pair else one for one in self.scans))


def is_table(path: Path) -> bool:
    """Whether a path is that of a table, by its name."""
    return path.suffix.lower() in TABLE_SUFFIXES and not path.is_dir()


def scans_of(path: Path) -> list[ScanInput]:
    """The scans that a path names: those of a table, or itself.

    Raises:
        CohortError: The table cannot be used.
    """
    return read_scan_table(path) if is_table(path) else [ScanInput(path)]


def names_of_files(scans: Iterable[ScanInput]) -> dict[str, ScanInput]:
    """Each scan by a name made of its title or its file's, told apart also where upper and lower case are not.

    A patient's id in a table is the name as it is, with the visit and the side that are stated. Titles that make one
    name get a hash of their scan each; two files of one name are for the user to tell apart.

    Raises:
        CohortError: Two would get one name or the name of a hip of the other, or a patient's id is no name for files.
    """
    given = [(scan, _name(scan)) for scan in scans]
    times = Counter(name.casefold() for _, name in given)
    names: dict[str, ScanInput] = {}
    taken: dict[str, ScanInput] = {}
    for scan, bare in given:
        name = f"{bare}-{_short_hash(str(scan))}" if scan.title and times[bare.casefold()] > 1 else bare
        for file in (name, *(f"{hip.case_id}.nii.gz" for hip in name_of(name, scan).hips)):
            if (other := taken.setdefault(file.casefold(), scan)) is not scan:
                raise CohortError(scan, f"would be named {name}, as {other} is", "Give one of them another name")
        names[name] = scan
    return names


def name_of(name: str, scan: ScanInput | None) -> ScanName:
    """What a name that is not a pseudonym says: of a scan in a table its patient, and what is stated of it."""
    return ScanName(scan.patient, scan.visit, scan.one_side) if scan and scan.patient else kept_name_of(name)


def _name(scan: ScanInput) -> str:
    """A name that is safe in file names: without accents, and with a hash for what is lost.

    Lost are letters of other scripts, bytes that are not UTF-8, and what is too long for a file system.
    """
    if scan.patient:
        hip = Hip(scan.patient, Side.RIGHT, scan.visit)  # refuses what is no name for files
        return str(ScanName(hip.patient, hip.visit, scan.one_side))
    file = Path(os.path.abspath(scan.path))  # noqa: PTH100 a link that leads in a circle has a name, too
    parts = unicodedata.normalize("NFKD", scan.title or stem(file))
    text = "".join(letter for letter in parts if not unicodedata.combining(letter))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-") or "scan"
    lost = any(not letter.isascii() and (letter.isalnum() or unicodedata.category(letter) == "Cs") for letter in text)
    if not lost and len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{_short_hash(text)}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


def _of_folder(folder: Path, progress: Progress) -> ScanInputs:
    """What a batch folder holds."""
    from dataset_conversion.discovery.studies import find_studies

    refused: list[ScanInput] = []
    files: dict[Path, list[Path]] = {}
    for entry in _entries(folder):
        try:
            files[entry] = list(_files(entry))
        except OnfhError as error:
            refused.append(ScanInput(entry, title=entry.name, refusal=error))
    listed = [file for of_entry in files.values() for file in of_entry if header_of_pair(file) is None]
    found = find_studies(folder, listed, _is_scan_file, progress)
    empty = [entry for entry, of_entry in files.items() if found.no_scans.issuperset(of_entry)]
    scans = sorted([*refused, *found.scans], key=lambda scan: scan.path.parts)
    return ScanInputs(tuple(scans), tuple(empty), listed=True, lines=tuple(found.lines))


def _files(entry: Path) -> Iterator[Path]:
    """A file, or the files of a folder at any depth, without hidden ones."""
    if not _is_folder(entry):
        yield entry
        return
    for place, names in walk(entry):
        if not any(part.startswith(".") for part in place.relative_to(entry).parts):
            yield from (place / name for name in names if not name.startswith("."))


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(folder, "is not a folder, expected one that holds scans", "Leave out `batch`")
    try:
        scans = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise ReadError(folder, f"cannot be read ({error.strerror})", "Check that it may be read") from error
    if not scans:
        raise ReadError(folder, "holds no scan", "Give a folder that holds scans")
    return scans


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link into a folder that may not be searched: no folder, but a scan that fails
        return False


def _is_scan_file(path: Path) -> bool:
    """By its name or its first bytes; one that cannot be read is taken as a scan, which then fails with the reason."""
    from dataset_conversion.readers.dicom_start import is_dicom

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
