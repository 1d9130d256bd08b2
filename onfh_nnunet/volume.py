"""A voxel array and the grid it lies on.

Convention: array axes are z, y, x (slice, row, column of the file), and size, spacing and direction follow the array.
Positions are DICOM's patient coordinates in mm, LPS: x to the patient's left, y to the back, z to the head. The
reversal to SimpleITK's x, y, z order happens in this module and nowhere else.
"""

from __future__ import annotations

import gzip
import itertools
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.errors import GeometryError, GridMismatch, ReadError
from onfh_nnunet.files import written_whole

FloatArray = NDArray[np.floating[Any]]
Triple = tuple[float, float, float]
Index = tuple[int, int, int]
Direction = tuple[Triple, Triple, Triple]

ORTHOGONALITY_TOLERANCE = 1e-4
"""How far the direction may be from orthonormal: single-precision headers round near 1e-6, real shear is above 1e-3."""

GRID_TOLERANCE_MM = 0.05
"""How far apart the corners of two grids may lie that count as one: header rounding, far below any voxel."""

NIFTI_SUFFIXES = (".nii", ".nii.gz")
FILE_SUFFIXES = (*NIFTI_SUFFIXES, ".nrrd", ".nhdr", ".mha", ".mhd")
_REMEDY = "Export it again from the source, with its geometry"


@dataclass(frozen=True)
class Grid:
    """Where voxels lie in the patient.

    Args:
        size: Voxels along array axes z, y, x.
        spacing_mm: Distance of voxel centres along array axes z, y, x.
        origin_mm: Position (x, y, z in LPS) of the centre of voxel [0, 0, 0].
        direction: Three rows x, y, z (LPS) of three columns, the unit vectors along array axes z, y, x.

    Raises:
        GeometryError: A size below 1, a spacing that is not positive, a position that is not finite, or directions that
            are not orthonormal.
    """

    size: Index
    spacing_mm: Triple
    origin_mm: Triple
    direction: Direction

    def __post_init__(self) -> None:
        spacing, origin = _triple(self.spacing_mm), _triple(self.origin_mm)
        matrix = np.asarray(self.direction, float)
        if min(self.size) < 1 or not all(s > 0 and math.isfinite(s) for s in spacing):
            raise GeometryError("grid", f"has size {self.size} and spacing {spacing} mm", _REMEDY)
        if matrix.shape != (3, 3) or not np.isfinite([*origin, *matrix.flat]).all():
            raise GeometryError("grid", f"has origin {origin} and direction {self.direction}", _REMEDY)
        if np.abs(matrix.T @ matrix - np.eye(3)).max() > ORTHOGONALITY_TOLERANCE:
            raise GeometryError("grid", f"has axes that are not perpendicular: {matrix.tolist()}", _REMEDY)
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))
        object.__setattr__(self, "spacing_mm", spacing)
        object.__setattr__(self, "origin_mm", origin)
        object.__setattr__(self, "direction", direction_of(matrix))

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel in millilitres."""
        return math.prod(self.spacing_mm) / 1000

    @property
    def matrix(self) -> FloatArray:
        """3 x 3, LPS mm a voxel step along array axes z, y, x (columns)."""
        columns: FloatArray = np.asarray(self.direction) * np.asarray(self.spacing_mm)
        return columns

    def to_mm(self, index: FloatArray | Triple | Index) -> FloatArray:
        """Positions (..., 3) in LPS mm of array indices (..., 3) in z, y, x."""
        position: FloatArray = np.asarray(index, float) @ self.matrix.T + np.asarray(self.origin_mm)
        return position

    def to_index(self, position_mm: FloatArray | Triple) -> FloatArray:
        """Array indices (..., 3) in z, y, x, not rounded, of positions (..., 3) in LPS mm."""
        offset = np.asarray(position_mm, float) - np.asarray(self.origin_mm)
        index: FloatArray = offset @ np.linalg.inv(self.matrix).T
        return index

    def part(self, start: Index, size: Index) -> Grid:
        """The grid of the sub-array that begins at an index."""
        return Grid(size, self.spacing_mm, _triple(self.to_mm(start)), self.direction)

    def corners_mm(self) -> FloatArray:
        """The centres (8, 3) of the eight corner voxels in LPS mm."""
        return self.to_mm(np.array(list(itertools.product(*((0, n - 1) for n in self.size))), float))


@dataclass(frozen=True, eq=False)
class Volume:
    """A read-only array (z, y, x) on its grid.

    Raises:
        GeometryError: The array's shape is not the grid's size.
    """

    array: NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.size:
            raise GeometryError("volume", f"has shape {self.array.shape} on a grid of {self.grid.size}", _REMEDY)
        view = self.array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @classmethod
    def read(cls, path: Path) -> Volume:
        """Read a NIfTI, NRRD or MetaImage file.

        Raises:
            ReadError: The file is missing, damaged, of another format, not a 3D scalar image, or holds NaN or infinity.
            GeometryError: The file does not state its spacing and orientation, or states an impossible one.
        """
        if not path.name.lower().endswith(FILE_SUFFIXES):
            raise ReadError(path, f"is none of {' '.join(FILE_SUFFIXES)}", "Convert it to one of these")
        if not path.is_file():
            raise ReadError(path, "is not there", "Check the path")
        array, grid = _read_nifti(path) if path.name.lower().endswith(NIFTI_SUFFIXES) else _read_itk(path)
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise ReadError(path, "holds NaN or infinite voxels", "Export it again, or replace these voxels")
        return cls(array, grid)

    def write(self, path: Path) -> None:
        """Write a file whole; the suffix chooses NIfTI, NRRD or MetaImage.

        Raises:
            WorkspaceError: The file cannot be written.
        """
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(self.array)
        image.SetSpacing(self.grid.spacing_mm[::-1])
        image.SetOrigin(self.grid.origin_mm)
        image.SetDirection(np.asarray(self.grid.direction)[:, ::-1].ravel().tolist())
        with written_whole(path) as part:
            try:
                sitk.WriteImage(image, str(part), useCompression=True)
            except RuntimeError as error:
                raise OSError(str(error).strip().splitlines()[-1]) from error


def same_grid(case: object, got: Grid, expected: Grid) -> None:
    """Refuse two grids that are not one, corner for corner.

    Raises:
        GridMismatch: Size, or a corner by more than `GRID_TOLERANCE_MM`, differs.
    """
    if got.size != expected.size:
        raise GridMismatch(case, "size (z, y, x)", got.size, expected.size)
    apart = np.linalg.norm(got.corners_mm() - expected.corners_mm(), axis=1).max()
    if apart <= GRID_TOLERANCE_MM:
        return
    if not np.allclose(got.spacing_mm, expected.spacing_mm, rtol=1e-3):
        raise GridMismatch(case, "spacing (z, y, x) in mm", got.spacing_mm, expected.spacing_mm)
    if not np.allclose(got.direction, expected.direction, atol=1e-3):
        raise GridMismatch(case, "direction", got.direction, expected.direction)
    raise GridMismatch(case, "origin (LPS) in mm", got.origin_mm, f"{expected.origin_mm}; corners {apart:.3g} mm apart")


def _read_nifti(path: Path) -> tuple[NDArray[Any], Grid]:
    """Nibabel and gzip's own checksum: ITK fills a truncated .nii.gz with zeros and says nothing."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    try:
        raw = path.read_bytes()
        image = nibabel.nifti1.Nifti1Image.from_bytes(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        voxels = np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError, HeaderDataError, WrapStructError) as error:
        raise _unreadable(path, error) from error
    header: Any = image.header
    spacing = [float(value) for value in header["pixdim"][1:4]]
    codes = [int(header["qform_code"]), int(header["sform_code"])]
    if not min(spacing) > 0 or max(codes) == 0:
        raise _without_geometry(path, f"pixdim {spacing}, qform and sform code {codes}")
    if voxels.ndim != 3 or voxels.dtype.fields:
        raise _not_3d(path, f"{voxels.ndim}D of {voxels.dtype}")
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(image.affine)
    return voxels.T, _grid(path, voxels.shape, to_lps[:3, :3], to_lps[:3, 3])


def _read_itk(path: Path) -> tuple[NDArray[Any], Grid]:
    import SimpleITK as sitk

    header = _header_of(path)
    if not any(key in header for key in ("space directions:", "spacings:", "elementspacing", "elementsize")):
        raise _without_geometry(path, "a header without a spacing")  # ITK would take 1 mm
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise _unreadable(path, error) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise _not_3d(path, f"{image.GetDimension()}D with {image.GetNumberOfComponentsPerPixel()} values a voxel")
    columns = np.asarray(image.GetDirection()).reshape(3, 3) * np.asarray(image.GetSpacing())
    return sitk.GetArrayFromImage(image), _grid(path, image.GetSize(), columns, image.GetOrigin())


def _grid(path: Path, size_xyz: Sequence[int], columns_xyz: FloatArray, origin_mm: Sequence[float]) -> Grid:
    """The grid of a file whose axes run x, y, z; `columns_xyz` are LPS mm a voxel step along them."""
    columns = columns_xyz[:, ::-1]
    spacing = np.linalg.norm(columns, axis=0)
    x, y, z = (int(n) for n in size_xyz)
    try:
        return Grid((z, y, x), _triple(spacing), _triple(origin_mm), direction_of(columns / spacing))
    except GeometryError as error:
        raise GeometryError(path, error.problem, error.remedy) from error


def _unreadable(path: Path, error: Exception) -> ReadError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    return ReadError(path, f"cannot be read ({reason})", "Export it again; it may be truncated")


def _without_geometry(path: Path, got: str) -> GeometryError:
    return GeometryError(path, f"does not state its spacing and orientation ({got})", _REMEDY)


def _not_3d(path: Path, got: str) -> ReadError:
    return ReadError(path, f"is {got}, expected one 3D image", "Extract one 3D image from it")


def _header_of(path: Path) -> str:
    """The text before the voxels of a NRRD or MetaImage file, in lower case."""
    lines: list[str] = []
    with path.open("rb") as file:
        for line in itertools.islice(file, 400):
            lines.append(line.decode("latin-1").lower())
            if not line.strip() or lines[-1].startswith("elementdatafile"):
                break
    return "".join(lines)


def direction_of(columns: FloatArray) -> Direction:
    """The rows of a 3 x 3 matrix whose columns are the unit vectors along array axes z, y, x."""
    x, y, z = (_triple(row) for row in columns)
    return x, y, z


def _triple(values: Any) -> Triple:
    first, second, third = (float(value) for value in values)
    return first, second, third
