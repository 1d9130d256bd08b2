"""One function on many items, on all cores."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from onfh_nnunet.core.errors import OnfhError

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_PROCESSES = 60
"""Windows waits for no more."""


def on_all_cores(function: Callable[[Item], Result], items: Sequence[Item], few: int) -> Iterator[Result]:
    """The results of a function, in the order of the items.

    Args:
        function: A function of a module, or a partial of one: other processes find it by its name.
        items: What it is applied to.
        few: Up to so many items, starting further processes takes longer than the work.

    Raises:
        OnfhError: The function raised it, or a process was killed; no further item is begun.
    """
    cores = min(os.cpu_count() or 1, MAX_PROCESSES, len(items))
    if cores < 2 or len(items) <= few:
        yield from map(function, items)
        return
    # Started anew and not forked: a fork would copy the thread that draws the progress, in whatever state it is.
    fresh = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(cores, mp_context=fresh, initializer=_end_with_parent) as processes:
            yield from processes.map(function, items)
    except BrokenProcessPool as error:
        raise OnfhError("a process", "was killed, perhaps for want of memory", "Give it more, or less to do") from error


def _end_with_parent() -> None:
    """A worker leaves Ctrl-C to its parent, and ends when that is killed: it would wait for work for good."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
