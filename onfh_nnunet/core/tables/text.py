"""Tables as text: UTF-8 or UTF-16, separated by commas, semicolons, tabs or bars, with any line ends.

The standard library's reader knows the line of each row and its number of cells; pandas pads short rows in silence.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.tables.cells import Record, Unknown, quoted

SEPARATORS = ",;\t|"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(r'"?sep=([,;\t|])"?[ \t,;|]*(\r\n|\r|\n|$)', re.IGNORECASE)
"""The first line by which a table tells Excel its separator."""

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")
_NOT_UTF8 = re.compile(r"[\udc80-\udcff]")
_AS_TEXT = re.compile(r'="([^"]*)"')
"""A cell that a program wrote as a formula, so that Excel keeps the zeros of an id: ``="007"``."""

_SAVE = "Save the table as 'CSV UTF-8'"


def text_records(
    path: Path, content: bytes, score: Callable[[Record], int], error: type[OnfhError]
) -> tuple[list[Record], str]:
    """The rows of a table, without blank ones, and its separator.

    Args:
        path: For messages.
        content: Of the file.
        score: How many of the columns that are wanted a header has: it tells the separator.
        error: What is raised.

    Raises:
        OnfhError: It is no text, or a quote is left open.
    """
    text = _decoded(path, content, error).replace("\ufeff", "")  # also within the text of files that were joined
    if _BINARY.search(text.lstrip().split("\n", 1)[0]):
        raise error(path, "is a binary file, expected a table", "Give a CSV or .xlsx file")
    if declared := _DECLARED.match(text):
        return _records(path, text[declared.end() :], declared[1], 1, error), declared[1]
    headers = {separator: _header(text, separator) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda one: (score(headers[one]), len(headers[one].cells)))
    return _records(path, text, separator, 0, error), separator


def _header(text: str, separator: str) -> Record:
    try:
        rows = map(tuple, csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True))
        return next((row for cells in rows if not (row := Record(1, cells)).is_blank), Record(1, ()))
    except csv.Error:
        return Record(1, ())


def _decoded(path: Path, content: bytes, error: type[OnfhError]) -> str:
    """Its text; bytes that are not UTF-8 become halves of characters, which `_cell` tells from text.

    Which letters they were nobody knows: Latin-1, Windows-1250 and Mac OS read other names from the same bytes.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if content.startswith(mark)), (b"", "utf-8"))
    if not mark and content[1:4:2] == b"\0\0":
        encoding = "utf-16-le"
    elif not mark and content[0:3:2] == b"\0\0":
        encoding = "utf-16-be"
    try:
        return content[len(mark) :].decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as problem:
        raise error(path, f"is damaged text in {encoding} (at byte {problem.start})", _SAVE) from problem


def _records(path: Path, text: str, separator: str, lines_before: int, error: type[OnfhError]) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    records, line = [], lines_before + 1
    try:
        for cells in reader:
            records.append(Record(line, tuple(map(_cell, cells))))
            line = lines_before + reader.line_num + 1
    except csv.Error as problem:
        got = "a quote is left open, or text follows the end of one, or a cell is far too long"
        raise error(path, f"is no table at line {line}: {got}", "Look for a quote there") from problem
    return [record for record in records if not record.is_blank]


def _cell(text: str) -> str | Unknown:
    if not _NOT_UTF8.search(text):
        as_text = _AS_TEXT.fullmatch(text.strip())
        return as_text[1] if as_text else text
    return Unknown(f"got {quoted(text)}, whose letters are not UTF-8 and may be read in several ways; {_SAVE.lower()}")
