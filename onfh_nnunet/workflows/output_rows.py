"""Rows of the tables that `onfh predict` writes beside grades.csv."""

from __future__ import annotations

from dataclasses import dataclass, field

from dataset_conversion.cohort.scan_input import ScanInput
from onfh_nnunet.core.csv_rows import NO_COLUMN, columns
from onfh_nnunet.core.errors import (
    GeometryError,
    HipNotFound,
    LabelError,
    NoFemoralHead,
    OnfhError,
    ReadError,
    SideError,
)
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import Line, MissedHip


@dataclass(frozen=True)
class MadeFrom:
    """What a line of grades.csv was made from.

    Args:
        model_sha256: The model file.
        made_from: Hash of all that the line depends on.
        series: Which series of the scan it is; empty where nobody said, and under a pseudonym.
        predicted_on: The day, as 2026-01-31 (UTC).
    """

    model_sha256: str
    made_from: str
    series: str
    predicted_on: str


@dataclass(frozen=True)
class RecordRow(MadeFrom, GradeRow):
    """A graded hip in the record of its scan: the columns of grades.csv, then what they were made from."""


@dataclass(frozen=True)
class MissedRecord(MadeFrom, MissedHip):
    """A missed hip in the record of its scan."""


Record = RecordRow | MissedRecord


def recorded(line: Line, made: MadeFrom) -> Record:
    """The record of a line of grades.csv."""
    kind = RecordRow if isinstance(line, GradeRow) else MissedRecord
    return kind(**vars(line), **vars(made))


def line_of(record: Record) -> Line:
    """The line of grades.csv that a record is of."""
    kind: type[Line] = GradeRow if isinstance(record, RecordRow) else MissedHip
    return kind(**{name: getattr(record, name) for name in columns(kind)})


@dataclass(frozen=True)
class FailedRow:
    """A row of failed.csv.

    Args:
        case: The scan's name.
        source: Its file or folder; its name again where that is a pseudonym.
        error: Kind of error, a class of `onfh_nnunet.core.errors`.
        message: What is wrong with it, and what to do.
        shows_no_hip: Whether nobody asked for this scan by name, and no femoral head was found in it.
    """

    case: str
    source: str
    error: str
    message: str
    shows_no_hip: bool = field(default=False, metadata=NO_COLUMN)

    @classmethod
    def of(
        cls, name: str, scan: ScanInput, error: OnfhError, *, details: bool = False, found: bool = False
    ) -> FailedRow:
        """The row of a scan that failed.

        Args:
            name: The scan's.
            scan: The scan.
            error: Why it failed.
            details: Whether the message includes what the scan's header says.
            found: Whether the scan was found in a folder, instead of being asked for by name.
        """
        message = str(error) if details else error.without_details
        return cls(name, str(scan), type(error).__name__, message, found and isinstance(error, NoFemoralHead))

    @classmethod
    def nameless(cls, name: str, error: OnfhError) -> FailedRow:
        """The row of a pseudonymous scan: the kind of error only.

        Messages quote files, folders and what libraries say of them. A sentence of our own cannot name anybody.
        """
        kind = next((kind for kind in _MEANINGS if isinstance(error, kind)), OnfhError)
        return cls(name, name, type(error).__name__, f"{_MEANINGS[kind]}. private/failed.csv has the details.")


_MEANINGS = {
    HipNotFound: "No femoral head was found in the scan",
    GeometryError: "The scan's voxel grid is impossible, unknown or not that of a hip",
    SideError: "Left and right are unknown or contradict each other",
    LabelError: "What was segmented is not a femoral head with its necrosis",
    ReadError: "The scan cannot be read as one MR image of a hip",
    OnfhError: "The scan was refused",
}
"""What failed.csv says of each kind of error; the first that fits."""
