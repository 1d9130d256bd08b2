"""Cross-validation splits: every hip is validated once, and a patient's hips stay together."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.csv_rows import read_rows, write_rows
from onfh_nnunet.core.errors import SplitError, WorkspaceError
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.steinberg import Grade

_REMEDY = "Run onfh plan again"


@dataclass(frozen=True)
class FoldRow:
    """A row of folds.csv: the fold that validates this hip and does not train on its patient."""

    case_id: str
    patient: str
    grade: Grade
    fold: int


@dataclass(frozen=True)
class Splits:
    """Folds of a cross-validation, grouped by patient.

    Raises:
        SplitError: A hip stands twice, a patient in two folds, or a fold is empty.
    """

    rows: tuple[FoldRow, ...]

    def __post_init__(self) -> None:
        twice = [case for case, n in Counter(row.case_id for row in self.rows).items() if n > 1]
        if twice:
            raise SplitError(twice[0], "appears twice in the folds", _REMEDY)
        folds_of: dict[str, set[int]] = {}
        for row in self.rows:
            folds_of.setdefault(row.patient, set()).add(row.fold)
        torn = [patient for patient, folds in folds_of.items() if len(folds) > 1]
        if torn:
            raise SplitError(
                f"patient {torn[0]}", f"is in folds {sorted(folds_of[torn[0]])}, expected one fold", _REMEDY
            )
        if {row.fold for row in self.rows} != set(range(self.n_folds)) or self.n_folds < 2:
            got = sorted({row.fold for row in self.rows})
            raise SplitError("folds", f"are {got}, expected 0, 1, ... with hips in each", _REMEDY)

    @property
    def n_folds(self) -> int:
        """The number of folds."""
        return max((row.fold for row in self.rows), default=-1) + 1

    @property
    def sha256(self) -> str:
        """A hash of the assignment of cases to folds."""
        text = "\n".join(f"{row.case_id},{row.fold}" for row in sorted(self.rows, key=lambda row: row.case_id))
        return hashlib.sha256(text.encode()).hexdigest()

    def validation(self, fold: int) -> list[str]:
        """The case ids that a fold validates."""
        return [row.case_id for row in self.rows if row.fold == self._checked(fold)]

    def training(self, fold: int) -> list[str]:
        """The case ids that a fold trains on."""
        return [row.case_id for row in self.rows if row.fold != self._checked(fold)]

    def for_nnunet(self) -> list[dict[str, list[str]]]:
        """The content of nnU-Net's splits_final.json."""
        return [{"train": self.training(fold), "val": self.validation(fold)} for fold in range(self.n_folds)]

    def write(self, path: Path) -> None:
        """Write folds.csv."""
        write_rows(path, FoldRow, self.rows)

    @classmethod
    def read(cls, path: Path) -> Splits:
        """Read folds.csv.

        Raises:
            WorkspaceError: The study has no folds yet.
            ReadError: The table is damaged.
            SplitError: Its folds are impossible.
        """
        if not path.is_file():
            raise WorkspaceError(path.parent, "holds no plan", "Run onfh plan first")
        rows = read_rows(path, FoldRow)
        for row in rows:
            if Hip.parse(row.case_id).patient != row.patient:
                raise SplitError(row.case_id, f"is listed under patient {row.patient}", _REMEDY)
        return cls(tuple(rows))

    def _checked(self, fold: int) -> int:
        if not 0 <= fold < self.n_folds:
            raise SplitError(
                f"fold {fold}", f"does not exist; there are folds 0 to {self.n_folds - 1}", "Name one of these"
            )
        return fold
