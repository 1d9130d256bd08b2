"""What tissues look like in a scan, measured beside the head that is to be painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from onfh_nnunet.core.choices import Weighting
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.labels import BoolArray
from onfh_nnunet.core.volume import Volume

_INSIDE_MM, _AROUND_MM = 3.0, 25.0
"""Marrow is measured deeper than this below the head's surface; muscle, bone and fat up to this far from it."""

CORTEX_MM = 3.0
"""The cortex lies nearer to the surface than this."""


@dataclass(frozen=True)
class GreyLevels:
    """Grey values beside a head.

    Args:
        marrow: Of living marrow, the median of the head's inner part.
        muscle: Of the darker of the two classes of tissue around the head.
        cortex: Of the darkest tissue at its surface.
        bright: Of the brightest tissue around it: fluid, or fat.
        noise: Standard deviation of what changes from voxel to voxel in dark tissue.
    """

    marrow: float
    muscle: float
    cortex: float
    bright: float
    noise: float

    @classmethod
    def measure(cls, scan: Volume, head: BoolArray) -> GreyLevels:
        """Measure a scan (z, y, x) around the mask of one head of it, which is not empty."""
        from scipy import ndimage
        from skimage.filters import threshold_otsu

        grey: Any = scan.array.astype(np.float32)
        outer, inner = (ndimage.distance_transform_edt(mask, scan.grid.spacing_mm) for mask in (~head, head))
        deep = inner > min(_INSIDE_MM, float(inner.max()) / 2)
        around, surface = (outer > 0) & (outer < _AROUND_MM), (outer < CORTEX_MM) & (inner < CORTEX_MM)
        dark = around & (grey < threshold_otsu(grey[around]))
        rough = grey - ndimage.median_filter(grey, (1, 3, 3))
        return cls(
            float(np.median(grey[deep])),
            float(np.median(grey[dark])),
            float(np.percentile(grey[surface], 3)),
            float(np.percentile(grey[around], 98)),
            float(1.4826 * np.median(np.abs(rough[dark]))),
        )

    def require(self, weighting: Weighting, subject: object) -> None:
        """Refuse a head that does not look as its weighting makes it.

        Raises:
            ReadError: Marrow is as dark as metal, or no brighter or no darker than muscle where it should be.
        """
        if self.marrow <= self.cortex + 2 * self.noise:
            raise ReadError(subject, "has a head as dark as metal or cortex", "Leave out hips with an implant of metal")
        if weighting is not Weighting.FAT_SUPPRESSED and self.marrow < 1.1 * self.muscle:
            seen = f"has marrow of {self.marrow:.0f} beside muscle of {self.muscle:.0f}, expected brighter marrow"
            raise ReadError(subject, f"{seen} for {weighting}", "Give `weighting` fat-suppressed, if its fat is")
        if weighting is Weighting.FAT_SUPPRESSED and self.marrow > 1.3 * self.muscle:
            seen = f"has marrow of {self.marrow:.0f} beside muscle of {self.muscle:.0f}, expected darker marrow"
            raise ReadError(subject, f"{seen} for {weighting}", "Give `weighting` t1 or t2")
