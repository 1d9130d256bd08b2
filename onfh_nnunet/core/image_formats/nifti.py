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
from onfh_nnunet.core.grid import FloatArray
from onfh_nnunet.core.image_formats.image_header import ImageHeader, VoxelData, grid_of, not_3d, without_geometry
from onfh_nnunet.core.image_formats.inflate import GZIP, Encoding, inflated
from onfh_nnunet.core.user_files import open_regular

FORMS_TOLERANCE_MM = 0.1
"""How far the corners of a NIfTI file's qform and sform may lie apart: a quaternion in single precision rounds at some
hundredths of a millimetre over a large field of view."""

_HEADER_BYTES = {b"n+1": 348, b"n+2": 540}
_AFTER_HEADER = 4
"""Bytes that say whether extensions follow; no voxel lies before them."""


def read_nifti_header(path: Path) -> ImageHeader:
    """Read a header and check it, without any voxel.

    Raises:
        ReadError: It is half of a pair, no volume of real numbers, or cut off.
        GeometryError: It does not state its spacing and orientation, states an impossible one, or two of them.
        Exception: What nibabel raises about a damaged header.
    """
    header, encoding = _header(path)
    size, dtype = tuple(int(n) for n in header.get_data_shape()), header.get_data_dtype()
    if len(size) != 3 or dtype.kind not in "iuf":
        raise not_3d(path, f"{len(size)}D of {dtype}")
    scaling = float(header["scl_slope"]), float(header["scl_inter"])
    least = header.sizeof_hdr + _AFTER_HEADER
    voxels = VoxelData(path, dtype, size, encoding, skip=_offset(path, header), least_skip=least)
    forms = [header.get_qform(), header.get_sform()]
    _one_geometry(path, header, size, forms)
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ header.get_best_affine()
    return ImageHeader(voxels, grid_of(path, size, to_lps[:3, :3], to_lps[:3, 3]), scaling)


def _header(path: Path) -> tuple[Any, Encoding]:
    """Parse the header alone: the extensions after it state their own sizes, without a limit."""
    import nibabel

    with open_regular(path) as file:
        encoding = Encoding.GZIP if file.peek(2).startswith(GZIP) else Encoding.RAW
        head = inflated(file, encoding).read(max(_HEADER_BYTES.values()))
    second = head[4:6] in (b"n+", b"ni")
    magic = head[4:7] if second else head[344:347]
    if magic not in _HEADER_BYTES:
        problem = "is the header of a NIfTI pair (.hdr with .img), expected one file"
        raise ReadError(path, problem, "Convert both to one .nii.gz file")
    kind = nibabel.nifti2.Nifti2Header if second else nibabel.nifti1.Nifti1Header
    return kind(head[: _HEADER_BYTES[magic]]), encoding


def _offset(path: Path, header: Any) -> int:
    """The offset of the voxels in the file."""
    stated = header["vox_offset"].item()
    if not (np.isfinite(stated) and float(stated).is_integer()):
        problem = f"has its voxels at byte {stated:g} (vox_offset), expected a whole number"
        raise ReadError(path, problem, "Export it again from the source")
    return int(stated)


def _one_geometry(path: Path, header: Any, size_xyz: Sequence[int], forms: Sequence[FloatArray]) -> None:
    """Refuse a file without qform and sform, or with a qform and sform (4, 4) that disagree at its corners."""
    spacing = [float(value) for value in header["pixdim"][1:4]]
    codes = [int(header["qform_code"]), int(header["sform_code"])]
    if not all(0 < value < np.inf for value in spacing) or max(codes) <= 0:
        raise without_geometry(path, f"pixdim {spacing}, qform and sform code {codes}")
    if min(codes) > 0:
        corners = np.array([[*corner, 1] for corner in itertools.product(*((0, n - 1) for n in size_xyz))], float)
        apart = float(np.linalg.norm(corners @ (forms[0] - forms[1]).T, axis=1).max())
        if not apart <= FORMS_TOLERANCE_MM:
            problem = f"has a qform and an sform whose corners lie {apart:.2f} mm apart, expected one geometry"
            raise GeometryError(path, problem, "Find out which is right, and set both to it")
