"""Case metrics: cases.csv, one row per hip, prediction against reference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from onfh_nnunet.core.csv_rows import NO_COLUMN
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.hip_traits import HipTraits
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade
from postprocessing.metrics.segmentation_metrics import compare
from postprocessing.statistics.agreement import GradePair

FIRST = ("dice", "assd_mm", "hd95_mm", "nsd_1mm", "ml_true", "ml_pred")
ERRORS = ("volume_error_ml", "absolute_volume_error_ml", "volume_error_percent", "absolute_volume_error_percent")
SHAPES = ("iou", "hd_mm", "centroid_distance_mm", *ERRORS, "area_true_mm2", "area_pred_mm2")
LESIONS = ("true_positives", "false_negatives", "false_positives")
METRICS = (*FIRST, *SHAPES, *LESIONS)
"""The columns of each region, after its name: attributes of `SegmentationMetrics`."""


@dataclass(frozen=True)
class CrossvalRow:
    """A row of cases.csv; None is undefined. The order of the columns up to `grade_pred` is stable.

    Args:
        case_id: The hip.
        patient: Whose hip it is; hips of one patient are no independent hips.
        side: The patient's side, where known.
        fold: The fold that predicted it and never saw it; None outside a cross-validation.
        necrosis_percent_true: Necrosis in percent of the head; None without a head.
        grade_true: From whole voxel counts; none without necrosis.
        warnings: What a reader of the row should know, joined with ``; ``; no column of the table.

    The columns of a region are those of `SegmentationMetrics`, `true` is the reference and `pred` the prediction; the
    last columns are those of `HipTraits`.
    """

    case_id: str
    patient: str
    side: Side | None
    fold: int | None
    head_dice: float | None
    head_assd_mm: float | None
    head_hd95_mm: float | None
    head_nsd_1mm: float | None
    head_ml_true: float
    head_ml_pred: float
    necrosis_dice: float | None
    necrosis_assd_mm: float | None
    necrosis_hd95_mm: float | None
    necrosis_nsd_1mm: float | None
    necrosis_ml_true: float
    necrosis_ml_pred: float
    necrosis_percent_true: float | None
    necrosis_percent_pred: float | None
    grade_true: Grade
    grade_pred: Grade
    head_iou: float | None = None
    head_hd_mm: float | None = None
    head_centroid_distance_mm: float | None = None
    head_volume_error_ml: float | None = None
    head_absolute_volume_error_ml: float | None = None
    head_volume_error_percent: float | None = None
    head_absolute_volume_error_percent: float | None = None
    head_area_true_mm2: float | None = None
    head_area_pred_mm2: float | None = None
    head_true_positives: int = 0
    head_false_negatives: int = 0
    head_false_positives: int = 0
    necrosis_iou: float | None = None
    necrosis_hd_mm: float | None = None
    necrosis_centroid_distance_mm: float | None = None
    necrosis_volume_error_ml: float | None = None
    necrosis_absolute_volume_error_ml: float | None = None
    necrosis_volume_error_percent: float | None = None
    necrosis_absolute_volume_error_percent: float | None = None
    necrosis_area_true_mm2: float | None = None
    necrosis_area_pred_mm2: float | None = None
    necrosis_true_positives: int = 0
    necrosis_false_negatives: int = 0
    necrosis_false_positives: int = 0
    thickest_mm: float | None = None
    head_grey_sd: float | None = None
    head_score: float | None = None
    unsure_percent: float | None = None
    warnings: str = field(default="", metadata=NO_COLUMN)

    @property
    def traits(self) -> HipTraits | None:
        """What tells whether the hip is like others; None where the table holds masks alone, or no head."""
        return HipTraits.of(self)

    def with_traits(self, traits: HipTraits | None) -> CrossvalRow:
        """The row with the traits of a prediction."""
        return replace(self, **vars(traits)) if traits else self

    @property
    def grade_pair(self) -> GradePair:
        """Both grades and percentages of this hip, for statistics of agreement."""
        return GradePair(
            self.patient, self.grade_true, self.grade_pred, self.necrosis_percent_true, self.necrosis_percent_pred
        )


def crossval_row(hip: Hip, fold: int | None, reference: HipMask, prediction: HipMask) -> CrossvalRow:
    """The metrics of one hip; see `case_row`."""
    return case_row(hip.case_id, hip, fold, reference, prediction)


def case_row(case_id: str, hip: Hip | None, fold: int | None, reference: HipMask, prediction: HipMask) -> CrossvalRow:
    """The metrics of one case.

    Args:
        case_id: Its name.
        hip: Patient and side, where known; without them the case counts as a patient of its own.
        fold: The fold that predicted it; None outside a cross-validation.
        reference: The labels that are right.
        prediction: Labels on the same grid; without a head its percentage is None and its grade none.

    Raises:
        GridMismatch: The masks do not lie on one grid; names the case.
    """
    metrics = compare(reference.labels, prediction.labels, case_id)
    true, pred = reference.extent, prediction.extent
    by_region = {f"{region}_{name}": getattr(metrics[region], name) for region in Region for name in METRICS}
    return CrossvalRow(
        case_id=case_id,
        patient=hip.patient if hip else case_id,
        side=hip.side if hip else None,
        fold=fold,
        necrosis_percent_true=true.percent,
        necrosis_percent_pred=pred.percent,
        grade_true=true.grade,
        grade_pred=pred.grade,
        **by_region,
    )
