"""The studies that `onfh watch` has seen, on disk: each is worked on once, whatever is killed in between.

A study that is being worked on is marked before the work begins. If that mark is found again, the work ended with its
process, and it counts as an attempt: after two a study is set aside.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from onfh_nnunet.core.errors import WorkspaceError

MOST_ATTEMPTS = 2
"""How often the work on a study may end with its process."""


class State(StrEnum):
    """Where a study stands; the last four are for good."""

    ARRIVING = "arriving"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PASSED_OVER = "passed over"
    FAILED = "failed"
    SET_ASIDE = "set aside"


@dataclass(frozen=True)
class Arrival:
    """A study of a folder that is not complete for certain.

    Args:
        study: Its name.
        content: What it looks like; it is complete once this stays the same.
        since: When it was first seen so, in seconds since 1970.
    """

    study: str
    content: str
    since: float


class StudyQueue:
    """A queue of studies in a file of SQLite; every method is one transaction, written to disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._database = connection

    @classmethod
    @contextlib.contextmanager
    def open(cls, file: Path) -> Iterator[StudyQueue]:
        """Open or make the queue; its owner alone may read it, for it names studies.

        Raises:
            WorkspaceError: It cannot be read or written, or is no queue.
        """
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise _unusable(file, error.strerror) from error
        try:
            with contextlib.closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLES)
                yield cls(connection)
        except sqlite3.Error as error:
            raise _unusable(file, error) from error

    @property
    def seen(self) -> int | None:
        """The number of the last change of the server that was looked at; None at the first start."""
        row = self._database.execute("SELECT number FROM seen").fetchone()
        return None if row is None else int(row[0])

    def add(self, studies: Iterable[str], seen: int) -> None:
        """Queue the studies that are new, and remember how far the server was looked at: both or neither."""
        with self._database as database:
            database.executemany("INSERT OR IGNORE INTO studies (study) VALUES (?)", [(one,) for one in studies])
            database.execute("DELETE FROM seen")
            database.execute("INSERT INTO seen VALUES (?)", (seen,))

    def arriving(self) -> dict[str, Arrival]:
        """The studies of the folder that are not complete yet, by name."""
        rows = self._database.execute("SELECT study, content, since FROM studies WHERE state = ?", (State.ARRIVING,))
        return {row[0]: Arrival(*row) for row in rows}

    def note(self, arrival: Arrival) -> None:
        """Remember what a study of the folder looks like; one that is past that stays as it is."""
        with self._database as database:
            database.execute(
                "INSERT INTO studies (study, state, content, since) VALUES (?, ?, ?, ?) ON CONFLICT (study) DO UPDATE "
                "SET content = excluded.content, since = excluded.since WHERE state = excluded.state",
                (arrival.study, State.ARRIVING, arrival.content, arrival.since),
            )

    def complete(self, study: str) -> None:
        """A study of the folder is complete: it waits from now on."""
        self._move(study, State.ARRIVING, State.WAITING)

    def recover(self) -> list[tuple[str, State]]:
        """Look after studies whose work ended with its process; each with the state it has now."""
        left = [row[0] for row in self._database.execute("SELECT study FROM studies WHERE state = ?", (State.RUNNING,))]
        return [(study, self.died(study, "the program was killed")) for study in left]

    def begin(self) -> str | None:
        """Mark the study that waits longest as being worked on; None where none waits."""
        query = "SELECT study FROM studies WHERE state = ? ORDER BY number LIMIT 1"
        row = self._database.execute(query, (State.WAITING,)).fetchone()
        if row is None:
            return None
        with self._database as database:
            query = "UPDATE studies SET state = ?, attempts = attempts + 1 WHERE study = ?"
            database.execute(query, (State.RUNNING, row[0]))
        return str(row[0])

    def end(self, study: str, state: State, reason: str = "") -> None:
        """The work on a study came to an end."""
        self._move(study, State.RUNNING, state, reason)

    def put_back(self, study: str) -> None:
        """The work on a study was stopped through no fault of its own: it waits again, and that was no attempt."""
        with self._database as database:
            query = "UPDATE studies SET state = ?, attempts = attempts - 1 WHERE study = ? AND state = ?"
            database.execute(query, (State.WAITING, study, State.RUNNING))

    def died(self, study: str, reason: str) -> State:
        """The work on a study ended with its process: it waits again, or is set aside; which of them."""
        row = self._database.execute("SELECT attempts FROM studies WHERE study = ?", (study,)).fetchone()
        state = State.SET_ASIDE if row[0] >= MOST_ATTEMPTS else State.WAITING
        self._move(study, State.RUNNING, state, f"its work ended {row[0]} times without a result, at last: {reason}")
        return state

    def states(self) -> dict[str, tuple[State, str]]:
        """Each study with its state, and the reason of it."""
        rows = self._database.execute("SELECT study, state, reason FROM studies ORDER BY number")
        return {study: (State(state), reason) for study, state, reason in rows}

    def _move(self, study: str, before: State, after: State, reason: str = "") -> None:
        with self._database as database:
            query = "UPDATE studies SET state = ?, reason = ? WHERE study = ? AND state = ?"
            database.execute(query, (after, reason, study, before))


def _unusable(file: Path, reason: object) -> WorkspaceError:
    problem = f"cannot be used as a queue ({reason})"
    return WorkspaceError(file, problem, "Check that it may be written and the disk has room")


_TABLES = f"""
CREATE TABLE IF NOT EXISTS studies (
    number INTEGER PRIMARY KEY,
    study TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT '{State.WAITING}',
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL DEFAULT '',
    since REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS seen (number INTEGER NOT NULL);
"""
