"""GDCM in a process of its own: one wrong byte of a compressed DICOM file can crash it, or keep it busy for ever.

As a program it reads the files that standard input lists, and writes to standard output for each a line of NumPy's
name of its type and of its shape, and then its voxels. It imports nothing of this project, so that it starts quickly.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECONDS, SECONDS_PER_MB = 120, 1
"""What decoding may take, and more for each megabyte of voxels: codecs do 20 MB and more in a second."""

SPARE_BYTES, TIMES_VOXELS = 3 * 2**28, 8
"""The address space that decoding may take beside what libraries have, and more for each byte of voxels."""


_ONE_THREAD = {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Threads would take address space, and decode nothing."""

_LINE = 100
"""Bytes of the line before the voxels of a file."""


def decode(files: Sequence[Path], n_bytes: int) -> list[NDArray[Any]]:
    """The voxels of DICOM files as GDCM decodes and rescales them; those up to the first at which it fails.

    Args:
        files: At least one; they are decoded one after the other.
        n_bytes: What their voxels take, as their headers state it.
    """
    seconds = SECONDS + SECONDS_PER_MB * n_bytes // 10**6
    command = [sys.executable, "-P", __file__, str(seconds), str(SPARE_BYTES + TIMES_VOXELS * n_bytes)]
    names = json.dumps([os.fspath(file) for file in files]).encode()
    try:
        told = subprocess.run(
            command,
            input=names,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
            timeout=seconds,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired as late:
        told = late.stdout or b""
    return list(_arrays(memoryview(told)))


def _arrays(told: memoryview) -> Iterator[NDArray[Any]]:
    """What `_main` wrote, without an end that is missing."""
    while len(told) >= _LINE:
        kind, *shape = bytes(told[:_LINE]).decode().split()
        size = tuple(map(int, shape))
        end = _LINE + math.prod(size) * np.dtype(kind).itemsize
        if len(told) < end:
            return
        yield np.frombuffer(told[_LINE:end], kind).reshape(size)
        told = told[end:]


def _limit(seconds: int, n_bytes: int) -> None:
    """Limits on this process where the system has them: the parent may be gone before it can end this one."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has none, and a user may have set lower ones
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + n_bytes, taken + n_bytes))


def _in_utf8(file: str) -> str:
    """A path that ITK takes: of a file whose own is no UTF-8, by its descriptor, which stays open."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{os.open(file, os.O_RDONLY)}"
    return file


def _end_with_parent() -> None:
    """As `core.parent_process.killed_with_parent`."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def _main() -> None:
    _end_with_parent()
    import SimpleITK as sitk

    _limit(*map(int, sys.argv[1:]))
    files = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # codecs print
        for file in files:
            array = sitk.GetArrayFromImage(sitk.ReadImage(_in_utf8(file), imageIO="GDCMImageIO"))
            out.write(" ".join([array.dtype.str, *map(str, array.shape)]).ljust(_LINE).encode())
            out.write(array.tobytes())
            out.flush()


if __name__ == "__main__":
    _main()
