"""The same for each of many hips: on all cores, with progress, and every refusal told at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from onfh_nnunet.core.errors import OnfhError


class Named(Protocol):
    """Something of one hip."""

    @property
    def case_id(self) -> str:
        """What progress calls it."""


Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")


def for_each(
    function: Callable[[Item], Result], items: Sequence[Item], step: Callable[[str, int, int], None]
) -> list[Result]:
    """Apply a function to each item.

    Args:
        function: One that several threads can call at once.
        items: What it is applied to.
        step: Told ``(case, done, total)``.

    Returns:
        The results, in order.

    Raises:
        OnfhError: The function refused items; all of them are named.
    """
    outcomes = []
    # Threads: most of the time is spent in zlib and numpy, which let others run. A process would start for a second.
    threads = ThreadPoolExecutor(os.cpu_count())
    try:
        for item, outcome in zip(items, threads.map(partial(attempt, function), items), strict=True):
            outcomes.append(outcome)
            step(item.case_id, len(outcomes), len(items))
    finally:
        threads.shutdown(cancel_futures=True)
    return all_or_none(outcomes)


def all_or_none(outcomes: Iterable[Result | OnfhError]) -> list[Result]:
    """The results, where nothing was refused.

    Raises:
        OnfhError: Something was; all refusals are named.
    """
    outcomes = list(outcomes)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, OnfhError)]
    if len(refusals) > 1:
        listed = "".join(f"\n  {error}" for error in refusals)
        raise OnfhError(f"{len(refusals)} of {len(outcomes)} hips", f"are refused:{listed}\n", "Correct them")
    if refusals:
        raise refusals[0]
    return [outcome for outcome in outcomes if not isinstance(outcome, OnfhError)]


def attempt(function: Callable[[Item], Result], item: Item) -> Result | OnfhError:
    """A result, or why there is none, so that the others go on."""
    try:
        return function(item)
    except OnfhError as error:
        return error
