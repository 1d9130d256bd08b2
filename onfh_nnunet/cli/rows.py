"""Rows of the tables that `onfh predict` keeps beside grades.csv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.errors import OnfhError
from postprocessing.grade_table import GradeRow


@dataclass(frozen=True)
class RecordRow(GradeRow):
    """A row of grades.csv, and what it was made from.

    Args:
        model_sha256: The model file.
        made_from: Hash of all that the row depends on.
    """

    model_sha256: str
    made_from: str


@dataclass(frozen=True)
class FailedRow:
    """A row of failed.csv.

    Args:
        case: The scan's name.
        source: Its file or folder.
        error: Kind of error, a class of `onfh_nnunet.errors`.
        message: What is wrong with it, and what to do.
    """

    case: str
    source: str
    error: str
    message: str

    @classmethod
    def of(cls, name: str, source: Path, error: OnfhError) -> FailedRow:
        """The row of a scan that raised an error."""
        return cls(name, str(source), type(error).__name__, str(error))
