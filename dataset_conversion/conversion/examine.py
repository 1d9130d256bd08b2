"""All scans of a cohort, one scan a core at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dataset_conversion.conversion.scan_conversion import Job, Outcome, convert_scan
from onfh_nnunet.core.parallel_processes import on_all_cores

Progress = Callable[[str, int, int], None]
"""Called with the scan that was just done, how many are, and how many there are."""

FEW = 2
"""So many scans are done before a second process has started."""


def examine(jobs: Sequence[Job], folder: Path | None, progress: Progress = lambda *_: None) -> list[Outcome]:
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
    for outcome in on_all_cores(partial(convert_scan, folder=folder), jobs, FEW):
        outcomes.append(outcome)
        progress(outcome.job.name, len(outcomes), len(jobs))
    return outcomes
