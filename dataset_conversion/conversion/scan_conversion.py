"""Conversion of one scan: an image, a label and a table row for each of its hips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dataset_conversion.cohort.table import SourceScan
from dataset_conversion.conversion.case_grades import case_grades, grade_findings
from dataset_conversion.hips.extraction import HipSource, extract_hips
from dataset_conversion.hips.findings import Finding, Severity, finding_of_error, in_table, place_in_cohort
from dataset_conversion.hips.hip_checks import check_hip, contrast
from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.labels.labelled_scan import read_labelled_scan
from dataset_conversion.readers import Scan
from dataset_conversion.readers.downcast import downcast
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.errors import OnfhError, WorkspaceError
from onfh_nnunet.core.extent import percent_of
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.private_folder import keyed
from onfh_nnunet.core.scan_hash import scan_sha256
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.dataset import Case


@dataclass(frozen=True)
class Job:
    """A scan to convert.

    Args:
        scan: A row of the cohort that has a label.
        patient: The patient's name in the dataset.
        rules: What the label means.
        dataset_name: The dataset folder's final name, for the paths in the rows.
        secret: Of the workspace, for keyed hashes.
    """

    scan: SourceScan
    patient: str
    rules: LabelRules
    dataset_name: str
    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The scan's name in messages and progress."""
        return "_".join(filter(None, (self.patient, self.scan.visit, self.scan.side)))

    def hip(self, side: Side) -> Hip:
        """A hip of this scan."""
        return Hip(self.patient, side, self.scan.visit)


@dataclass(frozen=True)
class ConvertedHip:
    """A hip whose files are written.

    Args:
        case: Its row.
        sha256: Of its voxels and geometry.
        contrast: How bright the head is among its surroundings; see `check.contrast`.
    """

    case: Case
    sha256: str
    contrast: float


@dataclass(frozen=True)
class Outcome:
    """The outcome of converting one scan.

    Args:
        job: The scan.
        hips: Its hips; none when it cannot be used.
        findings: What to look at.
        image_sha256: Keyed hash of its voxels, the same for a copy under another name; empty when it cannot be used.
        study_sha256: Keyed hash of its StudyInstanceUID; empty where there is none.
        technique: Kind of echo and 2D or 3D; empty where it is not stated.
        scan_sha256: By which the scan is recognised at another place; see `core.scan_hash`.
        label_sha256: Keyed hash of its label's file; empty when it cannot be used.
        necrosis_sha256: The same of the necrosis' own file; empty where there is none, or no hip has necrosis.
        error: Why it cannot be used; none when it can.
    """

    job: Job
    hips: tuple[ConvertedHip, ...]
    findings: tuple[Finding, ...]
    image_sha256: str = ""
    study_sha256: str = ""
    technique: str = ""
    scan_sha256: str = ""
    label_sha256: str = ""
    necrosis_sha256: str = ""
    error: OnfhError | None = None


def convert_scan(job: Job, folder: Path | None) -> Outcome:
    """Read a scan, check it, and write its hips into a dataset folder.

    Args:
        job: The scan.
        folder: Where ``imagesTr`` and ``labelsTr`` are; none to check and write nothing.

    Returns:
        The outcome; a scan that cannot be used is one with an error.

    Raises:
        WorkspaceError: A file cannot be written.
    """
    try:
        return _convert(job, folder)
    except WorkspaceError:
        raise
    except OnfhError as error:
        return refused(job, error)


def refused(job: Job, error: OnfhError) -> Outcome:
    """The outcome of a scan that cannot be used."""
    return Outcome(job, (), (finding_of_error(error, job.name, job.scan.line),), error=error)


def _convert(job: Job, folder: Path | None) -> Outcome:
    scan = job.scan
    place = place_in_cohort(job.name, scan.line)
    read = read_labelled_scan(scan, job.rules, place, healthy=scan.grade is Grade.NONE)
    image, label = read.image, read.label
    sources = extract_hips(image.volume, label.volume, scan.side, place)
    grades = case_grades([source.mask.extent.grade for source in sources], scan.grade)
    hips = [(source, _converted(source, grade, job, folder)) for source, grade in zip(sources, grades, strict=True)]
    notes = [*(("label", note) for note in label.notes), *_about_header(image)]
    findings = [
        Finding(job.name, scan.line, Severity.WARNING, check, in_table(note), str(note)) for check, note in notes
    ]
    if image.passed_over:
        said = f"{len(image.passed_over)} kinds of things beside the slices were passed over"
        in_full = f"passed over: {'; '.join(map(on_one_line, image.passed_over))}"
        findings.append(Finding(job.name, scan.line, Severity.NOTE, "file", said, in_full))
    for source, hip in hips:
        findings += check_hip(source, hip.case.case_id, scan.line)
        findings += grade_findings(hip.case, source.mask.extent.grade, scan)
    return Outcome(
        job,
        tuple(hip for _, hip in hips),
        tuple(findings),
        keyed(job.secret, _hash("", image.volume)),
        keyed(job.secret, image.acquisition.study_uid) if image.acquisition and image.acquisition.study_uid else "",
        image.acquisition.technique if image.acquisition else "",
        scan_sha256(image.volume),
        _file_hash(job, scan.label),
        _file_hash(job, scan.label_necrosis) if any(source.mask.extent.necrosis for source in sources) else "",
    )


def _file_hash(job: Job, path: Path | None) -> str:
    return keyed(job.secret, content_sha256(path)) if path else ""


def _about_header(image: Scan) -> Iterator[tuple[str, str]]:
    if image.acquisition and image.acquisition.burned_in:
        yield "header", "the header says that annotations are burned into the image; they may name the patient"


def _converted(source: HipSource, grade: Grade, job: Job, folder: Path | None) -> ConvertedHip:
    hip = job.hip(source.side)
    name = hip.case_id
    image = Volume(downcast(source.image.array), source.image.grid)
    files = (f"imagesTr/{name}_0000.nii.gz", f"labelsTr/{name}.nii.gz")
    if folder is not None:
        image.write(folder / files[0])
        source.label.write_labels(folder / files[1])
    case = _case(hip, source, grade, *(f"{job.dataset_name}/{file}" for file in files))
    return ConvertedHip(case, _hash(name, image, source.label), contrast(source))


def _case(hip: Hip, source: HipSource, grade: Grade, image: str, label: str) -> Case:
    grid, extent = source.label.grid, source.mask.extent
    return Case(
        *(hip.case_id, hip.patient, hip.side, image, label, hip.mirrored),
        *grid.size,
        *grid.spacing_mm,
        head_ml=extent.head_ml,
        necrosis_ml=extent.necrosis_ml,
        necrosis_percent=percent_of(extent.necrosis, extent.head),
        grade=grade,
    )


def _hash(name: str, *volumes: Volume) -> str:
    """SHA-256 of voxels and geometry, not of files: compression may differ between machines."""
    digest = hashlib.sha256(name.encode())
    for volume in volumes:
        grid = volume.grid
        geometry = np.concatenate([grid.spacing_mm, grid.origin_mm, np.ravel(grid.direction)])
        digest.update(f"{grid.size} {volume.array.dtype} {(geometry.round(4) + 0.0).tolist()}".encode())
        digest.update(np.ascontiguousarray(volume.array).tobytes())
    return digest.hexdigest()
