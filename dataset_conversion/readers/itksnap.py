"""Label description files: what the values of a label map mean.

A line is that of ITK-SNAP, ``IDX -R- -G- -B- -A-- VIS MSH LABEL`` with the label in double quotes (source: the comment
that it writes at the top of such a file); that of a color table of 3D Slicer, ``IDX NAME R G B A``; or a value and its
name alone, as a person writes it. Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import re
from pathlib import Path

from dataset_conversion.readers.segmentation import HIGHEST_VALUE
from onfh_nnunet.core.errors import LabelError, ReadError
from onfh_nnunet.core.user_files import open_regular, refused_whole

_LINE = re.compile(r'(?P<value>\d+)(?:\s+\d+(?:\.\d+)?){4}\s+[01]\s+[01]\s+"(?P<name>.*)"')
_SHORT = re.compile(r'(?P<value>\d+)[\s,;:=]+"?(?P<name>[^\W\d_][^"]*?)"?(?:(?:\s+\d+){4})?')
_MOST_BYTES = 2**20
_MOST_DIGITS = 9
_REMEDY = "Export the label descriptions from ITK-SNAP again, or write a line such as 1 head for each value"


def read_names(path: Path) -> dict[int, str]:
    """The name of each label value; the background, 0, is left out.

    Raises:
        ReadError: The file is missing, no text, or a line is no label description.
        LabelError: A value is described twice, no voxel can have it, or none is described.
    """
    try:
        with refused_whole(path), open_regular(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ReadError(path, f"has more than {_MOST_BYTES} bytes, expected a table of labels", _REMEDY)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(path, "is not text in UTF-8", _REMEDY) from error
    names: dict[int, str] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if line and not line.startswith("#"):
            value, name = _described(path, number, line)
            if value in names:
                raise LabelError(path, f"describes the value {value} twice: {names[value]!r} and {name!r}", _REMEDY)
            names[value] = name
    if not names.keys() - {0}:
        raise LabelError(path, "describes no label", _REMEDY)
    return {value: name for value, name in names.items() if value}


def _described(path: Path, number: int, line: str) -> tuple[int, str]:
    match = _LINE.fullmatch(line) or _SHORT.fullmatch(line)
    if match is None:
        problem = f"has in line {number} {line[:60]!r}, expected a value and its name, or a line of ITK-SNAP"
        raise ReadError(path, problem, _REMEDY)
    if len(match["value"]) > _MOST_DIGITS or int(match["value"]) > HIGHEST_VALUE:
        problem = f"has in line {number} the value {match['value'][:60]}, expected 0 to {HIGHEST_VALUE}"
        raise LabelError(path, problem, _REMEDY)
    return int(match["value"]), match["name"]
