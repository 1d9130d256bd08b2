"""The cells of a table that a person wrote: each is a text, or is known to be unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onfh_nnunet.core.printable import on_one_line

_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]{1,3})?")
_TWO_WAYS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
"""A decimal comma, or a comma between thousands."""

_LONGEST_QUOTED = 80


@dataclass(frozen=True)
class Unknown:
    """A cell whose text nobody can be sure of, and why; an error only where the cell is needed."""

    reason: str


@dataclass(frozen=True)
class Record:
    """A row as it stands in the file.

    Args:
        line: Where it begins, from 1.
        cells: Its cells, as many as it has.
    """

    line: int
    cells: tuple[str | Unknown, ...]

    @property
    def is_blank(self) -> bool:
        """Whether all its cells are empty."""
        return not any(isinstance(cell, Unknown) or cell.strip() for cell in self.cells)


def number(text: str) -> float:
    """A number with a decimal point or a decimal comma.

    Raises:
        ValueError: It is none, or may be two; the message says so after the cell's text.
    """
    if _TWO_WAYS.fullmatch(text):
        point, whole = text.replace(",", "."), text.replace(",", "")
        raise ValueError(f"which may be {point} or {whole}: write {point} or {whole}")
    if not _NUMBER.fullmatch(text):
        raise ValueError("which is no number")
    return float(text.replace(",", "."))


_SIDES = {
    **dict.fromkeys(("l", "lt", "left", "links"), "L"),
    **dict.fromkeys(("r", "rt", "right", "rechts"), "R"),
    **dict.fromkeys(("b", "both", "bilateral", "beide"), "B"),
}


def spelled_side(text: str) -> str:
    """L, R or B for a side in a usual spelling; any other text as it is."""
    return _SIDES.get(text.casefold(), text)


def quoted(text: str) -> str:
    """A cell for a message: in quotes, on one line, and shortened."""
    shown = text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}..."
    return repr(on_one_line(shown)) if shown.isprintable() else repr(shown)
