"""A converted hip laid back into its scan, to compare the two voxel for voxel."""

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.grid import Grid, same_grid
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.volume import Volume


def laid_back(hip: Volume, mirrored: bool, source: Grid) -> NDArray:
    """Array (z, y, x) of the source's size and the hip's type, 0 outside the hip's box.

    Args:
        hip: A case's image or label, in the canonical frame.
        mirrored: The case's `mirrored`.
        source: The grid of the scan that it was cut out of.
    """
    whole = HipCrop.whole(source)
    z, y, x = (int(n) for n in np.rint(whole.grid.to_index(hip.grid.origin_mm)))
    crop = HipCrop(source, whole.axes, whole.flipped, (z, y, x), hip.grid.size, mirrored)
    same_grid("hip", hip.grid, crop.grid)
    return crop.restore(hip.array)
