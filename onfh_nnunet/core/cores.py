"""How many cores this process may use, and their division among processes: threads times processes stay within them."""

from __future__ import annotations

import os

THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""The environment variables from which numerical libraries read their number of threads when they are loaded."""


def available_cores() -> int:
    """The cores that this process may use: those of the machine, or fewer under `taskset`, SLURM or a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_each(processes: int) -> int:
    """The threads of each of some processes that run side by side."""
    return max(1, available_cores() // max(1, processes))


def thread_variables(threads: int) -> dict[str, str]:
    """The environment of a process whose libraries shall use so many threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))
