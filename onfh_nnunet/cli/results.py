"""OUT of `onfh predict`: masks, grades.csv, and for each scan a hidden record of what its results were made from.

A scan's record is written twice: empty before its masks and with its rows after them. So a mask without a record is
not ours, and one with an empty record is not finished.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.cli.rows import FailedRow, RecordRow
from onfh_nnunet.errors import ReadError, StaleError, WorkspaceError
from onfh_nnunet.files import remove_file
from onfh_nnunet.hip import Hip, Side
from onfh_nnunet.tables import read_rows, write_rows
from onfh_nnunet.volume import Volume
from postprocessing.grade_table import GradeRow, write_grades

_RECORDS = ".made_from"


@dataclass(frozen=True)
class Results:
    """The folder, as a model's results.

    Args:
        folder: The folder.
        model_sha256: The model.
        caution: What each mask's header says of the model.
    """

    folder: Path
    model_sha256: str
    caution: str = ""

    @property
    def grades_csv(self) -> Path:
        """A row a hip; there once a run has come to its end."""
        return self.folder / "grades.csv"

    @property
    def failed_csv(self) -> Path:
        """A row a scan that the last run could not predict; not there when there was none."""
        return self.folder / "failed.csv"

    def open(self, names: Collection[str]) -> None:
        """Begin a run on scans of these names: the tables of the last one go.

        Raises:
            WorkspaceError: A file lies where a mask would, and is not ours to replace.
            StaleError: There are results of other scans by another model: one table would mix the two.
        """
        for name in names:
            foreign = [mask for mask in self._masks(name) if mask.is_file() and not self._record(name).is_file()]
            if foreign:
                problem = "is there already, and not as a result of onfh predict with --out here"
                raise WorkspaceError(foreign[0], problem, "Move it away, or give another --out")
        list(self._others(names))
        for table in (self.grades_csv, self.failed_csv):
            remove_file(table)
        for record in self._records():
            if _recorded(record) == []:
                self.discard(record.stem)

    def kept(self, name: str, made_from: str) -> list[GradeRow] | None:
        """The rows of a scan that was predicted from the same before; none when it was not, or a mask is missing."""
        rows = _recorded(self._record(name)) or []
        same = rows and rows[0].made_from == made_from and all(self._mask(row.case_id).is_file() for row in rows)
        return _grades(rows) if same else None

    def discard(self, name: str) -> None:
        """Remove a scan's masks and rows, if there are any: should it fail now, no old mask is taken for its result."""
        if self._record(name).is_file():
            write_rows(self._record(name), RecordRow, [])
            for mask in self._masks(name):
                remove_file(mask)
            remove_file(self._record(name))

    def write(self, name: str, made_from: str, masks: Mapping[str, Volume], rows: Iterable[GradeRow]) -> None:
        """Write the masks, by case id, and the rows of a scan, in this order."""
        write_rows(self._record(name), RecordRow, [])
        for case_id, mask in masks.items():
            mask.write(self._mask(case_id), self.caution)
        record = [RecordRow(**vars(row), model_sha256=self.model_sha256, made_from=made_from) for row in rows]
        write_rows(self._record(name), RecordRow, record)

    def close(self, names: Collection[str], rows: list[GradeRow], failed: list[FailedRow]) -> None:
        """Write the tables of a run: its rows, then those of other scans; and what failed, if anything did."""
        if table := [*rows, *self._others(names)]:
            write_grades(self.grades_csv, table)
        if failed:
            write_rows(self.failed_csv, FailedRow, failed)

    def _others(self, names: Collection[str]) -> Iterator[GradeRow]:
        """The rows of all scans but these, of masks that are still there."""
        for record in self._records():
            rows = [] if record.stem in names else _recorded(record)
            if rows is None or any(row.model_sha256 != self.model_sha256 for row in rows):
                problem = f"holds results of {record.stem}, which is not among the scans, by another model or version"
                raise StaleError(self.folder, problem, "Give another --out, or that scan as well")
            yield from (row for row in _grades(rows) if self._mask(row.case_id).is_file())

    def _records(self) -> list[Path]:
        return sorted((self.folder / _RECORDS).glob("*.csv"))

    def _record(self, name: str) -> Path:
        return self.folder / _RECORDS / f"{name}.csv"

    def _masks(self, name: str) -> list[Path]:
        return [self._mask(Hip(name, side).case_id) for side in Side]

    def _mask(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.nii.gz"


def _recorded(record: Path) -> list[RecordRow] | None:
    """The rows of a record; none when it is not there or of another version."""
    try:
        return read_rows(record, RecordRow)
    except ReadError:
        return None


def _grades(rows: Iterable[RecordRow]) -> list[GradeRow]:
    own = ("model_sha256", "made_from")
    return [GradeRow(**{key: value for key, value in vars(row).items() if key not in own}) for row in rows]
