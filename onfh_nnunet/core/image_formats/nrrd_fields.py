"""Lines of a NRRD header: fields, the file's own key/value pairs, and vectors.

Source: "Definition of NRRD File Format" (teem.sourceforge.net/nrrd/format.html).
"""

from __future__ import annotations

import re
from pathlib import Path

from onfh_nnunet.core.image_formats.text_header import damaged, numbers

_MAGIC = ("NRRD00.01", "NRRD0001", "NRRD0002", "NRRD0003", "NRRD0004", "NRRD0005")
_FIELDS = frozenset(
    """content number type blocksize dimension space spacedimension sizes spacings thicknesses axismins axismaxs
    spacedirections centers centerings kinds labels units min max oldmin oldmax endian encoding lineskip byteskip
    sampleunits spaceunits spaceorigin measurementframe datafile""".split()  # noqa: SIM905
)
_VECTOR = re.compile(r"none|\(([^()]*)\)")


def parse_fields(path: Path, lines: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The fields of a header and the file's own keys; a key never replaces a field.

    Args:
        path: The file, for messages.
        lines: Of its header, with the first one.

    Returns:
        What the fields say, by their names in lower case and without spaces, and the values of the keys.

    Raises:
        ReadError: It is no NRRD header, a line is neither, or one of them is stated twice.
    """
    if not lines or lines[0].strip() not in _MAGIC:
        raise damaged(path, f"it begins with {(lines or [''])[0][:20]!r}, expected one of {', '.join(_MAGIC)}")
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in lines[1:]:
        if not line or line.startswith("#"):
            continue
        name, colon, value = line.partition(": ")
        key, assigned, text = line.partition(":=")
        name = re.sub(" ", "", name.lower())
        if colon and name in _FIELDS:
            _put(path, fields, name, value.strip())
        elif assigned:
            _put(path, keys, _unescaped(key), _unescaped(text))
        elif fields.get("datafile", "").startswith("LIST"):
            return fields, keys  # the names of its files, one a line
        else:
            raise damaged(path, f"its header has the line {line[:60]!r}, expected a field or a key")
    return fields, keys


def _put(path: Path, into: dict[str, str], name: str, value: str) -> None:
    if into.setdefault(name, value) != value:
        raise damaged(path, f"its header states {name[:60]!r} twice: {into[name][:60]!r} and {value[:60]!r}")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(n|\\)", lambda match: "\n" if match[1] == "n" else "\\", text)


def vectors(path: Path, name: str, text: str, n: int) -> list[list[float]]:
    """Vectors of three numbers in brackets; three NaN for ``none``.

    Raises:
        ReadError: There are not `n` of them.
    """
    found = list(_VECTOR.finditer(text))
    if len(found) != n or _VECTOR.sub("", text).strip():
        raise damaged(path, f"{name} is {text[:60]!r}, expected {n} vectors")
    absent = [float("nan")] * 3
    return [absent if v[1] is None else numbers(path, name, v[1].replace(",", " "), 3) for v in found]
