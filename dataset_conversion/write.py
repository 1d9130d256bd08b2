"""A cohort becomes a raw nnU-Net dataset, whole or not at all.

The dataset folder is filled under a temporary name. When all hips are in it, the key and cases.csv are written, and
the folder's rename is the last step: until then the old dataset is the valid one. A conversion of the same files with
the same options is recognised by a hash of paths, sizes and times, and does nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from dataset_conversion.cases import LabelValues, Written, write_cases
from dataset_conversion.cohort import SourceScan, read_cohort
from dataset_conversion.pseudonyms import pseudonyms, write_key
from dataset_conversion.source import SOURCE_KEY, source_hash
from onfh_nnunet.dataset import HASH_KEY, Case, Dataset
from onfh_nnunet.errors import LabelError, OnfhError, ReadError, WorkspaceError
from onfh_nnunet.files import write_text, written_whole
from onfh_nnunet.tables import write_rows
from onfh_nnunet.workspace import DATASET_TITLE, Workspace

Progress = Callable[[str, int, int], None]
"""Called with the scan that was just converted, how many are, and how many there are."""


@dataclass(frozen=True)
class Conversion:
    """What a conversion made.

    Args:
        dataset: The dataset that now lies in the workspace.
        warnings: What to look at, one line each; empty when nothing had to be done.
        unlabelled: Scans without a label, which were left out.
        unchanged: Whether the dataset was there already.
    """

    dataset: Dataset
    warnings: tuple[str, ...]
    unlabelled: tuple[str, ...]
    unchanged: bool


@dataclass(frozen=True)
class _Plan:
    """What is to be converted, where to, and under which names."""

    workspace: Workspace
    scans: tuple[SourceScan, ...]
    names: dict[str, str]
    values: LabelValues
    source: str


def convert(
    cohort: Path,
    workspace: Workspace,
    *,
    head_value: int = 1,
    necrosis_value: int = 2,
    keep_ids: bool = False,
    progress: Progress = lambda *_: None,
) -> Conversion:
    """Convert every labelled scan of a cohort, one case a hip.

    Raises:
        CohortError: The table has bad rows, or `keep_ids` meets a name that is none for a file.
        LabelError: No scan has a label, or a label cannot be used.
        OnfhError: A scan cannot be used; the message names all such scans, and nothing was written.
        WorkspaceError: The workspace cannot be written, or holds a dataset of another number.
    """
    scans = read_cohort(cohort)
    labelled = tuple(scan for scan in scans if scan.label is not None)
    if not labelled:
        problem = "has a missing label in every row, and a dataset is made for training"
        raise LabelError(cohort, problem, "Fill the column label")
    _refuse_second_dataset(workspace)
    names = pseudonyms((scan.patient_id for scan in scans), workspace.key_csv, keep_ids=keep_ids)
    values = LabelValues(head_value, necrosis_value)
    plan = _Plan(workspace, labelled, names, values, source_hash(cohort, labelled, names, values))
    left_out = tuple(f"{names[scan.patient_id]}_{scan.side} (line {scan.line})" for scan in scans if not scan.label)
    there = _unchanged(workspace, plan.source)
    if there is not None:
        return Conversion(there, (), left_out, unchanged=True)
    written = _write_dataset(plan, progress)
    warnings = tuple(warning for one in written for warning in one.warnings)
    return Conversion(Dataset.read(workspace), warnings, left_out, unchanged=False)


def _refuse_second_dataset(workspace: Workspace) -> None:
    for path in workspace.nnunet_raw.glob(f"Dataset[0-9][0-9][0-9]_{DATASET_TITLE}"):
        if path != workspace.raw:
            problem = f"holds {path.name} already, and a workspace has one dataset"
            raise WorkspaceError(workspace.root, problem, "Use its number, or another --work")


def _unchanged(workspace: Workspace, source: str) -> Dataset | None:
    """The dataset in the workspace, if it is whole and was made from this source."""
    with contextlib.suppress(OSError, ValueError, KeyError, ReadError, WorkspaceError):
        made_from = json.loads((workspace.raw / "dataset.json").read_text(encoding="utf-8"))[SOURCE_KEY]
        if made_from == source and workspace.key_csv.is_file():
            return Dataset.read(workspace)
    return None


def _write_dataset(plan: _Plan, progress: Progress) -> list[Written]:
    workspace = plan.workspace
    with written_whole(workspace.raw) as folder:
        for name in ("imagesTr", "labelsTr"):
            (folder / name).mkdir(parents=True)
        written = sorted(_all_cases(plan, folder, progress), key=lambda one: one.case.case_id)
        write_text(folder / "dataset.json", json.dumps(_dataset_json(written, plan.source), indent=2) + "\n")
        write_key(workspace.key_csv, plan.names)
        write_rows(workspace.cases_csv, Case, [one.case for one in written])
    return written


def _dataset_json(written: Sequence[Written], source: str) -> dict[str, object]:
    hashes = "\n".join(one.sha256 for one in written)
    return {
        "channel_names": {"0": "MR"},  # any name but CT and a few keywords: z-score normalisation of each case
        "labels": {"background": 0, "femoral_head": [1, 2], "necrosis": 2},
        "regions_class_order": [1, 2],
        "numTraining": len(written),
        "file_ending": ".nii.gz",
        HASH_KEY: hashlib.sha256(hashes.encode()).hexdigest(),
        SOURCE_KEY: source,
    }


def _all_cases(plan: _Plan, folder: Path, progress: Progress) -> Iterator[Written]:
    """Write the cases of all scans, one scan a core at a time.

    Threads, not processes: reading, compression and most of NumPy run outside Python's lock, and nothing is spawned.
    """
    n = len(plan.scans)
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, n))
    name = plan.workspace.dataset_name
    try:
        futures = {
            pool.submit(write_cases, scan, plan.names[scan.patient_id], plan.values, folder, name): scan
            for scan in plan.scans
        }
        for done, future in enumerate(as_completed(futures), start=1):
            if isinstance(future.exception(), WorkspaceError):  # no room: the other scans will fare no better
                future.result()
            scan = futures[future]
            progress(f"{plan.names[scan.patient_id]}_{scan.side}", done, n)
        _refuse_bad(list(futures))
        for future in futures:
            yield from future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _refuse_bad(futures: Sequence[Future[list[Written]]]) -> None:
    """Raise the one error there is, or one that lists all, so that a cohort is corrected in one go."""
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    refusals = [error for error in errors if isinstance(error, OnfhError)]
    if len(errors) == 1 or len(refusals) < len(errors):
        raise next((error for error in errors if not isinstance(error, OnfhError)), errors[0])
    if refusals:
        listed = "\n  ".join(str(error) for error in refusals)
        raise OnfhError("cohort", f"has {len(refusals)} scans that cannot be used:\n  {listed}\n", "Correct them")
