"""Headers of MetaImage files, with their voxels (.mha) or beside them (.mhd).

Source: "MetaIO" (itk.org/Wiki/ITK/MetaIO/Documentation), and where that leaves a choice what ITK's reader takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.image_formats.image_header import (
    ImageHeader,
    VoxelData,
    grid_of,
    require_3d,
    require_mm,
    without_geometry,
)
from onfh_nnunet.core.image_formats.inflate import PADDING_BYTES, Encoding
from onfh_nnunet.core.image_formats.text_header import beside, damaged, header_lines, numbers, whole_number

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_ORIGIN = ("Offset", "Position", "Origin", "ImagePosition")
_AXES = ("TransformMatrix", "Rotation", "Orientation")
_BIG_ENDIAN = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
_SPACING = ("ElementSpacing", "ElementSize")
_FIELDS = {
    *("NDims", "DimSize", "ElementNumberOfChannels", "ElementType", "ElementDataFile", "HeaderSize"),
    *("BinaryData", "CompressedData", "DistanceUnits", "CompressedDataSize", *_BIG_ENDIAN, *_SPACING, *_AXES, *_ORIGIN),
}
_BOOLEAN = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def read_metaimage_header(path: Path) -> ImageHeader:
    """Read a header and check it, without any voxel.

    Raises:
        ReadError: It is damaged, or no volume of single numbers.
        GeometryError: It does not state its spacing and orientation, or states an impossible one.
        OSError: A file cannot be opened.
    """
    lines, end = header_lines(path, lambda line: line.lstrip().startswith(b"ElementDataFile"))
    header = _Header(path, _parsed(path, lines))
    require_3d(path, header.whole("NDims"), header.whole("ElementNumberOfChannels", "1"))
    size = tuple(whole_number(path, "DimSize", word) for word in header.text("DimSize").split())
    if len(size) != 3:
        raise damaged(path, f"DimSize is {header.text('DimSize')[:60]!r}, expected 3 whole numbers")
    voxels = _voxels(header, size, end)
    stated = [name for name in _SPACING if name in header.fields]
    if not stated:
        raise without_geometry(path, "a header without a spacing")
    spacing = header.numbers(stated[:1], [1.0] * 3)
    if np.isnan(spacing).any():
        raise without_geometry(path, "a spacing that is no number")
    if not any(name in header.fields for name in _AXES):
        raise without_geometry(path, f"a header without {', '.join(_AXES)}")
    require_mm(path, [header.text("DistanceUnits", "")])
    axes = np.reshape(header.numbers(_AXES, [0.0] * 9), (3, 3))  # a row for each of the file's axes
    return ImageHeader(voxels, grid_of(path, size, axes.T * spacing, header.numbers(_ORIGIN, [0.0] * 3)))


class _Header:
    """Fields by name; synonyms must agree."""

    def __init__(self, path: Path, fields: dict[str, str]) -> None:
        self.path, self.fields = path, fields

    def text(self, name: str, default: str | None = None) -> str:
        value = self.fields.get(name, default)
        if value is None:
            raise damaged(self.path, f"its header lacks {name}")
        return value

    def whole(self, name: str, default: str | None = None) -> int:
        return whole_number(self.path, name, self.text(name, default))

    def is_true(self, *names: str, default: bool = False) -> bool:
        stated = {_BOOLEAN.get(self.fields[name].lower()) for name in names if name in self.fields} or {default}
        if len(stated) > 1 or None in stated:
            said = ", ".join(f"{name} {self.fields[name][:20]!r}" for name in names if name in self.fields)
            raise damaged(self.path, f"its header states {said}, expected True or False")
        return bool(stated.pop())

    def numbers(self, names: Sequence[str], default: list[float]) -> list[float]:
        stated = [numbers(self.path, name, self.fields[name], len(default)) for name in names if name in self.fields]
        if any(values != stated[0] for values in stated):
            raise damaged(self.path, f"its header states two of {', '.join(names)}, which differ")
        return stated[0] if stated else default


def _parsed(path: Path, lines: list[str]) -> dict[str, str]:
    """The fields that concern the voxels; MetaImage files may have any others."""
    fields: dict[str, str] = {}
    for line in lines:
        name, *value = (part.strip() for part in re.split("[=:]", line, maxsplit=1))
        if name.partition(" ")[0] not in _FIELDS:
            continue
        if not value or name not in _FIELDS:
            raise damaged(path, f"its header has the line {line[:60]!r}, expected a name and a value")
        if fields.setdefault(name, value[0]) != value[0]:
            raise damaged(path, f"its header states {name} twice: {fields[name][:60]!r} and {value[0][:60]!r}")
    return fields


def _voxels(header: _Header, size: tuple[int, ...], end: int) -> VoxelData:
    path, name = header.path, header.text("ElementDataFile")
    local = name in ("LOCAL", "Local", "local")
    file = path if local else beside(path, name)
    if not header.is_true("BinaryData", default=True):
        raise ReadError(path, "has its voxels as text (BinaryData = False)", "Save it again with binary voxels")
    dtype = _dtype(header)
    compressed = header.is_true("CompressedData")
    start = header.whole("HeaderSize", "0")
    held = file.stat().st_size
    if start == -1 and not compressed:
        start = held - int(np.prod(size, dtype=object)) * dtype.itemsize
    elif start == 0:
        start = end if local else 0
    if start < (end if local else 0):
        raise damaged(path, f"HeaderSize is {header.text('HeaderSize')}, which does not fit the file")
    stated = header.whole("CompressedDataSize", "0") if compressed else 0
    if stated and not stated <= held - start <= stated + PADDING_BYTES:
        raise damaged(path, f"it holds {held - start} bytes, expected {stated} (CompressedDataSize)")
    return VoxelData(file, dtype, size, Encoding.ZLIB if compressed else Encoding.RAW, start)


def _dtype(header: _Header) -> np.dtype[Any]:
    stated = header.text("ElementType")
    if stated not in _TYPES:
        problem = f"has voxels of the ElementType {stated[:60]!r}, expected one of {', '.join(_TYPES)}"
        raise ReadError(header.path, problem, "Save it again with one number per voxel")
    return np.dtype((">" if header.is_true(*_BIG_ENDIAN) else "<") + _TYPES[stated])
