"""Text of unknown origin (file names, DICOM headers, model cards), made safe to print."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but the line feed, line separators, bidirectional overrides, and halves of characters."""


def printable(text: object) -> str:
    r"""Replace control characters by escapes such as ``\x1b``, so that a terminal does not obey them.

    Bidirectional overrides reorder what is read, and halves of characters (in names that are not UTF-8) cannot be
    encoded: they are escaped, too. Line feeds stay, for messages of several lines.
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


def on_one_line(text: object) -> str:
    """As `printable`, with line feeds escaped as well, for names."""
    return printable(text).replace("\n", "\\n")


def plural(n: int, noun: str) -> str:
    """A number with its noun: ``1 scan``, ``2 scans``; for nouns that take an s."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
