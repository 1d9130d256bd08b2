"""Progress of long work as a callback; the caller decides what to show."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the case, scan or file that was just finished, how many are finished, and how many there are."""


def silent(_case: str, _done: int, _total: int) -> None:
    """Show nothing: the default."""


def now_and_then(
    work: Callable[[], None], every_s: float = 3.0, clock: Callable[[], float] = time.monotonic
) -> Callable[[], None]:
    """A function that does some work whenever it is called, but not too often.

    It works at once, then at most every few seconds, and for at most a twentieth of the time: saving what grows
    with each of many calls costs little in all.

    Args:
        work: What it does.
        every_s: Seconds from one time to the next, at least.
        clock: What tells seconds.
    """
    due = clock()

    def maybe() -> None:
        nonlocal due
        if (start := clock()) >= due:
            work()
            due = (end := clock()) + max(every_s, 20 * (end - start))

    return maybe
