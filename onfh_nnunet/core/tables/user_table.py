"""One reader of all tables that people write: which column is which, and what each row says of it."""

from __future__ import annotations

import difflib
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onfh_nnunet.core.csv_rows import literal
from onfh_nnunet.core.errors import OnfhError, OnfhWarning, ReadError
from onfh_nnunet.core.printable import on_one_line
from onfh_nnunet.core.tables.cells import Record, Unknown, quoted
from onfh_nnunet.core.tables.split_numbers import split_numbers
from onfh_nnunet.core.tables.text import text_records
from onfh_nnunet.core.tables.workbook import OLD_EXCEL, ZIP, workbook_records
from onfh_nnunet.core.user_files import read_content

_REMEDY = "Correct the table and run again"

MOST_COLUMNS = 10_000
"""A table of image features has some thousands."""

_MOST_LISTED = 100
"""Problems, or columns, of a table that a message names."""


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Args:
        line: Where it begins, from 1.
        cells: Text by column, without spaces around it; empty where the table lacks the column or the row the cell.
        further: The same of the columns that nobody asked for; empty where a cell's text is not sure.
    """

    line: int
    cells: dict[str, str]
    further: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UserTable:
    """A table that a person wrote.

    Args:
        path: The file.
        columns: The columns that were asked for and are there.
        rows: Its rows, without blank ones.
        error: What `require` raises.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    error: type[OnfhError] = ReadError

    def require(self, problems: Iterable[str], remedy: str = _REMEDY) -> None:
        """Refuse the table for its problems at once, a line for each of the first hundred; do nothing without any.

        Raises:
            OnfhError: There are some.
        """
        found = list(itertools.islice(problems, _MOST_LISTED + 1))
        more = ["and so on"] if len(found) > _MOST_LISTED else []
        if listed := "".join(f"\n  {problem}" for problem in [*found[:_MOST_LISTED], *more]):
            raise self.error(self.path, f"has cells that cannot be used:{listed}\n", remedy)


def read_table(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
    error: type[OnfhError] = ReadError,
    numbers: Sequence[str] = (),
) -> UserTable:
    """Read a table in text or Excel.

    Case, spaces, hyphens and underscores in the header do not matter. Further columns are kept apart, with an
    `OnfhWarning` for one that looks like a misspelt optional one. An apostrophe before what a spreadsheet takes for a
    formula, as `csv_rows` writes it, is no part of a cell.

    Args:
        path: The file; what it is shows its content and not its name.
        required: Columns that it must have.
        optional: Columns that it may have.
        error: What is raised.
        numbers: Those of the columns that hold numbers.

    Returns:
        The table, perhaps without rows.

    Raises:
        OnfhError: It cannot be read, lacks a column, has one twice or more than `MOST_COLUMNS`, several of its sheets
            may be meant, or rows have too many cells, a decimal comma that splits a number, or cells whose text nobody
            can be sure of: they are listed.
    """
    try:
        content = read_content(path)
    except OSError as absent:
        problem = f"cannot be read as a table ({absent.strerror or absent})"
        raise error(path, problem, "Check the path of the table") from absent
    wanted = {_key(name): name for name in (*required, *optional)}
    records, separator = _records(path, content, wanted, error)
    header, *rows = records or [Record(1, ())]
    names = [_shown(cell) for cell in header.cells]
    if len(names) > MOST_COLUMNS:
        problem = f"has {len(names)} columns, expected at most {MOST_COLUMNS}"
        raise error(path, problem, f"Keep those that are needed: {', '.join((*required, *optional))}")
    _require_columns(path, names, required, error)
    places = _places(path, names, wanted, error)
    further = _further(names, places.values())
    read = tuple(TableRow(row.line, _cells(row, places, wanted.values()), _cells(row, further)) for row in rows)
    table = UserTable(path, tuple(places), read, error)
    table.require(problem for row in rows for problem in _problems(row, places, len(names)))
    if separator == ",":
        table.require(split_numbers(rows, names, {places[name]: name for name in numbers if name in places}))
    _warn_of_misspelt(path, names, places, optional)
    return table


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.casefold())


_INVISIBLE = re.compile("[\u200b\u200e\u200f\u2060\ufeff]")
"""Marks without width that programs leave in text that was copied."""


def _shown(cell: str | Unknown) -> str:
    return "" if isinstance(cell, Unknown) else _INVISIBLE.sub("", cell).strip()


def _records(path: Path, content: bytes, wanted: dict[str, str], error: type[OnfhError]) -> tuple[list[Record], str]:
    """The rows of the text, or of the sheet whose header has the most columns that are wanted; the text's separator."""

    def score(header: Record) -> int:
        return len(wanted.keys() & {_key(_shown(cell)) for cell in header.cells})

    if not content.startswith((ZIP, OLD_EXCEL)):
        return text_records(path, content, score, error)
    sheets = sorted(workbook_records(path, content, error), key=lambda rows: score(rows[0]), reverse=True)
    if len(sheets) > 1 and score(sheets[0][0]) == score(sheets[1][0]) > 0:
        raise error(path, "has two sheets with these columns, and either may be meant", "Keep one of them")
    return (sheets[0] if sheets else []), ""


_SIMILAR = 0.7
"""How alike a header's column must be to one that is missing: ``patient`` and ``patient_id`` are 0.88, ``side`` and
``case_id`` 0.6."""


_MISSPELT = 0.8
"""The same for an optional column, of which nothing is missing: ``seires`` and ``series`` are 0.83, ``size`` and
``side`` 0.75."""


def _require_columns(path: Path, names: list[str], required: Sequence[str], error: type[OnfhError]) -> None:
    keys = {_key(name): name for name in names if name}
    missing = [name for name in required if _key(name) not in keys]
    if not missing:
        return
    spare = [key for key in keys if key not in map(_key, required)]
    similar = {
        name: difflib.get_close_matches(_key(name), _in_its_unit(name, spare), n=1, cutoff=_SIMILAR) for name in missing
    }
    renames = [f"rename {quoted(keys[found[0]])} to {name}" for name, found in similar.items() if found]
    has = ", ".join(quoted(name)[1:-1] for name in names[:_MOST_LISTED] if name) or "of an empty file"
    has += ", ..." if len(names) > _MOST_LISTED else ""
    remedy = " and ".join(renames) or f"Give the table a header with {', '.join(required)}"
    raise error(path, f"has the columns {has}, expected also {', '.join(missing)}", remedy[0].upper() + remedy[1:])


def _in_its_unit(name: str, keys: list[str]) -> list[str]:
    """The columns that may be meant: none of centimetres in the place of millimetres."""
    return [key for key in keys if not name.endswith("_mm") or key.endswith("mm")]


def _warn_of_misspelt(path: Path, names: list[str], places: Iterable[str], optional: Sequence[str]) -> None:
    absent = {_key(name): name for name in optional if name not in places}
    for name in names:
        if similar := difflib.get_close_matches(_key(name), absent, n=1, cutoff=_MISSPELT):
            said = f"the column {quoted(name)} is not read; rename it to {absent[similar[0]]} if that is meant"
            warnings.warn(f"{on_one_line(path)}: {said}", OnfhWarning, stacklevel=4)


def _places(path: Path, names: list[str], wanted: dict[str, str], error: type[OnfhError]) -> dict[str, int]:
    """Where each wanted column stands."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        column = wanted.get(_key(name))
        if column in places:
            problem = f"has the column {column} twice: {quoted(names[places[column]])} and {quoted(name)}"
            raise error(path, problem, "Keep one of them")
        if column:
            places[column] = place
    return places


def _further(names: list[str], taken: Iterable[int]) -> dict[str, int]:
    """Where each column stands that has a name of its own and was not asked for."""
    counts, known = Counter(names), set(taken)
    return {name: place for place, name in enumerate(names) if name and place not in known and counts[name] == 1}


def _cells(row: Record, places: dict[str, int], columns: Iterable[str] = ()) -> dict[str, str]:
    cells = {column: _shown(row.cells[place]) for column, place in places.items() if place < len(row.cells)}
    return dict.fromkeys((*columns, *places), "") | {column: literal(cell) for column, cell in cells.items()}


def _problems(row: Record, places: dict[str, int], n_columns: int) -> Iterable[str]:
    if len(row.cells) > n_columns:
        got, more = f"got {len(row.cells)}, expected {n_columns}", row.cells[n_columns:]
        ends = any(isinstance(cell, Unknown) or cell.strip() for cell in more)
        else_ = "" if ends else ", or leave out the separators at its end"
        yield f"line {row.line}, cells: {got}; quote a cell that holds the separator or a decimal comma{else_}"
    for column, place in places.items():
        cell = row.cells[place] if place < len(row.cells) else ""
        if isinstance(cell, Unknown):
            yield f"line {row.line}, {column}: {cell.reason}"
