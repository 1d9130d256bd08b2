"""Scan protocol of a cohort: plane, field of view, voxels and vendor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataset_conversion.phantom.mri.slice_profile import OVERLAPPING, PARTITIONS, THICK, SliceProfile
from onfh_nnunet.core.choices import Plane, Vendor
from onfh_nnunet.core.errors import GeometryError
from onfh_nnunet.core.grid import FloatArray, Grid, Triple, direction_of

SPACING_MM = (1.0, 1.25, 1.25)
"""Slice step, row and column spacing of a 3D slab."""

THICK_SPACING_MM = (3.6, 0.7, 0.7)
"""Of thick slices, 3 mm and a gap of 0.6 mm."""

_NECK_DEG, _DOWN_DEG = 14.0, 9.0  # a coronal plane turned along a left femoral neck, and then down its front


def nearest(plane: Plane) -> FloatArray:
    """Unit vectors (LPS) along slice, row and column of the array, as columns; right-handed as x, y, z."""
    columns = {
        Plane.CORONAL: [[0, 1, 0], [0, 0, -1], [1, 0, 0]],
        Plane.AXIAL: [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
        Plane.SAGITTAL: [[-1, 0, 0], [0, 0, -1], [0, 1, 0]],
    }
    return np.array(columns.get(plane, columns[Plane.CORONAL]), float).T


def angulated(plane: Plane) -> FloatArray:
    """As `nearest`, but angulated: an oblique plane is a coronal one, rotated about two axes."""
    if plane is not Plane.OBLIQUE:
        return nearest(plane)
    c, s = np.cos(np.deg2rad(_NECK_DEG)), np.sin(np.deg2rad(_NECK_DEG))
    turned: FloatArray = _about_left_right(_DOWN_DEG) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ nearest(plane)
    return turned


def field_mm(plane: Plane, *, bilateral: bool) -> Triple:
    """The field of view along left-right, front-back and foot-head."""
    if plane is Plane.AXIAL:
        return (360.0, 260.0, 90.0) if bilateral else (160.0, 150.0, 90.0)
    if plane is Plane.SAGITTAL:
        return (270.0, 200.0, 220.0) if bilateral else (90.0, 150.0, 150.0)
    if plane is Plane.OBLIQUE and bilateral:
        return (320.0, 125.0, 320.0)  # so deep that both heads are whole
    return (320.0, 80.0, 320.0) if bilateral else (150.0, 90.0, 150.0)


@dataclass(frozen=True)
class ScanProtocol:
    """The scan protocol of every patient of a cohort.

    Args:
        plane: Of the slices.
        spacing_mm: Slice step, row spacing, column spacing.
        tilt_deg: Turn about the left-right axis.
        thick: 2D slices with gaps instead of a 3D slab.
        bilateral: Both hips in each scan.
        vendor: Whose scanner it is.

    Raises:
        GeometryError: A spacing is not positive, or a number is not finite.
    """

    plane: Plane = Plane.CORONAL
    spacing_mm: Triple = SPACING_MM
    tilt_deg: float = 0.0
    thick: bool = False
    bilateral: bool = False
    vendor: Vendor = Vendor.NEUTRAL

    def __post_init__(self) -> None:
        if not (min(self.spacing_mm) > 0 and np.isfinite([*self.spacing_mm, self.tilt_deg]).all()):
            got = f"has spacing {self.spacing_mm} mm and tilt {self.tilt_deg} degrees"
            raise GeometryError("phantom", got, "Use a spacing above 0 and finite numbers")

    @property
    def profile(self) -> SliceProfile:
        """Of the slices; GE scanners make two overlapping partitions of each encoded one."""
        slab = OVERLAPPING if self.vendor is Vendor.GE else PARTITIONS
        return THICK if self.thick else slab

    @property
    def thickness_mm(self) -> float:
        """Of a slice, which is not the step where slices overlap or leave gaps."""
        return self.spacing_mm[0] * self.profile.thickness_steps

    def grid(self, centre_mm: Triple, extent_mm: Triple) -> Grid:
        """The grid around a position (LPS), of an extent along left-right, front-back and foot-head in mm."""
        # nine decimals: what a DICOM decimal string of 16 characters keeps
        axes = np.round(_about_left_right(self.tilt_deg) @ angulated(self.plane), 9)
        extent = np.abs(nearest(self.plane)).T @ np.array(extent_mm)
        z, y, x = (max(1, round(float(n))) for n in extent / self.spacing_mm)
        half = (np.array([z, y, x]) - 1) / 2 * self.spacing_mm
        first, second, third = np.round(np.array(centre_mm) - axes @ half, 3).tolist()
        return Grid((z, y, x), self.spacing_mm, (first, second, third), direction_of(axes))


def _about_left_right(degrees: float) -> FloatArray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
