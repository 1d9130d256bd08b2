"""One region of a reference against a prediction.

The surface of a region is its voxels that have a background voxel across a face; the image border counts as
background. Distances run between voxel centres, in mm, from each surface voxel to the nearest of the other surface.
"ASD" is not one number: tools differ by a factor of two. Here ASSD pools both directed sets (MedPy's `assd` with
connectivity 1, MONAI's symmetric surface distance with spacing), and HD95 is the larger of the two directed 95th
percentiles (Metrics Reloaded, MONAI, surface-distance); MedPy's `hd95` pools the directions and differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.grid import FloatArray, Triple, same_grid
from onfh_nnunet.labels import BoolArray, Region
from onfh_nnunet.volume import Volume
from postprocessing.box import bounding_box, padded

NSD_TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class SegmentationMetrics:
    """How well a prediction meets a reference; None is undefined and never counts as 0.

    | reference | prediction | dice | assd_mm, hd95_mm | nsd_1mm |
    |---|---|---|---|---|
    | empty | empty | None | None | None |
    | empty | not | 0 | None | 0 |
    | not | empty | 0 | None | 0 |
    | not | not | 0 to 1 | 0 or more | 0 to 1 |

    Two empty masks are no success: a hip without necrosis must not raise the mean. One empty mask is a failure: its
    overlaps are the worst, and no distance describes it.

    Args:
        dice: Twice the overlap over the sum of both volumes.
        assd_mm: Average symmetric surface distance, both directions pooled.
        hd95_mm: The larger of the two directed 95th percentiles.
        nsd_1mm: Share of the voxels of both surfaces that lie within 1 mm of the other surface.
        ml_true: Volume of the reference.
        ml_pred: Volume of the prediction.
    """

    dice: float | None
    assd_mm: float | None
    hd95_mm: float | None
    nsd_1mm: float | None
    ml_true: float
    ml_pred: float

    @property
    def volume_error_ml(self) -> float:
        """Prediction minus reference."""
        return self.ml_pred - self.ml_true


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """From every surface voxel of one mask to the surface of the other, in mm; neither is empty."""

    from_reference: FloatArray
    from_prediction: FloatArray

    @property
    def assd_mm(self) -> float:
        """Mean of both sets pooled."""
        return float(np.concatenate([self.from_reference, self.from_prediction]).mean())

    @property
    def hd95_mm(self) -> float:
        """Larger of the two 95th percentiles, linearly interpolated."""
        return float(max(np.percentile(one, 95) for one in (self.from_reference, self.from_prediction)))

    def nsd(self, tolerance_mm: float) -> float:
        """Share of both surfaces within a tolerance of the other, bound included."""
        return float((np.concatenate([self.from_reference, self.from_prediction]) <= tolerance_mm).mean())


def compare(reference: Volume, prediction: Volume, case: object) -> dict[Region, SegmentationMetrics]:
    """Compare two label maps 0, 1, 2 (z, y, x), region by region.

    Raises:
        GridMismatch: They do not lie on one grid; names the case.
    """
    same_grid(case, prediction.grid, reference.grid)
    box = bounding_box((reference.array > 0) | (prediction.array > 0))
    true, pred = (mask.array if box is None else padded(mask.array, box) for mask in (reference, prediction))
    spacing = reference.grid.spacing_mm
    return {region: compare_region(region.mask(true), region.mask(pred), spacing) for region in Region}


def compare_region(reference: BoolArray, prediction: BoolArray, spacing_mm: Triple) -> SegmentationMetrics:
    """Compare two masks of one region.

    Args:
        reference: Where the region is, bool (z, y, x).
        prediction: Where it is said to be, bool (z, y, x).
        spacing_mm: Of the array axes z, y, x.

    Returns:
        The metrics; the table in `SegmentationMetrics` says what holds for empty masks.
    """
    voxel_ml = math.prod(spacing_mm) / 1000
    n_true, n_pred = int(np.count_nonzero(reference)), int(np.count_nonzero(prediction))
    overlap = 2 * int(np.count_nonzero(reference & prediction))
    apart = surface_distances(reference, prediction, spacing_mm) if n_true and n_pred else None
    worst = 0.0 if n_true or n_pred else None
    return SegmentationMetrics(
        dice=overlap / (n_true + n_pred) if n_true or n_pred else None,
        assd_mm=apart.assd_mm if apart else None,
        hd95_mm=apart.hd95_mm if apart else None,
        nsd_1mm=apart.nsd(NSD_TOLERANCE_MM) if apart else worst,
        ml_true=n_true * voxel_ml,
        ml_pred=n_pred * voxel_ml,
    )


def surface_distances(reference: BoolArray, prediction: BoolArray, spacing_mm: Triple) -> SurfaceDistances:
    """The distances between the surfaces of two masks (z, y, x), of which neither is empty, in both directions."""
    from scipy.spatial import KDTree

    box = bounding_box(reference | prediction)
    if box is None:
        raise ValueError("an empty mask has no surface")
    true, pred = (np.argwhere(_surface(padded(mask, box))) * spacing_mm for mask in (reference, prediction))
    to_pred, to_true = (np.asarray(KDTree(to).query(of)[0]) for to, of in ((pred, true), (true, pred)))
    return SurfaceDistances(to_pred, to_true)


def _surface(mask: BoolArray) -> BoolArray:
    """The voxels of a mask, within one layer of background, that have a background voxel across a face."""
    inner = mask.copy()
    for axis in range(3):
        inner &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return mask & ~inner
