"""The metrics of one region from each tool: two masks in, `FIGURES` out, None for a metric that a tool lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import surface_distance
import torch
from medpy.metric import binary
from monai import metrics as monai

from benchmarks.hip_masks import SPACING_MM
from onfh_nnunet.core.labels import BoolArray
from postprocessing.metrics.segmentation_metrics import compare_region

FIGURES = ("dice", "iou", "assd", "hd95", "hd", "nsd")
Figures = tuple[float | None, ...]
Tool = Callable[[BoolArray, BoolArray], Figures]
WITH_SPACING: dict[str, Any] = {"include_background": True, "spacing": list(SPACING_MM)}


def ours(true: BoolArray, pred: BoolArray) -> Figures:
    """Everything in `SegmentationMetrics`."""
    found = compare_region(true, pred, SPACING_MM)
    return found.dice, found.iou, found.assd_mm, found.hd95_mm, found.hd_mm, found.nsd_1mm


def with_monai(true: BoolArray, pred: BoolArray) -> Figures:
    """Six functions of MONAI."""
    y_pred, y = (torch.from_numpy(mask[None, None]) for mask in (pred, true))
    return (
        monai.compute_dice(y_pred, y).item(),
        monai.compute_iou(y_pred, y).item(),
        monai.compute_average_surface_distance(y_pred, y, symmetric=True, **WITH_SPACING).item(),
        monai.compute_hausdorff_distance(y_pred, y, percentile=95, **WITH_SPACING).item(),
        monai.compute_hausdorff_distance(y_pred, y, **WITH_SPACING).item(),
        monai.compute_surface_dice(y_pred, y, [1.0], **WITH_SPACING).item(),
    )


def with_surface_distance(true: BoolArray, pred: BoolArray) -> Figures:
    """Distances once, and its functions of them; its two directed means are averaged."""
    apart = surface_distance.compute_surface_distances(true, pred, SPACING_MM)
    return (
        surface_distance.compute_dice_coefficient(true, pred),
        None,
        float(np.mean(surface_distance.compute_average_surface_distance(apart))),
        surface_distance.compute_robust_hausdorff(apart, 95),
        surface_distance.compute_robust_hausdorff(apart, 100),
        surface_distance.compute_surface_dice_at_tolerance(apart, 1.0),
    )


def with_medpy(true: BoolArray, pred: BoolArray) -> Figures:
    """Five functions of MedPy."""
    return (
        binary.dc(pred, true),
        binary.jc(pred, true),
        binary.assd(pred, true, SPACING_MM),
        binary.hd95(pred, true, SPACING_MM),
        binary.hd(pred, true, SPACING_MM),
        None,
    )


def monai_assd(true: BoolArray, pred: BoolArray) -> Figures:
    """One function of MONAI."""
    y_pred, y = (torch.from_numpy(mask[None, None]) for mask in (pred, true))
    assd = monai.compute_average_surface_distance(y_pred, y, symmetric=True, **WITH_SPACING)
    return None, None, assd.item(), None, None, None


def medpy_assd(true: BoolArray, pred: BoolArray) -> Figures:
    """One function of MedPy."""
    return None, None, binary.assd(pred, true, SPACING_MM), None, None, None


TOOLS: dict[str, Tool] = {
    "ours, all": ours,
    "MONAI, all": with_monai,
    "MONAI, ASSD alone": monai_assd,
    "surface-distance, all": with_surface_distance,
    "MedPy, all": with_medpy,
    "MedPy, ASSD alone": medpy_assd,
}
