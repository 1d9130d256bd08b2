"""Parallel map over items: in threads where most time is spent outside Python, else in processes.

A refusal of one item does not end the others: all refusals are raised together.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Protocol, TypeVar

from onfh_nnunet.core.cores import available_cores, thread_variables, threads_each
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.parent_process import killed_with_parent
from onfh_nnunet.core.progress import Progress, silent


class Named(Protocol):
    """An item of one hip."""

    @property
    def case_id(self) -> str:
        """The name that progress shows."""


Item = TypeVar("Item")
NamedItem = TypeVar("NamedItem", bound=Named)
Result = TypeVar("Result")


MAX_PROCESSES = 60
"""Windows waits for no more."""


def map_in_threads(
    function: Callable[[NamedItem], Result], items: Sequence[NamedItem], progress: Progress = silent
) -> list[Result]:
    """Apply a function to each item, in threads.

    Args:
        function: One that several threads can call at once.
        items: What it is applied to.
        progress: Called after each item.

    Returns:
        The results, in order.

    Raises:
        OnfhError: The function refused items; all of them are named.
    """
    outcomes = []
    # Threads: most of the time is spent in zlib and numpy, which let others run. A process would start for a second.
    threads = ThreadPoolExecutor(available_cores())
    try:
        for item, outcome in zip(items, threads.map(partial(attempt, function), items), strict=True):
            outcomes.append(outcome)
            progress(item.case_id, len(outcomes), len(items))
    finally:
        threads.shutdown(cancel_futures=True)
    return all_or_none(outcomes)


def all_or_none(outcomes: Iterable[Result | OnfhError]) -> list[Result]:
    """Return all results, or raise all errors as one.

    Raises:
        OnfhError: Something was; all refusals are named.
    """
    outcomes = list(outcomes)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, OnfhError)]
    if len(refusals) > 1:
        listed = "".join(f"\n  {error}" for error in refusals)
        raise OnfhError("hips", f"{len(refusals)} of {len(outcomes)} are refused:{listed}\n", "Correct them")
    if refusals:
        raise refusals[0]
    return [outcome for outcome in outcomes if not isinstance(outcome, OnfhError)]


def attempt(function: Callable[[Item], Result], item: Item) -> Result | OnfhError:
    """Return a result or the error, so that other items continue."""
    try:
        return function(item)
    except OnfhError as error:
        return error


def map_in_processes(function: Callable[[Item], Result], items: Sequence[Item], few: int) -> Iterator[Result]:
    """Apply a function to each item, in processes; results come in the order of the items.

    Args:
        function: A function of a module, or a partial of one: other processes find it by its name.
        items: What it is applied to.
        few: Up to so many items, starting further processes takes longer than the work.

    Raises:
        OnfhError: The function raised it, or a process was killed; no further item is begun.
    """
    side_by_side = min(available_cores(), MAX_PROCESSES, len(items))
    if side_by_side < 2 or len(items) <= few:
        yield from map(function, items)
        return
    # Started anew and not forked: a fork would copy the thread that draws the progress, in whatever state it is.
    fresh = multiprocessing.get_context("spawn")
    processes = ProcessPoolExecutor(
        side_by_side, mp_context=fresh, initializer=_begin_worker, initargs=(threads_each(side_by_side),)
    )
    started = processes._processes  # the pool forgets them when it is shut down
    try:
        with processes:
            yield from processes.map(function, items)
    except BrokenProcessPool as error:
        raise OnfhError(
            "a process", "was killed, perhaps because memory ran out", "Free memory, or process fewer items"
        ) from error
    finally:
        _end_all(started)


def _end_all(started: Mapping[int, BaseProcess]) -> None:
    """End what still runs of a pool that was shut down, after its last result or its first error.

    Where only some processes could be started, nobody sends them work or the word to end, and Python would wait for
    them at its own end.
    """
    for process in list(started.values()):
        process.kill()


def _begin_worker(threads: int) -> None:
    """Take a share of the cores, leave Ctrl-C to the parent, and end when the parent is killed.

    Numerical libraries are loaded after this, with the first item. Without the parent, a worker would wait forever.
    """
    os.environ.update(thread_variables(threads))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    killed_with_parent()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
