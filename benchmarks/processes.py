"""Time, CPU time and memory of commands run as whole processes."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.02


@dataclass(frozen=True)
class Cost:
    """Wall time and CPU time in seconds."""

    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.cpu:.1f} s of CPU)"

    def until(self, larger: Cost) -> Cost:
        """The additional cost of a larger command."""
        return Cost(larger.seconds - self.seconds, larger.cpu - self.cpu)

    def and_more(self, other: Cost, times: float) -> Cost:
        """The cost of this command and a number of further ones."""
        return Cost(self.seconds + times * other.seconds, self.cpu + times * other.cpu)

    def over(self, other: Cost) -> str:
        """The ratio to another cost."""
        return f"{self.seconds / other.seconds:.1f} x by the clock, {self.cpu / other.cpu:.1f} x by CPU time"


@dataclass(frozen=True)
class Taken:
    """What a command and its child processes used.

    Args:
        cost: From its start to its end.
        peak_gb: The largest memory of all its processes together, in 10^9 bytes.
        output: What it printed.
    """

    cost: Cost
    peak_gb: float
    output: str


def python(module: str, *arguments: object) -> Taken:
    """Run a Python module as a separate process."""
    return run([sys.executable, "-m", module, *map(str, arguments)])


def run(command: Sequence[str]) -> Taken:
    """Run a command to its end.

    Raises:
        SystemExit: It failed; with what it printed.
    """
    start, before, peak = time.perf_counter(), os.times(), 0
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(POLL_S)
        seconds, after = time.perf_counter() - start, os.times()
        output.seek(0), errors.seek(0)
        printed, told = output.read(), errors.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{printed}{told}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(Cost(seconds, cpu), peak / 1e9, printed)


def machine() -> str:
    """A description of this machine."""
    cpu = Path("/proc/cpuinfo")
    names = [line.partition(": ")[2] for line in cpu.read_text().splitlines() if "model name" in line]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.processor()}"


def _memory(pid: int) -> int:
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (own := psutil.Process(pid), *own.children(recursive=True)):
            total += process.memory_info().rss
    return total
