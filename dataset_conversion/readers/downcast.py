"""The smallest voxel type that nnU-Net's readers know and that keeps the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def downcast(array: NDArray[Any]) -> NDArray[Any]:
    """An array (z, y, x) of intensities as int16 or uint16 when all values are whole and fit, else as float32."""
    low, high = array.min(), array.max()
    for kind in (np.int16, np.uint16):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            whole = array.astype(kind)
            if np.array_equal(whole, array):
                return whole
    return array.astype(np.float32)
