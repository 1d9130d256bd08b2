"""The log of a command: lines appended to ``private/onfh.log`` in the folder that it writes into.

The library says what it does to `LOGGER`, which is silent unless a program adds a handler. The command line adds a
`FolderLog`. The log names scans by their paths and quotes messages, so it lies in ``private``, for its owner alone.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from onfh_nnunet.core.printable import printable
from onfh_nnunet.core.private_folder import append_private

LOG = Path("private", "onfh.log")
"""Where the log lies in a folder."""

LOGGER = logging.getLogger("onfh_nnunet")
LOGGER.addHandler(logging.NullHandler())


class FolderLog(logging.Handler):
    """Keeps its lines until a workflow says which folder is its own, and appends them there from then on.

    Attributes:
        problem: Why the log could not be written; none where it could.
    """

    def __init__(self) -> None:
        super().__init__()
        formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self.problem: OSError | None = None
        self._file: Path | None = None
        self._waiting: list[str] = []

    def open(self, folder: Path) -> None:
        """Append to the log of a folder."""
        with self.lock or contextlib.nullcontext():
            self._file = folder / LOG
            self._write()

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line, at once: nothing is lost when the process is killed."""
        self._waiting.append(printable(self.format(record)) + "\n")
        self._write()

    def _write(self) -> None:
        if self._file is None:
            return
        text, self._waiting = "".join(self._waiting), []
        try:
            append_private(self._file, text)
        except OSError as error:  # no reason to stop the work
            self.problem = self.problem or error


def log_into(folder: Path) -> None:
    """Called by a workflow once it holds the lock of the folder that it writes into."""
    for handler in LOGGER.handlers:
        if isinstance(handler, FolderLog):
            handler.open(folder)


@contextlib.contextmanager
def folder_log() -> Iterator[FolderLog]:
    """Log to the folder that a workflow of the block names."""
    handler, level = FolderLog(), LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        yield handler
    finally:
        LOGGER.setLevel(level)
        LOGGER.removeHandler(handler)
