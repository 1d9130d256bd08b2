"""Cache of converted scans: what each case was made from, so that unchanged scans are not converted again.

A scan is recognised by the content of its files, not by their names or times: a cohort that moved or was touched is
still the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_conversion.conversion.cohort_checks import COHORT_CHECKS
from dataset_conversion.conversion.scan_conversion import ConvertedHip, Job, Outcome
from dataset_conversion.hips.findings import Finding
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.cores import available_cores
from onfh_nnunet.core.csv_rows import read_rows, write_rows
from onfh_nnunet.core.errors import OnfhError, ReadError, WorkspaceError
from onfh_nnunet.core.hip_crop import HIP_BOX_MM
from onfh_nnunet.core.private_folder import keyed
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.workspace import Workspace

FORMAT = 4
"""Raised when the same source would give another case."""


@dataclass(frozen=True)
class SourceRow:
    """A row of onfh_sources.csv in the raw dataset: a case, a hash of what it was made from, and what was seen then.

    Hashes of the source, of its whole image, of its study and of its label files are keyed with the workspace's secret.
    """

    case_id: str
    source_sha256: str
    sha256: str
    contrast: float
    image_sha256: str
    study_sha256: str
    technique: str
    label_sha256: str
    necrosis_sha256: str


def source_hashes(jobs: Sequence[Job]) -> list[str | OnfhError]:
    """For each scan a keyed hash of everything its cases depend on, or the error why it cannot be read."""
    with ThreadPoolExecutor(available_cores()) as pool:  # hashing runs outside Python's lock
        return list(pool.map(_source_hash, jobs))


def write_sources(dataset: Path, outcomes: Sequence[Outcome], hashes: Sequence[str | OnfhError]) -> None:
    """Write the record of all cases into a dataset folder."""
    rows = [
        SourceRow(
            *(hip.case.case_id, str(source), hip.sha256, hip.contrast),
            *(outcome.image_sha256, outcome.study_sha256, outcome.technique),
            *(outcome.label_sha256, outcome.necrosis_sha256),
        )
        for outcome, source in zip(outcomes, hashes, strict=True)
        for hip in outcome.hips
    ]
    write_rows(dataset / "onfh_sources.csv", SourceRow, rows)


@dataclass(frozen=True)
class ConversionCache:
    """The converted dataset of a workspace and what it was made from."""

    dataset: Dataset
    rows: dict[str, SourceRow]
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, workspace: Workspace) -> ConversionCache | None:
        """Read the cache; None when there is no complete dataset with a record."""
        with contextlib.suppress(OSError, ReadError, WorkspaceError):
            rows = read_rows(workspace.raw / "onfh_sources.csv", SourceRow)
            findings = read_rows(workspace.checks_csv, Finding)
            if workspace.key_csv.is_file():
                return cls(Dataset.read(workspace), {row.case_id: row for row in rows}, tuple(findings))
        return None

    def outcome(self, job: Job, source: str) -> Outcome | None:
        """The earlier outcome of an unchanged scan, with its own findings; None for a new or changed scan."""
        wanted = [job.hip(side).case_id for side in job.scan.hips]
        cases = {case.case_id: case for case in self.dataset.cases}
        rows = [self.rows[name] for name in wanted if name in self.rows and name in cases]
        if len(rows) < len(wanted) or any(row.source_sha256 != source for row in rows):
            return None
        hips = tuple(ConvertedHip(cases[row.case_id], row.sha256, row.contrast) for row in rows)
        own = [one for one in self.findings if one.case_id in (*wanted, job.name) and one.check not in COHORT_CHECKS]
        findings = tuple(replace(one, line=job.scan.line) for one in own)
        row = rows[0]
        seen = (row.image_sha256, row.study_sha256, row.technique, self.dataset.scans[row.case_id])
        return Outcome(job, hips, findings, *seen, row.label_sha256, row.necrosis_sha256)

    def carry_over(self, outcome: Outcome, folder: Path) -> None:
        """Link the files of an unchanged scan's cases into a new dataset folder."""
        for case in (hip.case for hip in outcome.hips):
            for file in (self.dataset.image(case), self.dataset.label(case)):
                _link(file, folder / file.parent.name / file.name)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, target)


def _source_hash(job: Job) -> str | OnfhError:
    try:
        return _hash(job)
    except OnfhError as error:
        return error


def _hash(job: Job) -> str:
    scan = job.scan
    files = {"image": scan.image, "label": scan.label, "label_necrosis": scan.label_necrosis}
    content = {f"{name}_sha256": path and content_sha256(path) for name, path in files.items()}
    row = {"patient": job.patient, "side": scan.side, "grade": scan.grade, "series": scan.series}
    rules = {"rules": repr(job.rules), "dataset": job.dataset_name, "hip_box_mm": HIP_BOX_MM, "format": FORMAT}
    return keyed(job.secret, Provenance({**rules, **row, **content}).text)
