"""The converted dataset: one case per hip, and a hash that identifies the data behind a plan, fold or model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.atomic_files import sha256
from onfh_nnunet.core.csv_rows import read_rows, write_rows
from onfh_nnunet.core.errors import ReadError, WorkspaceError
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.provenance import Provenance
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.study.workspace import Workspace

HASH_KEY = "onfh_dataset_sha256"
"""Key of the hash in dataset.json; nnU-Net carries that file along to the plan and to the trained folds."""


@dataclass(frozen=True)
class Case:
    """A row of cases.csv. Paths are relative to nnUNet_raw; sizes and spacings follow the array axes z, y, x."""

    case_id: str
    patient: str
    side: Side
    image: str
    label: str
    mirrored: bool
    size_z: int
    size_y: int
    size_x: int
    spacing_z_mm: float
    spacing_y_mm: float
    spacing_x_mm: float
    head_ml: float
    necrosis_ml: float
    necrosis_percent: float
    grade: Grade

    @property
    def hip(self) -> Hip:
        """The hip that this case is."""
        return Hip.parse(self.case_id)


@dataclass(frozen=True)
class CaseFiles:
    """A row of onfh_files.csv in the raw dataset.

    Args:
        case_id: The case.
        image_sha256: Of the image file when it was written.
        label_sha256: Of the label file.
        scan_sha256: Of the scan that the case was cut out of; see `core.scan_hash`.
    """

    case_id: str
    image_sha256: str
    label_sha256: str
    scan_sha256: str

    @classmethod
    def of(cls, case: Case, folder: Path, scan_sha256: str) -> CaseFiles:
        """The hashes of the files in a raw dataset's folder, and that of the scan.

        Raises:
            WorkspaceError: A file is missing or cannot be read.
        """
        hashes = []
        for what, file in (("image", Path(case.image)), ("label", Path(case.label))):
            path = folder / file.parent.name / file.name
            try:
                hashes.append(sha256(path))
            except OSError as error:
                problem = f"has no {what}: {path} is missing or cannot be read ({error.strerror})"
                raise WorkspaceError(case.case_id, problem, "Run onfh convert again") from error
        return cls(case.case_id, hashes[0], hashes[1], scan_sha256)


@dataclass(frozen=True)
class Dataset:
    """The cases of a workspace.

    Args:
        workspace: Where they lie.
        cases: One per hip.
        sha256: Of their voxels and geometry.
        scans: By case, the hash of the scan that it was cut out of; see `core.scan_hash`.
    """

    workspace: Workspace
    cases: tuple[Case, ...]
    sha256: str
    scans: Mapping[str, str]

    @classmethod
    def read(cls, workspace: Workspace) -> Dataset:
        """Read a converted dataset.

        Raises:
            WorkspaceError: It does not exist, or an image or a label of a case is missing, or was changed since.
            ReadError: cases.csv is damaged.
        """
        cases = tuple(read_rows(workspace.cases_csv, Case))
        digest = dataset_hash(workspace.raw / "dataset.json")
        written = _files_of(workspace.raw)
        scans = {name: row.scan_sha256 for name, row in written.items()}
        for case in cases:
            if CaseFiles.of(case, workspace.raw, scans.get(case.case_id, "")) != written.get(case.case_id):
                problem = f"has an image or a label in {workspace.raw} that changed since it was converted"
                raise WorkspaceError(case.case_id, problem, "Correct what it is made from, and run onfh convert again")
        return cls(workspace, cases, digest, scans)

    def image(self, case: Case) -> Path:
        """The image file of a case."""
        return self.workspace.nnunet_raw / case.image

    def label(self, case: Case) -> Path:
        """The label file of a case."""
        return self.workspace.nnunet_raw / case.label

    def require_same(self, dataset_json: Path, what: str, remedy: str) -> None:
        """Refuse a result that was made from other data than this dataset.

        Args:
            dataset_json: The dataset.json that travelled with it.
            what: Its name, for the message.
            remedy: What to do.

        Raises:
            StaleError: It was made from other data.
            WorkspaceError: The file does not exist.
        """
        made, now = (Provenance({"dataset_sha256": digest}) for digest in (dataset_hash(dataset_json), self.sha256))
        made.require_same(now, what, remedy)


def write_files_csv(folder: Path, cases: Sequence[Case], scans: Mapping[str, str]) -> None:
    """Record the hashes of a raw dataset's files, so that later changes are noticed, and of each case's scan."""
    write_rows(_files_csv(folder), CaseFiles, [CaseFiles.of(case, folder, scans[case.case_id]) for case in cases])


def _files_of(folder: Path) -> dict[str, CaseFiles]:
    try:
        return {row.case_id: row for row in read_rows(_files_csv(folder), CaseFiles)}
    except ReadError as error:
        problem = "was converted by an earlier version, or its onfh_files.csv is damaged"
        raise WorkspaceError(folder, problem, "Run onfh convert again") from error


def _files_csv(folder: Path) -> Path:
    return folder / "onfh_files.csv"


def dataset_hash(dataset_json: Path) -> str:
    """The hash in a dataset.json.

    Raises:
        WorkspaceError: The file is missing or carries none.
    """
    try:
        return str(json.loads(dataset_json.read_text(encoding="utf-8"))[HASH_KEY])
    except (OSError, ValueError, KeyError) as error:
        raise WorkspaceError(dataset_json, "is missing or not from onfh convert", "Run onfh convert first") from error
