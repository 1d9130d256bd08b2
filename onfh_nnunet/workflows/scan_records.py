"""The records of scans in an output folder of `onfh predict`: what each hip's line says, and what it was made from."""

from __future__ import annotations

from pathlib import Path

from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.folder_record import RECORDS
from onfh_nnunet.workflows.output_rows import MissedRecord, Record, RecordRow, line_of
from postprocessing.measurement.grades_table import Line


def record_files(folder: Path) -> list[Path]:
    """The records of OUT, each named as its scan."""
    return sorted((folder / RECORDS).glob("*.csv"))


def read_record(record: Path) -> list[Record] | None:
    """What a record holds; None when it is missing or of another version."""
    try:
        return read_rows(record, RecordRow, MissedRecord)
    except ReadError:
        return None


def recorded_days(folder: Path) -> dict[str, str]:
    """The day on which each hip in OUT was predicted, by case id."""
    return {case_id: record.predicted_on for case_id, record in _all(folder).items()}


def recorded_days_of(folder: Path, name: str) -> dict[str, str]:
    """The same of the hips of one scan."""
    return {one.case_id: one.predicted_on for one in read_record(folder / RECORDS / f"{name}.csv") or []}


def recorded_lines(folder: Path) -> dict[str, Line]:
    """The lines of grades.csv in OUT as they were written, by case id."""
    return {case_id: line_of(record) for case_id, record in _all(folder).items()}


def _all(folder: Path) -> dict[str, Record]:
    return {one.case_id: one for record in record_files(folder) for one in read_record(record) or []}
