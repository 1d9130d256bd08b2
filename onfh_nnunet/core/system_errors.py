"""What the operating system refuses, as a message for people: no room, no right, no memory, no further process.

Libraries say so in many ways: Python's own exceptions, a `RuntimeError` of torch or ITK, an `ImportError` of a library
that could not be mapped.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from onfh_nnunet.core.errors import OnfhError

_DISK = {
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENAMETOOLONG),
}
_MEMORY = {errno.ENOMEM, errno.EAGAIN}
"""EAGAIN: no further process or thread may be started."""

_MEMORY_WORDS = (
    *("cannot allocate memory", "can't allocate memory", "failed to allocate memory", "failed to map segment"),
    *("can't start new thread", "bad_alloc", "bad allocation", "not enough memory", "out of memory"),
)

LEAST_ADDRESS_SPACE = 600_000_000
"""With less, numpy's and scipy's OpenBLAS do not start: one gives up, the other tries for ever. `convert` of small
scans needs 0.5 to 0.8 GB."""


def require_address_space() -> None:
    """Refuse to begin under a limit such as `ulimit -v` that libraries cannot start with.

    Raises:
        OnfhError: The limit is lower.
    """
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
            problem = (
                f"is limited to {limit / 1e9:.2f} GB a process, expected at least {LEAST_ADDRESS_SPACE / 1e9:g} GB"
            )
            raise OnfhError("memory", problem, "Raise the limit: ulimit -v unlimited")


def system_refusal(error: BaseException) -> OnfhError | None:
    """The message for an error of the operating system; None for any other error, which is a bug of a program.

    What is raised while a lack of memory is handled is a result of it.
    """
    if any(map(is_of_memory, _with_reasons(error))):
        return OnfhError("memory", "is used up, or more is not allowed", "Free some, or use a larger machine")
    if isinstance(error, OSError) and error.errno in _DISK:
        remedy = "Check its name, and that the disk works, has room and may be written"
        return OnfhError(error.filename or "a file", str(error.strerror), remedy)
    return None


def _with_reasons(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it was raised from or after."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_of_memory(error: BaseException) -> bool:
    """Whether memory, or a further thread or process, was refused."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno in _MEMORY:
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError | ImportError) and any(words in said for words in _MEMORY_WORDS)
