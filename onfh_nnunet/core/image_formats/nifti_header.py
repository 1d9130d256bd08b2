"""The fields of a NIfTI-1 or NIfTI-2 header.

Source: nifti1.h and nifti2.h (nifti.nimh.nih.gov). They are laid out here, and not read by nibabel, whose import
takes longer than grading a hip; tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import FloatArray

_DAMAGED = "Export it again from the source; it may be damaged"


def _layout(n_bytes: int, **fields: tuple[str, int]) -> np.dtype[Any]:
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype({"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": n_bytes})


_FIRST = _layout(
    348,
    dim=("8i2", 40), datatype=("i2", 70), pixdim=("8f4", 76), vox_offset=("f4", 108), scaling=("2f4", 112),
    xyzt_units=("u1", 123), aux_file=("S24", 228), qform_code=("i2", 252), sform_code=("i2", 254),
    quatern=("3f4", 256), qoffset=("3f4", 268), srow=("(3,4)f4", 280), magic=("S4", 344),
)  # fmt: skip
_SECOND = _layout(
    540,
    magic=("S8", 4), datatype=("i2", 12), dim=("8i8", 16), pixdim=("8f8", 104), vox_offset=("i8", 168),
    scaling=("2f8", 176), aux_file=("S24", 320), qform_code=("i4", 344), sform_code=("i4", 348), quatern=("3f8", 352),
    qoffset=("3f8", 376), srow=("(3,4)f8", 400), xyzt_units=("i4", 500),
)  # fmt: skip
HEADER_BYTES = _SECOND.itemsize
"""The longer one."""

_MAGIC = (b"n+1", b"ni1", b"n+2", b"ni2")
_PAIRS = (b"ni1", b"ni2")

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_OTHER_TYPES = {
    **{1: "single bits", 32: "complex64", 128: "RGB colours", 1536: "float128", 1792: "complex128"},
    **{2048: "complex256", 2304: "RGBA colours"},
}
_CODES = range(1, 6)
"""The codes of a form that is there."""


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """A NIfTI header.

    Args:
        path: Its file.
        fields: Its fields, in their byte order.
        n_bytes: Its length.
        is_pair: Whether its voxels are in a file of their own.
    """

    path: Path
    fields: Any
    n_bytes: int
    is_pair: bool

    @classmethod
    def of(cls, path: Path, head: bytes) -> NiftiHeader:
        """The header at the beginning of a file.

        Raises:
            ReadError: It is cut off, or states no number of axes.
        """
        is_second = head[4:7] in _MAGIC
        layout = _SECOND if is_second else _FIRST
        if len(head) < layout.itemsize:
            raise ReadError(path, f"cannot be read (it holds {len(head)} bytes, expected {layout.itemsize})", _DAMAGED)
        for kind in (layout, layout.newbyteorder()):
            fields = np.frombuffer(head, kind, count=1)[0]
            if 1 <= fields["dim"][0] <= 7:
                return cls(path, fields, layout.itemsize, fields["magic"][:3] in _PAIRS)
        raise ReadError(path, "cannot be read (dim does not begin with 1 to 7)", _DAMAGED)

    @property
    def size(self) -> tuple[int, ...]:
        """Voxels along its axes; those beyond the third that are 1 long hold one volume, and are left out."""
        size = [int(n) for n in self.fields["dim"][1 : int(self.fields["dim"][0]) + 1]]
        while len(size) > 3 and size[-1] == 1:
            size.pop()
        return tuple(size)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The type of its voxels, with its byte order; none where they are no real numbers, see `type_name`.

        Raises:
            ReadError: There is no such type.
        """
        code = int(self.fields["datatype"])
        if code not in _TYPES and code not in _OTHER_TYPES:
            raise ReadError(self.path, f"cannot be read (datatype is {code}, which NIfTI does not have)", _DAMAGED)
        if code not in _TYPES:
            return None
        native = np.dtype(_TYPES[code])
        return native if self.fields.dtype["datatype"].isnative else native.newbyteorder()

    @property
    def type_name(self) -> str:
        """What its voxels are."""
        code = int(self.fields["datatype"])
        return _OTHER_TYPES.get(code) or str(np.dtype(_TYPES[code]))

    @property
    def spacing(self) -> list[float]:
        """The lengths in pixdim along the three axes, in the header's unit; their signs mean nothing."""
        return [abs(float(value)) for value in self.fields["pixdim"][1:4]]

    @property
    def offset(self) -> int:
        """The offset of the voxels in their file.

        Raises:
            ReadError: It is no whole number.
        """
        stated = self.fields["vox_offset"].item()
        if not (np.isfinite(stated) and float(stated).is_integer()):
            problem = f"has its voxels at byte {stated:g} (vox_offset), expected a whole number"
            raise ReadError(self.path, problem, "Export it again from the source")
        return int(stated)

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept of its voxels."""
        slope, intercept = self.fields["scaling"]
        return float(slope), float(intercept)

    @property
    def codes(self) -> dict[str, int]:
        """The codes of its forms; 0 for one that is not there."""
        codes = {name: int(self.fields[f"{name}_code"]) for name in ("sform", "qform")}
        return {name: code if code in _CODES else 0 for name, code in codes.items()}

    @property
    def sform(self) -> FloatArray:
        """From voxels to RAS (4, 4), in the header's unit."""
        return np.vstack([self.fields["srow"].astype(float), [0, 0, 0, 1]])

    @property
    def qform(self) -> FloatArray:
        """The same of the rotation that its quaternion states.

        Raises:
            ReadError: There is no such rotation.
        """
        b, c, d = (float(value) for value in self.fields["quatern"])
        first, rounding = 1 - (b * b + c * c + d * d), 3 * float(np.finfo(np.float32).eps)
        if not first >= -rounding:
            problem = f"cannot be read (the quaternion {b:g}, {c:g}, {d:g} of its qform is longer than 1)"
            raise ReadError(self.path, problem, _DAMAGED)
        a = first**0.5 if first > rounding else 0.0  # half a turn: the root of a rounding error would tilt it
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        ) / (a * a + b * b + c * c + d * d)
        mirrored = -1.0 if self.fields["pixdim"][0] == -1 else 1.0
        affine = np.eye(4)
        affine[:3, :3] = rotation * (np.array(self.spacing) * (1, 1, mirrored))
        affine[:3, 3] = self.fields["qoffset"]
        return affine

    @property
    def aux_file(self) -> str:
        """A text that readers pass over."""
        return bytes(self.fields["aux_file"]).decode("ascii", "replace")
