"""NIfTI-1 and NIfTI-2 files, single or as pairs (.hdr with .img): where their voxels are and where these lie."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import FloatArray, is_orthonormal, place_tolerance_mm
from onfh_nnunet.core.image_formats.image_header import ImageHeader, VoxelData, grid_of, not_3d, without_geometry
from onfh_nnunet.core.image_formats.inflate import GZIP, Encoding, inflated
from onfh_nnunet.core.image_formats.nifti_header import HEADER_BYTES, NiftiHeader
from onfh_nnunet.core.user_files import open_regular

_MM = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}
"""Millimetres of a length by the code in the lowest bits of xyzt_units: not stated, metres, millimetres, microns."""
_ANALYZE_BEGINNINGS = (348).to_bytes(4, "little"), (348).to_bytes(4, "big")
"""The length of its header."""

_SHEARED = 0.01
"""The shear from which steps are no spacing."""

_AFTER_HEADER = 4
"""Bytes that say whether extensions follow; no voxel lies before them."""


def read_nifti_header(path: Path) -> ImageHeader:
    """Read a header and check it, without any voxel; of a pair (.hdr with .img), the header's path.

    Raises:
        ReadError: It is no volume of real numbers, the voxels of a pair are not beside it, or it is cut off.
        GeometryError: It does not state its spacing and orientation, states an impossible one, or two of them.
    """
    header = _header(path)
    size, dtype = header.size, header.dtype
    if len(size) != 3 or dtype is None:
        raise not_3d(path, f"{len(size)}D of {header.type_name}")
    if header.is_pair:
        file = _beside(path, ".hdr", ".img")
        voxels = VoxelData(file, dtype, size, _encoding(file), skip=header.offset)
    else:
        least = header.n_bytes + _AFTER_HEADER
        voxels = VoxelData(path, dtype, size, _encoding(path), skip=header.offset, least_skip=least)
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ _affine_mm(header)
    return ImageHeader(voxels, grid_of(path, size, to_lps[:3, :3], to_lps[:3, 3].tolist()), header.scaling)


def aux_file_of(path: Path) -> str:
    """The text in a header's ``aux_file``, which readers pass over."""
    return _header(path).aux_file


def is_analyze(path: Path) -> bool:
    """Whether a file that is no NIfTI begins as its forerunner Analyze 7.5 does, in either byte order."""
    with open_regular(path) as file:
        head = inflated(file, _encoding(path)).read(len(_ANALYZE_BEGINNINGS[0]))
    return head in _ANALYZE_BEGINNINGS


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


def _header(path: Path) -> NiftiHeader:
    with open_regular(path) as file:
        return NiftiHeader.of(path, inflated(file, _encoding(path)).read(HEADER_BYTES))


def _encoding(path: Path) -> Encoding:
    with open_regular(path) as file:
        return Encoding.GZIP if file.peek(2).startswith(GZIP) else Encoding.RAW


def _affine_mm(header: NiftiHeader) -> FloatArray:
    """From voxels to RAS mm (4, 4): of sform and qform, which must agree, the one whose axes are perpendicular."""
    path, spacing, codes = header.path, header.spacing, header.codes
    if not all(0 < value < np.inf for value in spacing) or not any(codes.values()):
        got = f"pixdim {spacing}, qform and sform code {[codes['qform'], codes['sform']]}"
        raise without_geometry(path, got)
    if codes["sform"]:
        _require_one_spacing(header)
    stated = [header.sform] if codes["sform"] else []
    stated += [header.qform] if codes["qform"] else []
    in_mm = np.array([[_mm(header)]] * 3 + [[1.0]])
    stated = [in_mm * form for form in stated]
    if len(stated) == 2:
        _require_one_place(path, stated, header.size)
    upright = [form for form in stated if is_orthonormal(form[:3, :3] / np.linalg.norm(form[:3, :3], axis=0))]
    best: FloatArray = (upright or stated)[0]
    return best


def _mm(header: NiftiHeader) -> float:
    code = int(header.fields["xyzt_units"]) & 7
    if code not in _MM:
        problem = f"states its lengths in an unknown unit (xyzt_units {code}), expected mm"
        raise GeometryError(header.path, problem, "Find out its unit, and set xyzt_units to it")
    return _MM[code]


def _require_one_spacing(header: NiftiHeader) -> None:
    """Refuse an sform whose steps are not those of pixdim: ITK takes pixdim, nibabel the sform."""
    axes, pixdim = header.sform[:3, :3], header.spacing
    steps = np.linalg.norm(axes, axis=0)
    if not (steps.all() and np.isfinite(steps).all() and is_orthonormal(axes / steps, _SHEARED)):
        return  # no place at all, which is refused as such
    off_mm = _mm(header) * np.abs(steps - pixdim) * (np.array(header.size) - 1)
    if not off_mm.max() <= place_tolerance_mm(_mm(header) * steps):
        said = f"pixdim {[round(value, 4) for value in pixdim]} and an sform of steps {steps.round(4).tolist()}"
        raise GeometryError(
            header.path, f"has {said}, expected the same", "Find out which is right, and set both to it"
        )


def _require_one_place(path: Path, forms_mm: Sequence[FloatArray], size_xyz: Sequence[int]) -> None:
    """Refuse a qform and an sform (4, 4) that place a corner differently."""
    corners = np.array([[*corner, 1] for corner in itertools.product(*((0, n - 1) for n in size_xyz))], float)
    apart = float(np.linalg.norm(corners @ (forms_mm[0] - forms_mm[1]).T, axis=1).max())
    most = place_tolerance_mm(np.linalg.norm(forms_mm[1][:3, :3], axis=0))
    if not apart <= most:
        problem = f"has a qform and an sform whose corners lie {apart:.2f} mm apart, expected at most {most:.2f} mm"
        raise GeometryError(path, problem, "Find out which is right, and set both to it")
