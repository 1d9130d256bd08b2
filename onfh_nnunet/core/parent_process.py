"""End of a process together with the one that started it, by the system itself where it offers that."""

from __future__ import annotations

import contextlib
import signal
import sys

_PR_SET_PDEATHSIG = 1


def killed_with_parent() -> None:
    """Have this process killed when the thread that started it ends: Linux; elsewhere nothing.

    A thread that watches the parent is not enough: a library that loops or waits in C may keep Python's lock.
    """
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
