"""Conversion of all scans of a cohort in parallel, one scan per core."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dataset_conversion.conversion.scan_conversion import Job, Outcome, convert_scan
from onfh_nnunet.core.parallel import map_in_processes
from onfh_nnunet.core.progress import Progress, silent

FEW = 2
"""So many scans are done before a second process has started."""


def convert_scans(jobs: Sequence[Job], folder: Path | None, progress: Progress = silent) -> list[Outcome]:
    """Convert scans.

    Args:
        jobs: The scans.
        folder: Where their cases are written; none to check them only.
        progress: Told of each scan.

    Returns:
        The outcomes, in the order of the jobs.

    Raises:
        WorkspaceError: A file cannot be written; no further scan is begun.
    """
    outcomes = []
    for outcome in map_in_processes(partial(convert_scan, folder=folder), jobs, FEW):
        outcomes.append(outcome)
        progress(outcome.job.name, len(outcomes), len(jobs))
    return outcomes
