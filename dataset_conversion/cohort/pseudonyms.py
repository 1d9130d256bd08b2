"""Pseudonyms of patients; private/key.csv is the only table that links them to the hospital's names."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.cohort.scan_name import ScanName, is_pseudonym, pseudonym_of
from onfh_nnunet.core.csv_rows import columns, read_rows, rows_text
from onfh_nnunet.core.errors import CohortError, WorkspaceError
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.private_folder import write_private


@dataclass(frozen=True)
class KeyRow:
    """A row of private/key.csv in a workspace."""

    patient_id: str
    patient: str


@dataclass(frozen=True)
class ScanKeyRow(KeyRow):
    """A row of private/key.csv in an output folder of `onfh predict`.

    Args:
        patient_id: The patient's id in a table, or what its owner calls the scan; else the name of its file or folder.
        patient: The scan's pseudonym; with its visit, and with its side where that is said of it.
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
    one's path is gone, for it was moved. Others are numbered on from the last, in their order. Scans of one patient get
    one number, and their visits and sides: ``P002_R``, ``P002_L`` and ``P002+2``.

    Args:
        scans: The scans.
        known: The key of earlier runs.
        content: Hash of a file's or folder's content, empty where it cannot be read; asked only where paths are gone.

    Raises:
        CohortError: A scan is given twice, or contradicts what the key says of its patient.
    """
    places = [(scan.path.resolve(), scan.series or "") for scan in scans]
    given = Counter(places)
    repeated = [scan for scan, place in zip(scans, places, strict=True) if given[place] > 1]
    if repeated:
        raise CohortError(repeated[0], "is given more than once", "Give each scan once")
    met = _met(scans, places, known, content)
    names = _Names(known)
    for scan, row in zip(scans, met, strict=True):
        if row:
            names.keep(scan, pseudonym_of(row.patient))
    made = []
    for scan, row, (path, series) in zip(scans, met, places, strict=True):
        patient = row.patient if row else str(names.new(scan))
        made.append(ScanKeyRow(scan.title or path.name, patient, str(path), row.content_sha256 if row else "", series))
    return made


def _met(
    scans: Sequence[ScanInput],
    places: Sequence[tuple[Path, str]],
    known: Sequence[ScanKeyRow],
    content: Callable[[Path], str],
) -> list[ScanKeyRow | None]:
    """The earlier row of each scan; None for a new one."""
    rows = {(Path(row.source), row.series): row for row in known}
    moved = [row for row in reversed(known) if row.content_sha256 and not Path(row.source).exists()]
    gone = {(row.content_sha256, row.series): row for row in moved}
    met: list[ScanKeyRow | None] = []
    for scan, (path, series) in zip(scans, places, strict=True):
        row = rows.get((path, series))
        if row is None and (path, "") not in places:  # named without its series before
            row = rows.pop((path, ""), None)
        if row is None and gone:
            row = gone.pop((content(scan.path), series), None)
        met.append(row)
    return met


class _Names:
    """The names of a key, which new scans of a patient join."""

    def __init__(self, known: Sequence[ScanKeyRow]) -> None:
        self._names = [pseudonym_of(row.patient) for row in known]
        self._patients = {row.patient_id: name.patient for row, name in zip(known, self._names, strict=True)}
        self._pairs: dict[str, str] = {}
        self._further = _further(row.patient for row in known)

    def keep(self, scan: ScanInput, name: ScanName) -> None:
        """Take the name of a scan that has one; a table may not say of it that it is of another patient."""
        if scan.pair and name.side:
            self._pairs[scan.pair] = name.patient
        elif scan.patient:
            other = self._patients.setdefault(scan.patient, name.patient)
            stated = ScanName(name.patient, scan.visit, scan.one_side or name.side)
            if other != name.patient or not stated.overlaps(name):
                problem = f"is {name} in this output, and {ScanName(other, scan.visit, scan.one_side)} by the table"
                raise CohortError(scan, problem, "Correct the table, or give another `out`")

    def new(self, scan: ScanInput) -> ScanName:
        """The name of a scan that has none."""
        numbers, key = (self._patients, scan.patient) if scan.patient else (self._pairs, scan.pair)
        number = numbers.get(key) if key else None
        name = ScanName(number or next(self._further), scan.visit, scan.one_side if key else None)
        if scan.patient and any(name.overlaps(other) for other in self._names):
            problem = f"is {name} by the table, and this output holds another scan under that name"
            raise CohortError(scan, problem, "Give it a visit of its own in the table, or give another `out`")
        if key:
            numbers[key] = name.patient
        self._names.append(name)
        return name


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
    last = max((int(pseudonym_of(patient).patient[1:]) for patient in patients if is_pseudonym(patient)), default=0)
    while True:
        last += 1
        yield f"P{last:03d}"


def write_key(key_csv: Path, names: dict[str, str]) -> None:
    """Write the key of a workspace, readable by its owner only.

    Raises:
        WorkspaceError: It cannot be written.
    """
    write_private(key_csv, rows_text(KeyRow, (KeyRow(*pair) for pair in names.items())).encode())
