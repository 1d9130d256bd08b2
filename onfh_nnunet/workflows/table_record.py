"""Which tables in OUT are as `onfh predict` wrote them: their hashes, recorded before they take their places."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from onfh_nnunet.core.folder_record import RECORDS
from onfh_nnunet.core.provenance import Provenance


def recorded_tables(folder: Path) -> dict[str, list[str]]:
    """The hashes of each table in OUT, by its name: of the last one, and of the one that it replaced.

    None where there is no record that can be read.
    """
    record = Provenance.read(_record(folder)) or Provenance({})
    return {name: [one] if isinstance(one, str) else one for name, one in record.facts.items()}


def record_tables(folder: Path, texts: Mapping[Path, str]) -> None:
    """Record the tables that are about to be written.

    The hash of the table that lies there until then stays as well: a process that is killed in between leaves one that
    is known.
    """
    before = recorded_tables(folder)
    hashes: dict[str, list[str]] = {}
    for table, text in texts.items():
        name, new = name_in(folder, table), hashlib.sha256(text.encode()).hexdigest()
        known = before.get(name, [])
        hashes[name] = known if new in known[:1] else [new, *known[:1]]
    if hashes != before:
        Provenance(hashes).write(_record(folder))


def name_in(folder: Path, table: Path) -> str:
    """What the record calls a table."""
    return table.relative_to(folder).as_posix()


def _record(folder: Path) -> Path:
    return folder / RECORDS / "tables.json"
