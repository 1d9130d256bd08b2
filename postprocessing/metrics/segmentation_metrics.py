"""Segmentation metrics of one region: volumes, overlap, surface distances, lesions.

What a distance, an area and a lesion is stands in `surface_distances`, `surface_area` and
`lesion_detection`. Which metrics belong together, and why none is enough alone: Maier-Hein L, Reinke A et al.
Metrics reloaded. Nat Methods 2024;21:195-212.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from onfh_nnunet.core.bounding_box import bounding_box
from onfh_nnunet.core.grid import FloatArray, Triple, same_grid
from onfh_nnunet.core.labels import BoolArray, Region
from onfh_nnunet.core.volume import Volume
from postprocessing.metrics.lesion_detection import match_lesions
from postprocessing.metrics.surface_area import surface_area_mm2
from postprocessing.metrics.surface_distances import surface_distances

NSD_TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class SegmentationMetrics:
    """The metrics of a prediction against a reference; None is undefined and never counts as 0.

    | reference | prediction | dice, iou | assd, hd95, hd, centroid distance | nsd_1mm | volume_error_percent |
    |---|---|---|---|---|---|
    | empty | empty | None | None | None | None |
    | empty | not | None | None | None | None |
    | not | empty | 0 | None | 0 | -100 |
    | not | not | 0 to 1 | 0 or more | 0 to 1 | above -100 |

    Without a reference nothing can be overlapped: a healthy hip neither raises nor lowers the mean of the lesions,
    and what is outlined in it is reported as such; see `statistics.healthy_hips`. An empty prediction is a failure: its
    overlaps are the worst, and no distance describes it. Volumes, areas and counts of an empty mask are 0.

    Args:
        dice: Twice the overlap over the sum of both volumes (Dice LR. Ecology 1945;26:297-302).
        assd_mm: Average symmetric surface distance, both directions pooled.
        hd95_mm: The larger of the two directed 95th percentiles.
        nsd_1mm: Resources of the voxels of both surfaces that lie within 1 mm of the other surface.
        ml_true: Volume of the reference.
        ml_pred: Volume of the prediction.
        iou: Overlap over union (Jaccard P. New Phytol 1912;11:37-50).
        hd_mm: Hausdorff distance.
        area_true_mm2: Surface of the reference.
        area_pred_mm2: Surface of the prediction.
        centroid_distance_mm: Between the centres of gravity.
        true_positives: Lesions (components) of the reference that are found.
        false_negatives: Those that are not.
        false_positives: Lesions of the prediction that are none.
    """

    dice: float | None
    assd_mm: float | None
    hd95_mm: float | None
    nsd_1mm: float | None
    ml_true: float
    ml_pred: float
    iou: float | None
    hd_mm: float | None
    area_true_mm2: float
    area_pred_mm2: float
    centroid_distance_mm: float | None
    true_positives: int
    false_negatives: int
    false_positives: int

    @property
    def volume_error_ml(self) -> float:
        """Prediction minus reference."""
        return self.ml_pred - self.ml_true

    @property
    def absolute_volume_error_ml(self) -> float:
        """The absolute volume error."""
        return abs(self.volume_error_ml)

    @property
    def volume_error_percent(self) -> float | None:
        """Prediction minus reference in percent of the reference; None without a reference."""
        return 100 * self.volume_error_ml / self.ml_true if self.ml_true else None

    @property
    def absolute_volume_error_percent(self) -> float | None:
        """The absolute volume error in percent of the reference."""
        return None if self.volume_error_percent is None else abs(self.volume_error_percent)


def compare(reference: Volume, prediction: Volume, case: object) -> dict[Region, SegmentationMetrics]:
    """Compare two label maps 0, 1, 2 (z, y, x), region by region.

    Raises:
        GridMismatch: They do not lie on one grid; names the case.
    """
    same_grid(case, prediction.grid, reference.grid)
    box = bounding_box(reference.array | prediction.array)
    true, pred = (mask.array if box is None else mask.array[box] for mask in (reference, prediction))
    spacing = reference.grid.spacing_mm
    return {region: compare_region(region.mask(true), region.mask(pred), spacing) for region in Region}


def compare_region(reference: BoolArray, prediction: BoolArray, spacing_mm: Triple) -> SegmentationMetrics:
    """Compare two masks of one region.

    Args:
        reference: Where the region is, bool (z, y, x).
        prediction: Where it is said to be, bool (z, y, x) of the same shape.
        spacing_mm: Of the array axes z, y, x.

    Returns:
        The metrics; the table in `SegmentationMetrics` says what holds for empty masks.
    """
    box = bounding_box(reference | prediction)
    if box is None:
        return _BOTH_EMPTY
    true, pred, voxel_ml = reference[box], prediction[box], math.prod(spacing_mm) / 1000
    n_true, n_pred, both = (int(np.count_nonzero(mask)) for mask in (true, pred, true & pred))
    apart = surface_distances(true, pred, spacing_mm) if n_true and n_pred else None
    return SegmentationMetrics(
        dice=2 * both / (n_true + n_pred) if n_true else None,
        assd_mm=apart.assd_mm if apart else None,
        hd95_mm=apart.hd95_mm if apart else None,
        nsd_1mm=apart.nsd(NSD_TOLERANCE_MM) if apart else 0.0 if n_true else None,
        ml_true=n_true * voxel_ml,
        ml_pred=n_pred * voxel_ml,
        iou=both / (n_true + n_pred - both) if n_true else None,
        hd_mm=apart.hd_mm if apart else None,
        area_true_mm2=surface_area_mm2(true, spacing_mm),
        area_pred_mm2=surface_area_mm2(pred, spacing_mm),
        centroid_distance_mm=math.dist(*(_centroid_mm(mask, spacing_mm) for mask in (true, pred))) if apart else None,
        **vars(match_lesions(true, pred, spacing_mm)),
    )


_BOTH_EMPTY = SegmentationMetrics(None, None, None, None, 0.0, 0.0, None, None, 0.0, 0.0, None, 0, 0, 0)


def _centroid_mm(mask: BoolArray, spacing_mm: Triple) -> FloatArray:
    """Centroid of a non-empty mask, along z, y, x from its first voxel."""
    plane = mask.sum(axis=0)
    layers = (mask.sum(axis=(1, 2)), plane.sum(axis=1), plane.sum(axis=0))
    centre: FloatArray = np.array([np.average(np.arange(n.size), weights=n) for n in layers]) * spacing_mm
    return centre
