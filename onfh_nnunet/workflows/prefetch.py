"""Prefetching pipeline: while one item is processed, the next is read and the last is written.

Threads are enough: decompression, arrays and networks run outside Python's lock. At any time one item is read, one
worked on and one written, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from onfh_nnunet.core.errors import DeviceError, ModelError, OnfhError, WorkspaceError
from onfh_nnunet.core.system_errors import is_of_memory

Item = TypeVar("Item")
Read = TypeVar("Read")
Made = TypeVar("Made")
Result = TypeVar("Result")

FATAL = (DeviceError, ModelError, WorkspaceError)
"""Not the fault of one item: every further one would meet them, too."""


def prefetch(
    items: Iterable[Item], read: Callable[[Item], Read], work: Callable[[Read], Made], write: Callable[[Made], Result]
) -> Generator[Result | OnfhError, None, None]:
    """Run each item through three steps; `work` runs in the caller's thread, which receives Ctrl-C.

    Returns:
        In the order of the items, the result of `write`, or the error that one of the steps raised; a lack of memory
        is one, too.

    Raises:
        OnfhError: A step raised one of `FATAL`; no further item is begun.
    """
    behind: Future[Result | OnfhError] | None = None
    with ThreadPoolExecutor(1, "reader") as reader, ThreadPoolExecutor(1, "writer") as writer:
        for coming in _ahead(reader, read, items):
            made = _then(work, coming.result())
            if behind is not None:
                yield behind.result()
            behind = writer.submit(_then, write, made)
        if behind is not None:
            yield behind.result()


def _ahead(
    reader: ThreadPoolExecutor, read: Callable[[Item], Read], items: Iterable[Item]
) -> Iterator[Future[Read | OnfhError]]:
    """The result of reading each item, once reading of the next one has begun."""
    current: Future[Read | OnfhError] | None = None
    for item in items:
        following = reader.submit(_then, read, item)
        if current is not None:
            yield current
        current = following
    if current is not None:
        yield current


def _then(step: Callable[[Item], Result], value: Item | OnfhError) -> Result | OnfhError:
    """The step's result or error; an error of an earlier step unchanged."""
    if isinstance(value, OnfhError):
        return value
    try:
        return step(value)
    except FATAL:
        raise
    except OnfhError as error:
        return error
    except (MemoryError, RuntimeError) as error:  # torch and ITK raise the latter
        if not is_of_memory(error):
            raise
        return OnfhError("this scan", "needs more memory than is free", "Crop it, or use a larger machine")
