"""Surface distances of two masks, measured once; every surface metric is a function of them.

The surface of a mask is its voxels that have a background voxel across a face; the image border counts as background.
Distances run between voxel centres, in mm, from each surface voxel to the nearest of the other surface.

Tools mean different things by one name; each difference has a test.

| metric | here, and MONAI with spacing | MedPy | surface-distance |
|---|---|---|---|
| ASSD | mean of both directions pooled | the same as `assd`, connectivity 1 | one mean a direction, weighted by area |
| HD95 | larger of the two directed percentiles | `hd95`: percentile of both pooled | as here, weighted by area |
| NSD | share of the voxels of both surfaces | none | share of the area of both surfaces |

surface-distance puts surface elements at the corners between voxels and weights them by their area, and so does MONAI
with `use_subvoxels`. Their figures meet these where no weight matters, and in the limit of small voxels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.bounding_box import bounding_box, crop_with_border, nonzero_indices
from onfh_nnunet.core.grid import FloatArray, Triple
from onfh_nnunet.core.labels import BoolArray

IntArray = NDArray[np.integer[Any]]

REACH = 3
"""How many of the shortest voxel steps are searched step by step; a k-d tree finds what lies farther. Most of a good
prediction lies nearer, where a look-up beats the tree. It changes the time and no distance."""


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances in mm from every surface voxel of each mask to the surface of the other; neither mask is empty."""

    from_reference: FloatArray
    from_prediction: FloatArray

    @property
    def assd_mm(self) -> float:
        """Average symmetric surface distance: the mean of both sets pooled.

        Heimann T et al. IEEE Trans Med Imaging 2009;28:1251-1265.
        """
        total = float(self.from_reference.sum() + self.from_prediction.sum())
        return total / (self.from_reference.size + self.from_prediction.size)

    @property
    def hd_mm(self) -> float:
        """Hausdorff distance: the maximum.

        Huttenlocher DP, Klanderman GA, Rucklidge WJ. IEEE Trans Pattern Anal Mach Intell 1993;15:850-863.
        """
        return float(max(self.from_reference.max(), self.from_prediction.max()))

    @property
    def hd95_mm(self) -> float:
        """The larger of the two directed 95th percentiles, each linearly interpolated.

        Maier-Hein L, Reinke A et al. Metrics reloaded. Nat Methods 2024;21:195-212.
        """
        return float(max(np.percentile(one, 95) for one in (self.from_reference, self.from_prediction)))

    def nsd(self, tolerance_mm: float) -> float:
        """Normalised surface distance: the share of both surfaces' voxels within a tolerance of the other surface.

        The bound is included. Nikolov S et al. J Med Internet Res 2021;23:e26151, there as a share of the area.
        """
        within = sum(np.count_nonzero(one <= tolerance_mm) for one in (self.from_reference, self.from_prediction))
        return int(within) / (self.from_reference.size + self.from_prediction.size)


def surface_distances(reference: BoolArray, prediction: BoolArray, spacing_mm: Triple) -> SurfaceDistances:
    """Measure from each surface to the other.

    Args:
        reference: A mask, bool (z, y, x).
        prediction: The other, bool (z, y, x) of the same shape.
        spacing_mm: Of the array axes z, y, x.

    Raises:
        ValueError: A mask is empty: it has no surface, and no distance is defined.
    """
    box = bounding_box(reference | prediction)
    if box is None or not reference.any() or not prediction.any():
        raise ValueError("an empty mask has no surface")
    true, pred = (_surface(crop_with_border(mask, box, REACH)) for mask in (reference, prediction))
    return SurfaceDistances(_nearest_mm(true, pred, spacing_mm), _nearest_mm(pred, true, spacing_mm))


def _surface(mask: BoolArray) -> BoolArray:
    """The voxels of a mask with a border of background that have a background voxel across a face."""
    inside = mask.copy()
    for axis, start in itertools.product(range(3), (0, 2)):
        neighbours = [slice(1, -1)] * 3
        neighbours[axis] = slice(start, mask.shape[axis] - 2 + start)
        inside[1:-1, 1:-1, 1:-1] &= mask[tuple(neighbours)]
    surface: BoolArray = mask & ~inside
    return surface


def _nearest_mm(of: BoolArray, to: BoolArray, spacing_mm: Triple) -> FloatArray:
    """The distance from each voxel of one surface to the other, both with a border of `REACH` background layers."""
    from scipy.spatial import KDTree

    start, targets, steps = np.flatnonzero(of), to.ravel(), _steps(spacing_mm)
    found, pending = np.zeros(start.size), np.arange(start.size)
    # Read flat, a neighbour is a fixed way off, and the layers of background keep it from running into the next row.
    ways = steps @ (to.shape[1] * to.shape[2], to.shape[2], 1)
    for way, length in zip(ways, _lengths_mm(steps, spacing_mm), strict=True):
        reached = targets[start[pending] + way]
        found[pending[reached]] = length
        pending = pending[~reached]
        if not pending.size:
            return found
    far, ends = nonzero_indices(of)[pending], nonzero_indices(to)
    nearest = KDTree(ends * spacing_mm, balanced_tree=False).query(far * spacing_mm)[1]
    found[pending] = _lengths_mm(far - ends[nearest], spacing_mm)
    return found


@lru_cache
def _steps(spacing_mm: Triple) -> IntArray:
    """All steps (n, 3) to voxels within `REACH` of the shortest voxel steps, in order of length."""
    around = np.argwhere(np.ones((2 * REACH + 1,) * 3)) - REACH
    lengths = _lengths_mm(around, spacing_mm)
    return around[np.argsort(lengths)[: np.count_nonzero(lengths <= REACH * min(spacing_mm))]]


def _lengths_mm(steps: IntArray, spacing_mm: Triple) -> FloatArray:
    """Lengths computed from whole voxel steps (n, 3), so that rounding does not depend on position."""
    lengths: FloatArray = np.sqrt(((steps * spacing_mm) ** 2).sum(axis=1))
    return lengths
