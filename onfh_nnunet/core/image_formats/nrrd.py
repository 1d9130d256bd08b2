"""Headers of NRRD files, attached and detached (.nhdr).

Source: "Definition of NRRD File Format" (teem.sourceforge.net/nrrd/format.html), and where that leaves a choice what
ITK's reader takes: it is the one that 3D Slicer and nnU-Net use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import FloatArray, Grid
from onfh_nnunet.core.image_formats.image_header import (
    ImageHeader,
    VoxelData,
    grid_of,
    require_3d,
    require_mm,
    without_geometry,
)
from onfh_nnunet.core.image_formats.inflate import Encoding
from onfh_nnunet.core.image_formats.nrrd_fields import parse_fields, vectors
from onfh_nnunet.core.image_formats.text_header import (
    HEADER_BYTES,
    beside,
    damaged,
    header_lines,
    numbers,
    whole_number,
)
from onfh_nnunet.core.user_files import open_regular

TO_LPS = {
    "right-anterior-superior": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "left-posterior-superior": (1, 1, 1),
}
"""The patient spaces, and how they are turned to LPS. In any other, nobody knows which side is the patient's left."""

_SPACES = {
    **{"".join(name.split("-")): name for name in TO_LPS},
    **{"".join(word[0] for word in name.split("-")): name for name in TO_LPS},
    "scannerxyz": "scanner-xyz",
    "3drighthanded": "3D-right-handed",
    "3dlefthanded": "3D-left-handed",
}
_TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_ENCODINGS = {"raw": Encoding.RAW, "gz": Encoding.GZIP, "gzip": Encoding.GZIP}
_ORDERS = {"little": "<", "big": ">"}
_AXES_OF_PLACES = ("domain", "space", "time", "???", "none")
"""The kinds of an axis along which places follow one another; along any other, the values of one voxel do."""

_MOST_AXES = 16


@dataclass(frozen=True)
class NrrdHeader:
    """The header of a NRRD file.

    Args:
        path: The file.
        fields: What its fields say, by their names in lower case and without spaces.
        keys: Its own key/value pairs.
        sizes: Samples along its axes, the fastest first.
        end: The first byte after it.
    """

    path: Path
    fields: dict[str, str]
    keys: dict[str, str]
    sizes: tuple[int, ...]
    end: int

    @classmethod
    def read(cls, path: Path) -> NrrdHeader:
        """Read a header.

        Raises:
            ReadError: It is damaged.
            OSError: The file cannot be opened.
        """
        lines, end = header_lines(path, lambda line: not line)
        fields, keys = parse_fields(path, lines)
        n_axes = whole_number(path, "dimension", fields.get("dimension", ""))
        sizes = fields.get("sizes", "").split()
        if not 1 <= n_axes <= _MOST_AXES or len(sizes) != n_axes:
            raise damaged(path, f"dimension {n_axes} and sizes {fields.get('sizes', '')[:60]!r} do not fit")
        return cls(path, fields, keys, tuple(whole_number(path, "sizes", size) for size in sizes), end)

    @property
    def file(self) -> Path:
        """The file with the voxels: this file, or a separate one.

        Raises:
            ReadError: The name of the other one leads out of the folder, or is that of several files.
        """
        return beside(self.path, self.fields["datafile"]) if "datafile" in self.fields else self.path

    @property
    def space(self) -> str | None:
        """The space of positions as the format's definition writes it; None where the file names none.

        Raises:
            ReadError: There is no such space, or not of three dimensions.
        """
        stated = self.fields.get("space")
        if stated is None:
            return None
        name = _SPACES.get(re.sub(r"[- ]", "", stated.lower()))
        if name is None:
            names = ", ".join(dict.fromkeys(_SPACES.values()))
            raise damaged(self.path, f"space is {stated[:60]!r}, expected one of {names}")
        return name

    @property
    def axes(self) -> list[int]:
        """The spatial axes; one that is 1 long and has no direction holds one volume, and is none."""
        n_axes = len(self.sizes)
        kinds = self.fields.get("kinds", "??? " * n_axes).lower().split()
        if len(kinds) != n_axes:
            raise damaged(self.path, f"kinds is {self.fields['kinds'][:60]!r}, expected {n_axes} of them")
        stated = re.findall(r"none|\([^()]*\)", self.fields.get("spacedirections", ""))
        directions = stated if len(stated) == n_axes else [""] * n_axes
        alone = [size == 1 and one == "none" for size, one in zip(self.sizes, directions, strict=True)]
        return [axis for axis, kind in enumerate(kinds) if kind in _AXES_OF_PLACES and not alone[axis]]

    @property
    def n_values(self) -> int:
        """The number of values per voxel."""
        return int(np.prod([n for axis, n in enumerate(self.sizes) if axis not in self.axes], dtype=object))

    def voxels(self) -> VoxelData:
        """The location of the voxels; several values per voxel are the fastest axis.

        Raises:
            ReadError: They are stored in a way that is not read.
        """
        file = self.file
        encoding = _ENCODINGS.get(self.fields.get("encoding", "").lower())
        if encoding is None:
            problem = f"has its voxels in the encoding {self.fields.get('encoding')!r}, expected raw or gzip"
            raise ReadError(self.path, problem, "Save it again with the encoding gzip")
        if self.n_values > 1 and 0 in self.axes:
            raise damaged(self.path, f"kinds is {self.fields['kinds'][:60]!r}, expected the values of a voxel first")
        size = tuple(self.sizes[axis] for axis in self.axes)
        size = size if self.n_values == 1 else (self.n_values, *size)
        start = self._start(file)
        skip = whole_number(self.path, "byte skip", self.fields.get("byteskip", "0"))
        dtype = self._dtype()
        if skip == -1 and encoding is Encoding.RAW:
            start, skip = file.stat().st_size - int(np.prod(size, dtype=object)) * dtype.itemsize, 0
        if skip < 0 or start < 0:
            raise damaged(self.path, f"byte skip is {self.fields['byteskip']!r}, before the file's first byte")
        return VoxelData(file, dtype, size, encoding, start, skip)

    def _dtype(self) -> np.dtype[Any]:
        stated = self.fields.get("type", "").lower()
        code = next((code for code, names in _TYPES.items() if stated in names.split("|")), None)
        order = _ORDERS.get(self.fields.get("endian", "").lower(), "|" if code in ("i1", "u1") else None)
        if code is None or order is None:
            got = f"type {stated[:60]!r} and endian {self.fields.get('endian')!r}"
            raise damaged(self.path, f"{got}, expected a number's type and little or big")
        return np.dtype(order + code)

    def _start(self, file: Path) -> int:
        """The first byte after the header, or of the file beside it, and after the lines that are to be skipped."""
        start = self.end if file == self.path else 0
        n_lines = whole_number(self.path, "line skip", self.fields.get("lineskip", "0"))
        if n_lines == 0:
            return start
        with open_regular(file) as opened:
            opened.seek(start)
            while n_lines > 0 and opened.readline(HEADER_BYTES):
                n_lines -= 1
            if n_lines or opened.tell() > HEADER_BYTES:
                raise damaged(self.path, f"line skip is {self.fields['lineskip']!r}, beyond the header of its voxels")
            return opened.tell()

    def grid(self) -> Grid:
        """The voxel grid.

        Raises:
            ReadError: The header is damaged.
            GeometryError: It does not say it in a patient space, or says what cannot be.
        """
        if self.space not in TO_LPS:
            got = f"space {self.fields.get('space', 'not named')}, expected one of {', '.join(TO_LPS)}"
            raise without_geometry(self.path, got)
        if "spacings" in self.fields and np.isfinite(self._of_axes("spacings")).any():
            raise damaged(self.path, "it has both a space and spacings, expected space directions")
        if "spacedirections" not in self.fields:
            raise without_geometry(self.path, "a header without a spacing")
        require_mm(self.path, re.findall(r'"([^"]*)"', self.fields.get("spaceunits", "")))
        directions = vectors(self.path, "space directions", self.fields["spacedirections"], len(self.sizes))
        columns = np.array([directions[axis] for axis in self.axes]).T
        (origin,) = vectors(self.path, "space origin", self.fields.get("spaceorigin", "(0,0,0)"), 1)
        flip = np.array(TO_LPS[self.space])
        return grid_of(
            self.path, [self.sizes[axis] for axis in self.axes], flip[:, None] * columns, (flip * origin).tolist()
        )

    def _of_axes(self, name: str) -> FloatArray:
        values = numbers(self.path, name, self.fields[name], len(self.sizes))
        return np.array([values[axis] for axis in self.axes])


def read_nrrd_header(path: Path) -> ImageHeader:
    """Read a header and check it, without any voxel.

    Raises:
        ReadError: It is damaged, or no volume of single numbers.
        GeometryError: It does not state its spacing and orientation, or states an impossible one.
        OSError: A file cannot be opened.
    """
    header = NrrdHeader.read(path)
    require_3d(path, len(header.axes), header.n_values)
    return ImageHeader(header.voxels(), header.grid())
