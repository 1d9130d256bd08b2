"""Conversion of a cohort into a raw nnU-Net dataset; a failed conversion writes nothing.

The dataset folder is filled under a temporary name. When all hips are in it, the key, checks.csv and cases.csv are
written, and the folder's rename is the last step: until then the old dataset is the valid one. Scans whose files have
not changed since are carried over, and when none has, nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_conversion.cohort.pseudonyms import pseudonyms, write_key
from dataset_conversion.cohort.table import SourceScan, read_cohort
from dataset_conversion.conversion.cohort_checks import cohort_findings
from dataset_conversion.conversion.cohort_conversion import convert_scans
from dataset_conversion.conversion.conversion_cache import ConversionCache, source_hashes, write_sources
from dataset_conversion.conversion.scan_conversion import Job, Outcome, refused
from dataset_conversion.hips.findings import Finding, Severity, of_severity, refuse
from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.atomic_files import require_apart, write_text
from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.errors import LabelError, OnfhError, WorkspaceError
from onfh_nnunet.core.folder_record import claim_for_good, require_claimable, written_folder
from onfh_nnunet.core.hip_crop import HIP_BOX_KEY, HIP_BOX_MM
from onfh_nnunet.core.printable import plural
from onfh_nnunet.core.private_folder import new_secret, read_secret, write_secret
from onfh_nnunet.core.progress import Progress, silent
from onfh_nnunet.core.run_log import LOG, LOGGER, log_into
from onfh_nnunet.core.user_files import append_trace
from onfh_nnunet.study.dataset import HASH_KEY, Case, Dataset, write_files_csv
from onfh_nnunet.study.study_lock import locked_study
from onfh_nnunet.study.workspace import DATASET_TITLE, STUDY, Workspace

_LOG_LEVEL = {Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.NOTE: logging.INFO}


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    Args:
        dataset: The dataset that now lies in the workspace.
        findings: What to look at; the same when nothing had to be done.
        unlabelled: Scans without a label, which were left out.
        converted: How many scans were converted; the others were there already.
    """

    dataset: Dataset
    findings: tuple[Finding, ...]
    unlabelled: tuple[str, ...]
    converted: int


def convert(
    cohort: Path,
    workspace: Workspace,
    rules: LabelRules | None = None,
    *,
    series: str | None = None,
    keep_ids: bool = False,
    strict: bool = False,
    progress: Progress = silent,
) -> Conversion:
    """Convert every labelled scan of a cohort, one case per hip.

    Args:
        cohort: The table.
        workspace: Where the dataset goes.
        rules: What the labels mean; default: 1 is head and 2 necrosis.
        series: The DICOM series that is meant where a row names none; see `readers.read_scan`.
        keep_ids: Use the hospital's names instead of pseudonyms.
        strict: Treat warnings as errors.
        progress: Called after each scan that is converted.

    Raises:
        CohortError: The table has bad rows, or `keep_ids` meets a name that is none for a file.
        LabelError: No scan has a label, or a label cannot be used.
        OnfhError: A scan cannot be used; the message names all such scans, and nothing was written.
        WorkspaceError: The workspace cannot be written, or holds a dataset of another number.
    """
    scans = _scans(cohort, series)
    inputs = [path for scan in scans for path in scan.files]
    require_apart(workspace.root, [cohort, *inputs])
    with locked_study(workspace, "onfh convert"):
        log_into(workspace.root)
        return _convert(cohort, scans, workspace, rules or LabelRules(), keep_ids, strict, progress)


def _convert(
    cohort: Path,
    scans: Sequence[SourceScan],
    workspace: Workspace,
    rules: LabelRules,
    keep_ids: bool,
    strict: bool,
    progress: Progress,
) -> Conversion:
    _refuse_second_dataset(workspace)
    require_claimable(workspace.root, STUDY, workspace.files)
    names = pseudonyms((scan.patient_id for scan in scans), workspace.key_csv, keep_ids=keep_ids)
    secret = read_secret(workspace.secret)
    jobs = _jobs(cohort, scans, names, rules, workspace, secret)
    hashes = source_hashes(jobs)
    record = ConversionCache.read(workspace)
    there = [_known(record, job, source) for job, source in zip(jobs, hashes, strict=True)]
    left_out = tuple(f"{names[scan.patient_id]}_{scan.side} (line {scan.line})" for scan in scans if not scan.label)
    outcomes = [outcome for outcome in there if outcome]
    if record and len(outcomes) == len(jobs) and _n_hips(outcomes) == len(record.dataset.cases):
        findings = _findings(outcomes)
        refuse(findings, strict=strict)
        return Conversion(record.dataset, findings, left_out, converted=0)
    with written_folder(workspace.raw, "cases of a dataset") as folder:
        for name in ("imagesTr", "labelsTr"):
            (folder / name).mkdir(parents=True)
        new = iter(convert_scans([job for job, old in zip(jobs, there, strict=True) if not old], folder, progress))
        outcomes = [old or next(new) for old in there]
        findings = _findings(outcomes)
        for finding in findings:
            LOGGER.log(_LOG_LEVEL[finding.level], "%s", finding)
        log = workspace.root / LOG
        for outcome in outcomes:
            LOGGER.info("%s: %s", outcome.job.name, "refused" if outcome.error else plural(len(outcome.hips), "hip"))
            if outcome.error:
                append_trace(log, outcome.job.name, outcome.job.scan.image, outcome.error)
        _refuse(outcomes, findings, strict)
        for old in there:
            if record and old:
                record.carry_over(old, folder)
        write_sources(folder, outcomes, hashes)
        write_secret(workspace.secret, secret)
        _write_tables(workspace, folder, outcomes, findings, names)
    return Conversion(Dataset.read(workspace), findings, left_out, converted=there.count(None))


def check(
    cohort: Path,
    rules: LabelRules | None = None,
    *,
    series: str | None = None,
    progress: Progress = silent,
) -> tuple[Finding, ...]:
    """Run the checks of `convert` on every labelled scan of a cohort, without writing anything.

    Raises:
        CohortError: The table has bad rows.
        LabelError: No scan has a label.
    """
    scans = _scans(cohort, series)
    names = pseudonyms((scan.patient_id for scan in scans), Path(), keep_ids=False)
    jobs = _jobs(cohort, scans, names, rules or LabelRules(), Workspace(Path()), new_secret())
    return _findings(convert_scans(jobs, None, progress))


def _scans(cohort: Path, series: str | None) -> list[SourceScan]:
    return [scan if scan.series else replace(scan, series=series) for scan in read_cohort(cohort)]


def _jobs(
    cohort: Path,
    scans: Sequence[SourceScan],
    names: dict[str, str],
    rules: LabelRules,
    workspace: Workspace,
    secret: bytes,
) -> list[Job]:
    labelled = [scan for scan in scans if scan.label is not None]
    if not labelled:
        problem = "has no label in any row, expected labels to train on"
        raise LabelError(cohort, problem, "Fill the column label")
    return [Job(scan, names[scan.patient_id], rules, workspace.dataset_name, secret) for scan in labelled]


def _known(record: ConversionCache | None, job: Job, source: str | OnfhError) -> Outcome | None:
    """Outcomes that need no reading: of unchanged scans, and of scans whose files cannot be read."""
    if isinstance(source, OnfhError):
        return refused(job, source)
    return record.outcome(job, source) if record else None


def _refuse_second_dataset(workspace: Workspace) -> None:
    for path in workspace.nnunet_raw.glob(f"Dataset[0-9][0-9][0-9]_{DATASET_TITLE}"):
        if path != workspace.raw:
            problem = f"holds {path.name} already, and a workspace has one dataset"
            raise WorkspaceError(workspace.root, problem, "Use its number, or another `work`")


def _findings(outcomes: Sequence[Outcome]) -> tuple[Finding, ...]:
    """Those of each scan, then those of the cohort, with the patient's own id for the terminal."""
    ids = {outcome.job.scan.line: outcome.job.scan.patient_id for outcome in outcomes}
    found = (*(finding for outcome in outcomes for finding in outcome.findings), *cohort_findings(outcomes))
    return tuple(replace(one, patient_id=ids[one.line]) if one.line in ids else one for one in found)


def _refuse(outcomes: Sequence[Outcome], findings: Sequence[Finding], strict: bool) -> None:
    """Raise the only error, or one error that lists all, so that a cohort is corrected in one go."""
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if len(errors) == 1 == len(of_severity(findings, Severity.ERROR)):
        raise errors[0]
    refuse(findings, strict=strict)


def _n_hips(outcomes: Sequence[Outcome]) -> int:
    return sum(len(outcome.hips) for outcome in outcomes)


def _write_tables(
    workspace: Workspace, folder: Path, outcomes: Sequence[Outcome], findings: Sequence[Finding], names: dict[str, str]
) -> None:
    hips = sorted((hip for outcome in outcomes for hip in outcome.hips), key=lambda hip: hip.case.case_id)
    description = {
        "channel_names": {"0": "MR"},  # any name but CT and a few keywords: z-score normalisation of each case
        "labels": {"background": 0, "femoral_head": [1, 2], "necrosis": 2},
        "regions_class_order": [1, 2],
        "numTraining": len(hips),
        "file_ending": ".nii.gz",
        HIP_BOX_KEY: HIP_BOX_MM,
        HASH_KEY: hashlib.sha256("\n".join(hip.sha256 for hip in hips).encode()).hexdigest(),
    }
    write_text(folder / "dataset.json", json.dumps(description, indent=2) + "\n")
    scans = {hip.case.case_id: outcome.scan_sha256 for outcome in outcomes for hip in outcome.hips}
    write_files_csv(folder, [hip.case for hip in hips], scans)
    claim_for_good(workspace.root, STUDY, workspace.files)
    write_key(workspace.key_csv, names)
    write_rows(workspace.checks_csv, Finding, findings)
    write_rows(workspace.cases_csv, Case, [hip.case for hip in hips])
