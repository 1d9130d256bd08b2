"""Numbers with a decimal comma that a table separated by commas has split: ``12,5`` reads as 12, and then 5.

A row with one cell too many is refused as such. But where the row lacks its last cell, as a program leaves out an
empty one, the number of cells is right, and only their places are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from onfh_nnunet.core.tables.cells import Record, Unknown, number

_WHOLE, _DECIMALS = re.compile(r"[+-]?[0-9]+"), re.compile(r"[0-9]+%?")
_OF_TEXT = re.compile(r"comment|note|remark|text|bemerk|kommentar|anmerk", re.IGNORECASE)
"""A column so named holds no numbers."""


def split_numbers(rows: Sequence[Record], names: Sequence[str], numbers: Mapping[int, str]) -> Iterator[str]:
    """What is wrong with each row whose cells may be shifted by a decimal comma.

    A row is suspected whose number is whole and followed by digits, and whose last cell is a number, though that column
    holds text, or another row leaves its last cell out.

    Args:
        rows: The rows of a table separated by commas.
        names: Of its columns.
        numbers: The names of those that hold numbers, by their places; the last column is none of them.
    """
    last = len(names) - 1
    if last < 0 or last in numbers:
        return
    ends = [_text(row, last) for row in rows]
    left_out, texts = (any(len(row.cells) <= last for row in rows), any(end and not _is_number(end) for end in ends))
    if not (_OF_TEXT.search(names[last]) or left_out or texts):
        return
    for row, end in zip(rows, ends, strict=True):
        for place, name in numbers.items() if _is_number(end) else ():
            whole, decimals = _text(row, place), _text(row, place + 1)
            if _WHOLE.fullmatch(whole) and _DECIMALS.fullmatch(decimals):
                meant = f"which may be {whole}.{decimals} with a decimal comma: write it with a point or in quotes"
                yield f"line {row.line}, {name}: got {whole} and then {decimals}, {meant}, and all cells of the row"


def _text(row: Record, place: int) -> str:
    cell = row.cells[place] if place < len(row.cells) else ""
    return "" if isinstance(cell, Unknown) else cell.strip()


def _is_number(text: str) -> bool:
    try:
        number(text.removesuffix("%"))
    except ValueError:
        return False
    return True
