"""The end of a process: together with the one that started it, or with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_PR_SET_PDEATHSIG = 1


def killed_with_parent() -> None:
    """Have this process killed when the thread that started it ends: Linux; elsewhere nothing.

    A thread that watches the parent is not enough: a library that loops or waits in C may keep Python's lock.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def end_with_children(child: subprocess.Popen[str]) -> None:
    """End a process that has a process group of its own (`start_new_session`), and all processes that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
