"""Pseudonyms of patients; private/key.csv is the only table that links them to the hospital's names."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dataset_conversion.cohort.scan_input import ScanInput
from onfh_nnunet.core.csv_rows import columns, read_rows, rows_text
from onfh_nnunet.core.errors import CohortError, WorkspaceError
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.private_folder import write_private

_PSEUDONYM = re.compile(r"(P(\d{3,}))(?:_([LR]))?")


@dataclass(frozen=True)
class KeyRow:
    """A row of private/key.csv in a workspace."""

    patient_id: str
    patient: str


@dataclass(frozen=True)
class ScanKeyRow(KeyRow):
    """A row of private/key.csv in an output folder of `onfh predict`.

    Args:
        patient_id: What its owner calls the scan; else the name of its file or folder.
        patient: The scan's pseudonym; with its side where it is one of a pair.
        source: The path of the file or folder, from the root.
        content_sha256: Hash of its content when it was last predicted; empty where it could not be read.
        series: Which DICOM series of it was predicted; empty where nobody said.
    """

    source: str
    content_sha256: str
    series: str


_Key = TypeVar("_Key", bound=KeyRow)


def pseudonyms(patient_ids: Iterable[str], key_csv: Path, *, keep_ids: bool = False) -> dict[str, str]:
    """The pseudonym of each patient, as used in every file except the key.

    Patients of an earlier run keep theirs; new ones are numbered on from the last, in order of appearance.

    Args:
        patient_ids: The hospital's names; repetitions are passed over.
        key_csv: The key of an earlier run, or no file.
        keep_ids: Use the hospital's names themselves.

    Returns:
        Patient by patient id, with all patients of the earlier key.

    Raises:
        CohortError: `keep_ids` with a name that cannot stand in a file name.
        ReadError: The key is damaged.
        WorkspaceError: It is the key of an output of predict.
    """
    wanted, old = list(dict.fromkeys(patient_ids)), read_key(key_csv, KeyRow)
    if keep_ids:
        return {patient_id: Hip(patient_id, Side.RIGHT).patient for patient_id in wanted}
    known = {row.patient_id: row.patient for row in old if is_pseudonym(row.patient)}
    new = [patient_id for patient_id in wanted if patient_id not in known]
    return known | dict(zip(new, _further(known.values()), strict=False))


def scan_pseudonyms(
    scans: Sequence[ScanInput], known: Sequence[ScanKeyRow], content: Callable[[Path], str]
) -> list[ScanKeyRow]:
    """Key rows with a pseudonym for each scan, in the order of the scans.

    A scan of an earlier run keeps its pseudonym: the one of its path and series, or the one of its content where that
    one's path is gone, for it was moved. Others are numbered on from the last, in their order. Two scans of a pair get
    one number, and their sides: ``P002_R`` and ``P002_L``.

    Args:
        scans: The scans.
        known: The key of earlier runs.
        content: Hash of a file's or folder's content, empty where it cannot be read; asked only where paths are gone.

    Raises:
        CohortError: A scan is given twice.
    """
    places = [(scan.path.resolve(), scan.series or "") for scan in scans]
    given = Counter(places)
    repeated = [scan for scan, place in zip(scans, places, strict=True) if given[place] > 1]
    if repeated:
        raise CohortError(repeated[0], "is given more than once", "Give each scan once")
    rows = {(Path(row.source), row.series): row for row in known}
    moved = [row for row in reversed(known) if row.content_sha256 and not Path(row.source).exists()]
    gone = {(row.content_sha256, row.series): row for row in moved}
    further = _further(row.patient for row in known)
    met: list[ScanKeyRow | None] = []
    for scan, (path, series) in zip(scans, places, strict=True):
        row = rows.get((path, series))
        if row is None and (path, "") not in given:  # named without its series before
            row = rows.pop((path, ""), None)
        if row is None and gone:
            row = gone.pop((content(scan.path), series), None)
        met.append(row)
    pairs = {scan.pair: sided(row.patient) for scan, row in zip(scans, met, strict=True) if row and scan.pair}
    numbers = {pair: patient for pair, (patient, side) in pairs.items() if side}
    made = []
    for scan, row, (path, series) in zip(scans, met, places, strict=True):
        patient, hashed = (row.patient, row.content_sha256) if row else (_new(scan, numbers, further), "")
        made.append(ScanKeyRow(scan.title or path.name, patient, str(path), hashed, series))
    return made


def _new(scan: ScanInput, numbers: dict[str, str], further: Iterator[str]) -> str:
    """A new pseudonym; of the second scan of a pair the first one's number, which `numbers` keeps."""
    if not scan.pair:
        return next(further)
    if scan.pair not in numbers:
        numbers[scan.pair] = next(further)
    return f"{numbers[scan.pair]}_{scan.side}"


def is_pseudonym(name: str) -> bool:
    """Whether a name has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(name) is not None


def sided(pseudonym: str) -> tuple[str, Side | None]:
    """The patient and the side of a pseudonym; the side is None but for one of a pair."""
    found = _PSEUDONYM.fullmatch(pseudonym)
    return (found[1], Side(found[3])) if found and found[3] else (pseudonym, None)


def read_key(key_csv: Path, row_type: type[_Key]) -> list[_Key]:
    """Read the rows of a key; empty when the file does not exist.

    Raises:
        ReadError: The key is damaged.
        WorkspaceError: It is a key of the other kind.
    """
    if not key_csv.is_file():
        return []
    read_rows(key_csv, KeyRow)
    with key_csv.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    if names != columns(row_type):
        problem = (
            f"is a key with the columns {names}, expected {columns(row_type)}: it belongs to another kind of folder"
        )
        raise WorkspaceError(key_csv, problem, "Use another folder")
    return read_rows(key_csv, row_type)


def _further(patients: Iterable[str]) -> Iterator[str]:
    """New pseudonyms that continue the numbering of these."""
    last = max((int(found[2]) for patient in patients if (found := _PSEUDONYM.fullmatch(patient))), default=0)
    while True:
        last += 1
        yield f"P{last:03d}"


def write_key(key_csv: Path, names: dict[str, str]) -> None:
    """Write the key of a workspace, readable by its owner only.

    Raises:
        WorkspaceError: It cannot be written.
    """
    write_private(key_csv, rows_text(KeyRow, (KeyRow(*pair) for pair in names.items())).encode())
