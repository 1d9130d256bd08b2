"""The memory that this process may still take: of the machine, of its container, and under its own limit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

_CONTAINERS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Limit and use of a Linux container, in both versions of cgroups; and the line of `memory.stat` of files that are
cached, which count as used and are given up where memory is needed."""


def free_bytes() -> int:
    """The least of what the machine, the container and the process's own limit leave."""
    import psutil

    return max(0, min([int(psutil.virtual_memory().available), *_of_container(), *_of_process()]))


def _of_container() -> Iterator[int]:
    for folder, limit, used, cached in _CONTAINERS:
        with contextlib.suppress(OSError, ValueError, KeyError):  # no container, or the word max: no limit
            stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
            most, now = (int((folder / name).read_text(encoding="ascii")) for name in (limit, used))
            yield most - now + int(stat[cached])


def _of_process() -> Iterator[int]:
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        import psutil

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            yield limit - int(psutil.Process().memory_info().vms)
