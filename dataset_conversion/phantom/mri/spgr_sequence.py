"""Sequence parameters of a spoiled gradient echo at 1.5 or 3 T."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FIELDS_T = (1.5, 3.0)
PROTON_MHZ_PER_T = 42.577
FAT_SHIFT_PPM = 3.4

# Our own choice, as hips are scanned with.
_BANDWIDTH_HZ = ((150.0, 260.0), (300.0, 500.0))  # at each field: fat lies 0.8 to 1.5 pixels beside water
_SLAB = (12.0, 20.0), (15.0, 30.0)  # TR in ms and flip angle in degrees of a 3D acquisition
_SLICES = (150.0, 260.0), (60.0, 80.0)  # of a 2D one, which comes back to a slice only after all the others


@dataclass(frozen=True)
class Sequence:
    """A spoiled gradient echo.

    Args:
        tr_ms: Repetition time.
        te_ms: Echo time.
        flip_deg: Flip angle.
        field_t: Field strength, one of `FIELDS_T`.
        bandwidth_hz: Of a pixel, along the readout.
    """

    tr_ms: float
    te_ms: float
    flip_deg: float
    field_t: float = 1.5
    bandwidth_hz: float = 220.0

    @classmethod
    def draw(cls, rng: np.random.Generator, field_t: float, *, thick: bool) -> Sequence:
        """A random sequence: of a 3D slab, or of thick 2D slices."""
        trs, flips = _SLICES if thick else _SLAB
        tr, te, flip = rng.uniform(*trs), rng.uniform(2.3, 5), rng.uniform(*flips)
        bandwidth = rng.uniform(*_BANDWIDTH_HZ[FIELDS_T.index(field_t)])
        return cls(round(tr, 1), round(te, 2), round(flip), field_t, round(bandwidth))

    @property
    def fat_shift_hz(self) -> float:
        """Frequency difference between water and fat."""
        return FAT_SHIFT_PPM * PROTON_MHZ_PER_T * self.field_t

    @property
    def fat_shift_pixels(self) -> float:
        """Displacement of fat against water along the readout (chemical shift of the first kind)."""
        return self.fat_shift_hz / self.bandwidth_hz
