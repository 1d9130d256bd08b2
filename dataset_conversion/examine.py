"""All scans of a cohort, one scan a core at a time, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from dataset_conversion.cases import Job, Outcome, convert_scan

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
    outcomes: dict[int, Outcome] = {}
    for number, outcome in _outcomes(jobs, folder):
        outcomes[number] = outcome
        progress(outcome.job.name, len(outcomes), len(jobs))
    return [outcomes[number] for number in range(len(jobs))]


def _outcomes(jobs: Sequence[Job], folder: Path | None) -> Iterator[tuple[int, Outcome]]:
    workers = min(os.cpu_count() or 1, len(jobs))
    if workers < 2 or len(jobs) <= FEW:
        for number, job in enumerate(jobs):
            yield number, convert_scan(job, folder)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        numbers = {pool.submit(convert_scan, job, folder): number for number, job in enumerate(jobs)}
        for future in as_completed(numbers):
            yield numbers[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)
