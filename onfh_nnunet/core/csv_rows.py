r"""Rows of frozen dataclasses as CSV: field order is column order, ``None`` and NaN are empty cells.

A text that a spreadsheet would take for a formula gets a leading apostrophe, and characters that do not show become
escapes such as ``\x1b``; `read_rows` undoes both.
"""

from __future__ import annotations

import csv
import io
import math
import re
import types
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints, overload

from onfh_nnunet.core.atomic_files import write_text
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import read_text

Row = TypeVar("Row")
Fewer = TypeVar("Fewer")

NO_COLUMN = {"column": False}
"""Metadata of a field that has no column."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""How a text begins that is written with one apostrophe more, so that each text has a form of its own."""

_CODE = r"(x(?:0[0-8b-f]|1[0-9a-f]|7f|[89][0-9a-f])|ud[89a-f][0-9a-f]{2})"
_HIDDEN = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
"""Control characters but tab and line feed, which CSV can hold; and halves of characters, which UTF-8 cannot."""

_TO_ESCAPE = re.compile(rf"(\\*)(?:({_HIDDEN})|(?<=\\)(?={_CODE}))")
_ESCAPED = re.compile(rf"(\\+){_CODE}")
"""An odd number of backslashes before a code makes it a character; each pair of them is one."""


def columns(row_type: type) -> list[str]:
    """The column names of a row type."""
    return [field.name for field in fields(row_type) if field.metadata != NO_COLUMN]


def harmless(text: str) -> str:
    """Escape a cell that a spreadsheet would run as a formula; `literal` is the inverse."""
    return f"'{text}" if _FORMULA.match(text) else text


def literal(cell: str) -> str:
    """The original text of a cell that `harmless` escaped."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write_rows(path: Path, row_type: type[Row], rows: Iterable[Row]) -> None:
    """Write rows atomically, with a header even when there are none; floats keep nine significant digits."""
    write_text(path, rows_text(row_type, rows))


def rows_text(row_type: type, rows: Iterable[object]) -> str:
    """The text that `write_rows` writes; a row of a type that lacks a column has an empty cell there."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = columns(row_type)
    writer.writerow(names)
    writer.writerows(_cells(row, names) for row in rows)
    return text.getvalue()


def _cells(row: object, names: list[str]) -> list[str]:
    own = columns(type(row))
    return [_cell(getattr(row, name)) if name in own else "" for name in names]


@overload
def read_rows(path: Path, row_type: type[Row]) -> list[Row]: ...


@overload
def read_rows(path: Path, row_type: type[Row], fewer: type[Fewer]) -> list[Row | Fewer]: ...


def read_rows(path: Path, row_type: type[Any], fewer: type[Any] | None = None) -> list[Any]:
    """Read the rows that `write_rows` wrote; additional columns are ignored.

    Args:
        path: The table.
        row_type: Of its rows.
        fewer: The type of rows whose cells are empty in all the columns that this type lacks.

    Raises:
        ReadError: The file is missing, lacks a column, or holds a value of another type.
    """
    try:
        reader = csv.DictReader(read_text(path).splitlines(keepends=True))
        missing = set(columns(row_type)) - set(reader.fieldnames or ())
        if missing:
            raise ReadError(path, f"lacks the columns {', '.join(sorted(missing))}", "Make the table again")
        require_once(path, reader.fieldnames or ())
        types = get_type_hints(row_type)
        rows = enumerate(reader, start=2)
        return [_row(path, _kind(row_type, fewer, cells), types, number, cells) for number, cells in rows]
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror or error})", "Check that it may be read") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReadError(path, "is damaged, or not a table in UTF-8", "Make the table again") from error


def row_of(path: Path, row_type: type[Row], fewer: type[Fewer], line: int, cells: Mapping[str, str]) -> Row | Fewer:
    """The row of a table that a person saved again: its numbers may have decimal commas; see `read_rows`.

    Raises:
        ReadError: A cell is missing, or holds a value of another type.
    """
    types = get_type_hints(row_type)
    plain = {name: cell if _is_text(types[name]) else cell.replace(",", ".") for name, cell in cells.items()}
    kind: type[Any] = _kind(row_type, fewer, plain)
    read: Row | Fewer = _row(path, kind, types, line, plain)
    return read


def _kind(row_type: type[Any], fewer: type[Any] | None, cells: Mapping[str, str]) -> type[Any]:
    """Of which type a row is."""
    more = set(columns(row_type)) - set(columns(fewer)) if fewer else set()
    return fewer if fewer and not any(cells[name] for name in more) else row_type


def _is_text(kind: Any) -> bool:
    return any(isinstance(one, type) and issubclass(one, str) for one in (kind, *get_args(kind)))


def require_once(path: Path, names: Iterable[str]) -> None:
    """Refuse a table with a repeated column: it is not clear which of the two counts.

    Raises:
        ReadError: A column stands twice.
    """
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ReadError(path, f"has the column {twice[0]!r} twice", "Keep one of them")


def _row(path: Path, row_type: type[Row], types: dict[str, Any], number: int, cells: Mapping[str, str]) -> Row:
    values = {name: _read_cell(path, number, name, types[name], cells.get(name)) for name in columns(row_type)}
    try:
        return row_type(**values)
    except (TypeError, ValueError) as error:
        problem = "holds values that do not fit each other"
        raise ReadError(f"{path}, line {number}", problem, "Make the table again") from error


def _read_cell(path: Path, number: int, name: str, kind: Any, text: str | None) -> object:
    try:
        return _value(kind, text)
    except (TypeError, ValueError, KeyError) as error:
        got = "no cell" if text is None else repr(text)
        problem = f"has an unusable value of {name}: got {got}, expected {_expected(kind)}"
        raise ReadError(f"{path}, line {number}", problem, "Make the table again") from error


def _expected(kind: Any) -> str:
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, Enum):
            return f"one of {', '.join(str(value.value) for value in one)}"
    return {bool: "true or false", int: "a whole number", str: "a text"}.get(kind, "a number")


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.9g}" if isinstance(value, float) else _written(value) if isinstance(value, str) else str(value)


def _written(text: str) -> str:
    return _TO_ESCAPE.sub(lambda found: 2 * found[1] + _escaped(found[2] or ""), harmless(str(text)))


def _read(cell: str) -> str:
    return literal(_ESCAPED.sub(lambda found: _unescaped(len(found[1]), found[2]), cell))


def _escaped(character: str) -> str:
    return "".join(f"\\x{ord(one):02x}" if ord(one) < 0x100 else f"\\u{ord(one):04x}" for one in character)


def _unescaped(backslashes: int, code: str) -> str:
    return "\\" * (backslashes // 2) + (chr(int(code[1:], 16)) if backslashes % 2 else code)


def _value(kind: Any, text: str | None) -> object:
    if get_origin(kind) in (Union, types.UnionType):
        if text in (None, ""):
            return None
        kind = next(option for option in get_args(kind) if option is not types.NoneType)
    if text is None:
        raise ValueError("a cell is missing")
    if kind is bool:
        return {"true": True, "false": False}[text]
    return kind(_read(text)) if issubclass(kind, str) else kind(text)
