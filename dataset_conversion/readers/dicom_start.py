"""Whether a file begins like DICOM."""

from __future__ import annotations

from pathlib import Path

from onfh_nnunet.core.user_files import open_regular

PREAMBLE_BYTES = 132
"""No DICOM file is shorter."""


def is_dicom(path: Path) -> bool:
    """Whether a file begins like DICOM (PS3.10, 7.1), or like a data set that was written without its preamble.

    Raises:
        ReadError: It is a device, a pipe or a socket.
        OSError: It cannot be opened.
    """
    with open_regular(path) as file:
        head = file.read(PREAMBLE_BYTES)
    return head[128:] == b"DICM" or _is_bare(head)


def _is_bare(head: bytes) -> bool:
    """Whether bytes begin with two elements of a data set, of the file's meta information or of group 0008."""
    first = _element(head)
    second = _element(head[first[1] :]) if first else None
    if first is None or second is None or first[0] >> 16 not in (2, 8) or second[0] >> 16 not in (2, 8):
        return False
    return first[0] < second[0] and (first[0] & 0xFFFF) <= _EARLY_ELEMENT


_EARLY_ELEMENT = 0x0018
"""Of the first element: group length, character set, image type, SOP class or instance."""


def _element(data: bytes) -> tuple[int, int] | None:
    """The tag and the length of an element in little endian with a short value; none where there is none such."""
    if len(data) < 8:
        return None
    group, number = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
    kind = data[4:6]
    explicit = kind.isalpha() and kind.isupper()
    if explicit and kind in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        header, length = 12, int.from_bytes(data[8:12], "little")
    else:
        header, length = 8, int.from_bytes(data[6:8] if explicit else data[4:8], "little")
    return (group << 16 | number, header + length) if length <= _SHORT_VALUE and length % 2 == 0 else None


_SHORT_VALUE = 112
"""Bytes of an image type or a UID, with its header within the first 132."""
