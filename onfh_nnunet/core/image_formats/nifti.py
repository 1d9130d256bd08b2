"""Headers of NIfTI-1 and NIfTI-2 files, as nibabel reads them.

Source: the NIfTI-1 and NIfTI-2 data formats (nifti1.h, nifti2.h).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import FloatArray, is_orthonormal, place_tolerance_mm
from onfh_nnunet.core.image_formats.image_header import ImageHeader, VoxelData, grid_of, not_3d, without_geometry
from onfh_nnunet.core.image_formats.inflate import GZIP, Encoding, inflated
from onfh_nnunet.core.run_log import LOGGER
from onfh_nnunet.core.user_files import open_regular

_HEADER_BYTES = {b"n+1": 348, b"n+2": 540}
_PAIR = {b"ni1": b"n+1", b"ni2": b"n+2"}
"""The headers of pairs (.hdr with .img), whose voxels lie beside them from their first byte on."""

_MM = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}
"""Millimetres of a length by the code in the lowest bits of xyzt_units: not stated, metres, millimetres, microns."""
_AFTER_HEADER = 4
"""Bytes that say whether extensions follow; no voxel lies before them."""


def read_nifti_header(path: Path) -> ImageHeader:
    """Read a header and check it, without any voxel; of a pair (.hdr with .img), the header's path.

    Raises:
        ReadError: It is no volume of real numbers, the voxels of a pair are not beside it, or it is cut off.
        GeometryError: It does not state its spacing and orientation, states an impossible one, or two of them.
        Exception: What nibabel raises about a damaged header.
    """
    header, encoding, paired = _header(path)
    size, dtype = _size(header), header.get_data_dtype()
    if len(size) != 3 or dtype.kind not in "iuf":
        raise not_3d(path, f"{len(size)}D of {dtype}")
    scaling = float(header["scl_slope"]), float(header["scl_inter"])
    if paired:
        file = _beside(path, ".hdr", ".img")
        voxels = VoxelData(file, dtype, size, _encoding(file), skip=_offset(path, header))
    else:
        least = header.sizeof_hdr + _AFTER_HEADER
        voxels = VoxelData(path, dtype, size, encoding, skip=_offset(path, header), least_skip=least)
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ _affine_mm(path, header, size)
    return ImageHeader(voxels, grid_of(path, size, to_lps[:3, :3], to_lps[:3, 3].tolist()), scaling)


def aux_file_of(path: Path) -> str:
    """The text in a header's ``aux_file``, which readers pass over."""
    header, _, _ = _header(path)
    return bytes(header["aux_file"].item()).decode("ascii", "replace")


def is_analyze(path: Path) -> bool:
    """Whether a file that is no NIfTI begins as its forerunner Analyze 7.5 does, in either byte order."""
    with open_regular(path) as file:
        head = inflated(file, Encoding.GZIP if file.peek(2).startswith(GZIP) else Encoding.RAW).read(4)
    return head in [_HEADER_BYTES[b"n+1"].to_bytes(4, order) for order in ("little", "big")]


def header_of_pair(voxels: Path) -> Path | None:
    """The header beside the voxels of a NIfTI pair, by their names; none for any other file."""
    if not voxels.name.lower().endswith((".img", ".img.gz")):
        return None
    try:
        return _beside(voxels, ".img", ".hdr")
    except ReadError:
        return None


def _beside(path: Path, own: str, other: str) -> Path:
    stem, found, _ = path.name.lower().rpartition(own)
    name = path.name[: len(stem)] if found else path.name
    spelt = [other.upper(), other] if path.name[len(stem) :].isupper() else [other, other.upper()]
    for suffix in (end + packed for end in spelt for packed in ("", ".gz")):
        if (candidate := path.with_name(name + suffix)).is_file():
            return candidate
    problem = f"is the {own} file of a NIfTI pair, and {name}{other} is not in its folder"
    raise ReadError(path, problem, "Put both files into one folder")


def _header(path: Path) -> tuple[Any, Encoding, bool]:
    """The header, how its file is stored, and whether it is that of a pair.

    Nibabel is given the header alone: the extensions after it state their own sizes, without any bound.
    """
    import nibabel

    encoding = _encoding(path)
    with open_regular(path) as file:
        head = inflated(file, encoding).read(max(_HEADER_BYTES.values()))
    second = head[4:6] in (b"n+", b"ni")
    magic = head[4:7] if second else head[344:347]
    kind = nibabel.nifti2.Nifti2Header if second else nibabel.nifti1.Nifti1Header
    single = _PAIR.get(magic, magic)
    at = 4 if second else 344
    head = head[:at] + single + head[at + 3 :]
    header = kind(head[: _HEADER_BYTES[single]], check=False)
    header.check_fix(LOGGER)  # nibabel's own would print what is odd beside our message
    return header, encoding, magic in _PAIR


def _encoding(path: Path) -> Encoding:
    with open_regular(path) as file:
        return Encoding.GZIP if file.peek(2).startswith(GZIP) else Encoding.RAW


def _size(header: Any) -> tuple[int, ...]:
    """Voxels along its axes; those beyond the third that are 1 long hold one volume, and are left out."""
    size = [int(n) for n in header.get_data_shape()]
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    return tuple(size)


def _offset(path: Path, header: Any) -> int:
    """The offset of the voxels in the file."""
    stated = header["vox_offset"].item()
    if not (np.isfinite(stated) and float(stated).is_integer()):
        problem = f"has its voxels at byte {stated:g} (vox_offset), expected a whole number"
        raise ReadError(path, problem, "Export it again from the source")
    return int(stated)


def _affine_mm(path: Path, header: Any, size_xyz: Sequence[int]) -> FloatArray:
    """From voxels to RAS mm (4, 4): of sform and qform, which must agree, the one whose axes are perpendicular."""
    spacing = [float(value) for value in header["pixdim"][1:4]]
    forms = {"sform": header.get_sform(), "qform": header.get_qform()}
    codes = {name: int(header[f"{name}_code"]) for name in forms}
    stated = [forms[name] for name, code in codes.items() if code > 0]
    if not all(0 < value < np.inf for value in spacing) or not stated:
        got = f"pixdim {spacing}, qform and sform code {[codes['qform'], codes['sform']]}"
        raise without_geometry(path, got)
    if codes["sform"] > 0:
        _require_one_spacing(path, forms["sform"], spacing, size_xyz)
    in_mm = np.array([[_mm(path, header)]] * 3 + [[1.0]])
    stated = [in_mm * form for form in stated]
    if len(stated) == 2:
        _require_one_place(path, stated, size_xyz)
    upright = [form for form in stated if is_orthonormal(form[:3, :3] / np.linalg.norm(form[:3, :3], axis=0))]
    best: FloatArray = (upright or stated)[0]
    return best


def _mm(path: Path, header: Any) -> float:
    code = int(header["xyzt_units"]) & 7
    if code not in _MM:
        problem = f"states its lengths in an unknown unit (xyzt_units {code}), expected mm"
        raise GeometryError(path, problem, "Find out its unit, and set xyzt_units to it")
    return _MM[code]


def _require_one_spacing(path: Path, sform: FloatArray, pixdim: Sequence[float], size_xyz: Sequence[int]) -> None:
    """Refuse an sform whose steps are not those of pixdim: ITK takes pixdim, nibabel the sform."""
    steps = np.linalg.norm(sform[:3, :3], axis=0)
    if not (steps.all() and np.isfinite(steps).all()):
        return  # no place at all, which is refused as such
    off = np.abs(steps - pixdim) * (np.array(size_xyz) - 1)
    if not off.max() <= place_tolerance_mm(steps):
        said = f"pixdim {[round(value, 4) for value in pixdim]} and an sform of steps {steps.round(4).tolist()}"
        raise GeometryError(path, f"has {said}, expected the same", "Find out which is right, and set both to it")


def _require_one_place(path: Path, forms_mm: Sequence[FloatArray], size_xyz: Sequence[int]) -> None:
    """Refuse a qform and an sform (4, 4) that place a corner differently."""
    corners = np.array([[*corner, 1] for corner in itertools.product(*((0, n - 1) for n in size_xyz))], float)
    apart = float(np.linalg.norm(corners @ (forms_mm[0] - forms_mm[1]).T, axis=1).max())
    most = place_tolerance_mm(np.linalg.norm(forms_mm[1][:3, :3], axis=0))
    if not apart <= most:
        problem = f"has a qform and an sform whose corners lie {apart:.2f} mm apart, expected at most {most:.2f} mm"
        raise GeometryError(path, problem, "Find out which is right, and set both to it")
