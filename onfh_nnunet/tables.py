"""Rows of frozen dataclasses as CSV: field order is column order, ``None`` and NaN are empty cells."""

from __future__ import annotations

import csv
import io
import math
import types
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from onfh_nnunet.errors import ReadError
from onfh_nnunet.files import write_text

Row = TypeVar("Row")


def columns(row_type: type) -> list[str]:
    """The column names of a row type."""
    return [field.name for field in fields(row_type)]


def write_rows(path: Path, row_type: type[Row], rows: Iterable[Row]) -> None:
    """Write rows whole, with a header even when there are none; floats keep nine significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = columns(row_type)
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
    write_text(path, text.getvalue())


def read_rows(path: Path, row_type: type[Row]) -> list[Row]:
    """Read what `write_rows` wrote; further columns are ignored.

    Raises:
        ReadError: The file is missing, lacks a column, or holds a value of another type.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = set(columns(row_type)) - set(reader.fieldnames or ())
            if missing:
                raise ReadError(path, f"lacks the columns {sorted(missing)}", "Make the table again")
            types = get_type_hints(row_type)
            return [_row(path, row_type, types, number, cells) for number, cells in enumerate(reader, start=2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(path, f"cannot be read as a table ({error})", "Make the table again") from error


def _row(path: Path, row_type: type[Row], types: dict[str, Any], number: int, cells: dict[str, str]) -> Row:
    try:
        return row_type(**{name: _value(types[name], cells[name]) for name in columns(row_type)})
    except (TypeError, ValueError, KeyError) as error:
        raise ReadError(
            f"{path}, line {number}", f"holds an unusable value ({error})", "Make the table again"
        ) from error


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _value(kind: Any, text: str | None) -> object:
    if get_origin(kind) in (Union, types.UnionType):
        if text in (None, ""):
            return None
        kind = next(option for option in get_args(kind) if option is not types.NoneType)
    if text is None:
        raise ValueError("a cell is missing")
    if kind is bool:
        return {"true": True, "false": False}[text]
    return kind(text)
