"""How a scan lies in the patient: its plane, its field of view, and its voxel grid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onfh_nnunet.errors import GeometryError
from onfh_nnunet.grid import FloatArray, Grid, Triple, direction_of


class Plane(StrEnum):
    """The plane of the slices, each shown with the patient's right on the left."""

    CORONAL = "coronal"
    AXIAL = "axial"

    @property
    def axes(self) -> FloatArray:
        """Columns: unit vectors (LPS) along slice, row and column of the array; right-handed as x, y, z."""
        slices_rows = {Plane.CORONAL: [[0, 1, 0], [0, 0, -1]], Plane.AXIAL: [[0, 0, 1], [0, 1, 0]]}[self]
        return np.array([*slices_rows, [1, 0, 0]], float).T


@dataclass(frozen=True)
class Placement:
    """Where and how finely a scan samples the patient.

    Args:
        spacing_mm: Slice step, row spacing, column spacing.
        tilt_deg: Turn about the left-right axis.
        plane: Of the slices.

    Raises:
        GeometryError: A spacing is not positive, or a number is not finite.
    """

    spacing_mm: Triple
    tilt_deg: float = 0.0
    plane: Plane = Plane.CORONAL

    def __post_init__(self) -> None:
        if not (min(self.spacing_mm) > 0 and np.isfinite([*self.spacing_mm, self.tilt_deg]).all()):
            got = f"has spacing {self.spacing_mm} mm and tilt {self.tilt_deg} degrees"
            raise GeometryError("phantom", got, "Use a spacing above 0 and finite numbers")

    def grid(self, centre_mm: Triple, extent_mm: Triple) -> Grid:
        """The grid around a position (LPS), of an extent along left-right, front-back and foot-head in mm."""
        turn = np.deg2rad(self.tilt_deg)
        c, s = np.cos(turn), np.sin(turn)
        # nine decimals: what a DICOM decimal string of 16 characters keeps
        axes = np.round(np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ self.plane.axes, 9)
        extent = np.abs(self.plane.axes).T @ np.array(extent_mm)
        z, y, x = (max(1, round(float(n))) for n in extent / self.spacing_mm)
        half = (np.array([z, y, x]) - 1) / 2 * self.spacing_mm
        first, second, third = np.round(np.array(centre_mm) - axes @ half, 3).tolist()
        return Grid((z, y, x), self.spacing_mm, (first, second, third), direction_of(axes))
