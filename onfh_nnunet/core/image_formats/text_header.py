"""Common parts of NRRD and MetaImage text headers: bounded lines, numbers, and separate voxel files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.user_files import open_regular

HEADER_BYTES = 2**20
"""The longest header that is read; one of 3D Slicer with a hundred segments has some 2**17."""

_REMEDY = "Export it again from the source; it may be damaged"


def header_lines(path: Path, is_last: Callable[[bytes], bool]) -> tuple[list[str], int]:
    """The lines of a header up to its last line, or all lines of the file when there is no such line.

    Args:
        path: The file.
        is_last: Whether a line, without its line end, is the last one.

    Returns:
        The lines without their ends, and the byte after them, where voxels may begin.

    Raises:
        ReadError: It is no regular file, or the header does not end.
        OSError: It cannot be opened.
    """
    lines: list[bytes] = []
    with open_regular(path) as file:
        while line := file.readline(HEADER_BYTES):
            lines.append(line.rstrip(b"\r\n"))
            if is_last(lines[-1]):
                break
            if file.tell() >= HEADER_BYTES:
                raise damaged(path, f"its header does not end within {HEADER_BYTES} bytes")
        return [line.decode("utf-8", "replace") for line in lines], file.tell()


def damaged(path: Path, reason: str) -> ReadError:
    """The error for a header that cannot be parsed."""
    return ReadError(path, f"cannot be read ({reason})", _REMEDY)


def whole_number(path: Path, name: str, text: str) -> int:
    """A whole number in a header, of at most 18 digits.

    Raises:
        ReadError: It is none.
    """
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise damaged(path, f"{name} is {text[:60]!r}, expected a whole number")
    return int(text)


def numbers(path: Path, name: str, text: str, n: int) -> list[float]:
    """Numbers in a header, separated by spaces.

    Raises:
        ReadError: There are not `n` of them.
    """
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if len(values) != n or "_" in text:
        raise damaged(path, f"{name} is {text[:60]!r}, expected {n} numbers")
    return values


def beside(header: Path, name: str) -> Path:
    """The separate voxel file that a header names, in the header's own folder.

    A link is followed only to a regular file of that folder.

    Raises:
        ReadError: The name leads out of the folder, stands for several files, or there is no such regular file.
    """
    if "%" in name or name.split()[:1] == ["LIST"]:
        problem = f"has its voxels in several files ({name[:60]!r}), expected one"
        raise ReadError(header, problem, "Export it as one file, such as .nii.gz or .nrrd")
    name = name.removeprefix("./")
    path = header.parent / name
    plain = name.isprintable() and not set("/\\:") & set(name) and name not in ("", ".", "..")
    if not plain or path.resolve().parent != header.parent.resolve():
        problem = f"names {name[:60]!r} as the file of its voxels, expected a file name in the same folder"
        raise ReadError(header, problem, "Put both files into one folder, and write the bare file name into the header")
    if not path.is_file():
        problem = f"names {name[:60]!r} as the file of its voxels, which is not in its folder"
        raise ReadError(header, problem, "Put both files into one folder")
    return path
