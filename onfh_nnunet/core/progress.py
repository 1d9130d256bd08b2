"""Progress of long work as a callback; the caller decides what to show."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the case, scan or file that was just finished, how many are finished, and how many there are."""


def silent(_case: str, _done: int, _total: int) -> None:
    """Show nothing; the default."""
