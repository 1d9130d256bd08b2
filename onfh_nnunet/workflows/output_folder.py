"""The output folder of `onfh predict`: masks, grades.csv, and a hidden provenance record for each scan.

A scan's record is written twice: empty before its masks and with its rows after them. So a mask without a record is
not ours, and one with an empty record is not finished. A table is ours when the record of tables
holds its hash; any other is somebody's, or was edited, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from onfh_nnunet.core.atomic_files import remove_file, sha256, write_text
from onfh_nnunet.core.csv_rows import rows_text, write_rows
from onfh_nnunet.core.errors import OnfhError, StaleError, WorkspaceError
from onfh_nnunet.core.folder_record import RECORDS
from onfh_nnunet.core.private_folder import write_private
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.output_rows import FailedRow, MadeFrom, RecordRow, line_of, recorded
from onfh_nnunet.workflows.scan_images import image_files
from onfh_nnunet.workflows.scan_names import ScanNames
from onfh_nnunet.workflows.scan_objects import object_files
from onfh_nnunet.workflows.scan_records import read_record, record_files
from onfh_nnunet.workflows.table_record import name_in, record_tables, recorded_tables
from onfh_nnunet.workflows.written_grades import holds_written_grades
from postprocessing.measurement.grades_table import Line, graded_in, grades_text

_NOT_OURS = "is there already, and not as a result of onfh predict with this `out`"
_MOVE_AWAY = "Move it away, or give another `out`"


@dataclass(frozen=True)
class OutputFolder:
    """The output folder of one model's results.

    Args:
        folder: The folder.
        model_sha256: The model.
        names: Of the scans of this run.
        caution: What each mask's header says of the model.
    """

    folder: Path
    model_sha256: str
    names: ScanNames
    caution: str = ""

    @property
    def grades_csv(self) -> Path:
        """A row a hip; during a run, of the scans that are finished."""
        return self.folder / "grades.csv"

    @property
    def failed_csv(self) -> Path:
        """One row per scan that failed in the last run; does not exist when none failed."""
        return self.folder / "failed.csv"

    @property
    def private_failed_csv(self) -> Path:
        """All details of the failures when failed.csv uses pseudonyms; readable by the owner only."""
        return self.folder / "private" / "failed.csv"

    def open(self) -> list[Line]:
        """Begin a run: the tables of the last one go.

        Returns:
            The lines of all scans that are not of this run.

        Raises:
            WorkspaceError: A file lies where a mask or a table would, and is not ours to replace; or there are results
                under names of another kind.
            StaleError: grades.csv was edited; or there are results of other scans by another model, and one table would
                mix the two.
        """
        self.names.require_explain([record.stem for record in self._records()])
        for foreign in self._foreign():
            raise WorkspaceError(foreign, _NOT_OURS, _MOVE_AWAY)
        others = list(self._others())
        for table in self._tables():
            remove_file(table)
        for record in self._records():
            if read_record(record) == []:
                self.discard(record.stem)
        return others

    def kept(self, name: str, made_from: str) -> list[Line] | None:
        """The lines of a scan that was predicted from the same inputs; empty when not, or when a mask is missing."""
        records = read_record(self._record(name)) or []
        same = records and records[0].made_from == made_from
        lines = [line_of(record) for record in records]
        return lines if same and all(self.mask_file(row.case_id).is_file() for row in graded_in(lines)) else None

    def discard(self, name: str) -> None:
        """Remove a scan's masks and rows, so that no old mask is taken for the result of a failed run."""
        if self._record(name).is_file():
            write_rows(self._record(name), RecordRow, [])
            for file in self._files(name):
                remove_file(file)
            remove_file(self._record(name))

    def write(self, name: str, made_from: str, masks: Mapping[str, Volume], lines: Iterable[Line]) -> None:
        """Write the masks by case id, then the lines of a scan."""
        self.names.save_once()
        write_rows(self._record(name), RecordRow, [])
        for case_id, mask in masks.items():
            mask.write_labels(self.mask_file(case_id), self.caution)
        today = datetime.now(UTC).date().isoformat()
        made = MadeFrom(self.model_sha256, made_from, self.names.series(name), today)
        write_text(self._record(name), rows_text(RecordRow, [recorded(line, made) for line in lines]))

    def write_grades(self, lines: list[Line]) -> None:
        """Write grades.csv while the run goes on: a killed one leaves the lines of its finished scans."""
        self.names.save_once()
        self._write_tables({self.grades_csv: grades_text(lines)})

    def close(self, lines: list[Line], failed: Mapping[str, OnfhError]) -> None:
        """Write the tables of a run.

        Args:
            lines: Of its scans, and those of other scans after them.
            failed: Why its other scans have none, by their names.
        """
        tables = {self.grades_csv: grades_text(lines)} if lines else {}
        if failed:
            tables |= self._failures(failed)
        if not tables:
            return
        self.names.save()
        self._write_tables(tables)

    def _write_tables(self, tables: Mapping[Path, str]) -> None:
        record_tables(self.folder, tables)
        for table, text in tables.items():
            if table == self.private_failed_csv:
                write_private(table, text.encode())
            else:
                write_text(table, text)

    def _failures(self, failed: Mapping[str, OnfhError]) -> dict[Path, str]:
        scans = self.names.scans
        if not self.names.pseudonymous:
            named = [FailedRow.of(name, scans[name], error) for name, error in failed.items()]
            return {self.failed_csv: rows_text(FailedRow, named)}
        nameless = [FailedRow.nameless(name, error) for name, error in failed.items()]
        whole = [FailedRow.of(name, scans[name], error, details=True) for name, error in failed.items()]
        return {
            self.failed_csv: rows_text(FailedRow, nameless),
            self.private_failed_csv: rows_text(FailedRow, whole),
        }

    def _others(self) -> Iterator[Line]:
        """The lines of all other scans whose masks still exist; a missed hip counts as long as the other one does."""
        for record in self._records():
            records = [] if record.stem in self.names.scans else read_record(record)
            if records is None or any(one.model_sha256 != self.model_sha256 for one in records):
                problem = f"holds results of {record.stem}, which is not among the scans, by another model or version"
                raise StaleError(self.folder, problem, "Give another `out`, or that scan as well")
            lines = [line_of(one) for one in records]
            absent = {row.case_id for row in graded_in(lines) if not self.mask_file(row.case_id).is_file()}
            if len(absent) < len(graded_in(lines)):
                yield from (line for line in lines if line.case_id not in absent)

    def _foreign(self) -> Iterator[Path]:
        """Entries where this run writes that no earlier run made."""
        for name in self.names.scans:
            yield from (file for file in self._files(name) if file.exists() and not self._record(name).is_file())
        ours = recorded_tables(self.folder)
        for table in self._tables():
            same = table.is_file() and sha256(table) in ours.get(name_in(self.folder, table), ())
            if table.exists() and not same and not (table == self.grades_csv and holds_written_grades(self.folder)):
                yield table

    def _tables(self) -> tuple[Path, ...]:
        return self.grades_csv, self.failed_csv, self.private_failed_csv

    def _records(self) -> list[Path]:
        return record_files(self.folder)

    def _record(self, name: str) -> Path:
        return self.folder / RECORDS / f"{name}.csv"

    def _files(self, name: str) -> list[Path]:
        """The masks of a scan, what may be made of them, and its images for the report."""
        hips = [hip.case_id for hip in self.names.hips(name)]
        images = [file for case_id in hips for file in image_files(self.folder, case_id)]
        return [*map(self.mask_file, hips), *object_files(self.folder, name), *images]

    def mask_file(self, case_id: str) -> Path:
        """The mask of a hip."""
        return self.folder / f"{case_id}.nii.gz"
