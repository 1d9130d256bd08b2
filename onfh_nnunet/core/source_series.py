"""The DICOM series that a volume was read from, as objects that are made of it must refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onfh_nnunet.core.grid import FloatArray, Grid


@dataclass(frozen=True)
class SourceFrame:
    """One slice of a series.

    Args:
        sop_class: SOPClassUID of its file.
        sop_instance: SOPInstanceUID of its file.
        number: Its number in a multi-frame file, from 1; None for a file of one image.
    """

    sop_class: str
    sop_instance: str
    number: int | None


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """A series as the slices of its volume.

    Args:
        header: Patient, study, series and equipment, as the file of the first slice states them, without pixels and
            functional groups: a `pydicom.Dataset`.
        frames: One for each slice of the grid, in their order.
        positions_mm: ImagePositionPatient (n, 3) of the frames, LPS.
        orientation: ImageOrientationPatient (2, 3): along a row, along a column.
        grid: Of the volume (z, y, x).
    """

    header: Any
    frames: tuple[SourceFrame, ...]
    positions_mm: FloatArray
    orientation: FloatArray
    grid: Grid
