"""The tables of a cross-validation: each hip first, then aggregates, and what is undefined is counted as such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np

from onfh_nnunet.grid import FloatArray
from onfh_nnunet.hip import Hip, Side
from onfh_nnunet.labels import Region
from onfh_nnunet.steinberg import Grade
from onfh_nnunet.tables import write_rows
from onfh_nnunet.volume import Volume
from postprocessing.agreement import ConfusionRow, Reading, Statistic, agreement, confusion
from postprocessing.bootstrap import patient_draws, percentile_interval
from postprocessing.compare import compare
from postprocessing.extent import extent


@dataclass(frozen=True)
class CrossvalRow:
    """A row of crossval/cases.csv: one hip, judged by the fold that never saw it; None is undefined."""

    case_id: str
    patient: str
    side: Side
    fold: int
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

    @property
    def reading(self) -> Reading:
        """What agreement needs of this hip."""
        return Reading(
            self.patient, self.grade_true, self.grade_pred, self.necrosis_percent_true, self.necrosis_percent_pred
        )


@dataclass(frozen=True)
class SummaryRow:
    """A row of crossval/summary.csv.

    Args:
        region: head or necrosis.
        metric: A metric of the region; errors are prediction minus reference.
        n: Hips whose value is defined; all figures are of these.
        n_undefined: Hips whose value is not.
        median: With quartiles q1 and q3, linearly interpolated.
        mean: With sd, which is divided by n - 1.
        ci_low: With ci_high, the 95 % interval of the median by a bootstrap that draws patients.
    """

    region: Region
    metric: str
    n: int
    n_undefined: int
    median: float | None
    q1: float | None
    q3: float | None
    mean: float | None
    sd: float | None
    min: float | None
    max: float | None
    ci_low: float | None
    ci_high: float | None


def crossval_row(hip: Hip, fold: int, reference: Volume, prediction: Volume) -> CrossvalRow:
    """Judge one hip.

    Args:
        hip: The hip.
        fold: The fold that predicted it.
        reference: Labels 0, 1, 2 (z, y, x).
        prediction: Labels 0, 1, 2 on the same grid; without a head its percentage is None and its grade none.

    Raises:
        GridMismatch: The masks do not lie on one grid.
    """
    metrics = compare(reference, prediction, hip.case_id)
    true, pred = extent(reference), extent(prediction)
    by_region = {f"{region}_{name}": value for region in Region for name, value in vars(metrics[region]).items()}
    return CrossvalRow(
        case_id=hip.case_id,
        patient=hip.patient,
        side=hip.side,
        fold=fold,
        necrosis_percent_true=true.percent,
        necrosis_percent_pred=pred.percent,
        grade_true=true.grade,
        grade_pred=pred.grade,
        **by_region,
    )


def summarize(rows: Sequence[CrossvalRow]) -> list[SummaryRow]:
    """Every metric of every region over all hips, and the lesion's Dice by true grade, since it rises with size."""
    patients = [row.patient for row in rows]
    found = [
        _summary(region, metric, patients, [value(row) for row in rows])
        for region in Region
        for metric, value in _metrics(region).items()
    ]
    for grade in (Grade.A, Grade.B, Grade.C):
        of_grade = [row for row in rows if row.grade_true is grade]
        dice = [row.necrosis_dice for row in of_grade]
        found.append(_summary(Region.NECROSIS, f"dice_grade_{grade}", [row.patient for row in of_grade], dice))
    return found


def write_tables(folder: Path, rows: Sequence[CrossvalRow]) -> None:
    """Write cases.csv, summary.csv, agreement.csv and confusion.csv, each whole."""
    readings = [row.reading for row in rows]
    write_rows(folder / "cases.csv", CrossvalRow, rows)
    write_rows(folder / "summary.csv", SummaryRow, summarize(rows))
    write_rows(folder / "agreement.csv", Statistic, agreement(readings))
    write_rows(folder / "confusion.csv", ConfusionRow, confusion(readings))


def medians(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The median of n values in each of (draws, n) weights, whole counts; NaN for a draw without any."""
    order = np.argsort(values)
    reached = weights[:, order].cumsum(axis=1)
    n = weights.sum(axis=1, keepdims=True)
    lower, upper = (values[order][(reached > place).argmax(axis=1)] for place in (np.ceil(n / 2) - 1, np.floor(n / 2)))
    return np.where(n[:, 0] > 0, (lower + upper) / 2, np.nan)


def _metrics(region: Region) -> dict[str, Callable[[CrossvalRow], float | None]]:
    metrics: dict[str, Callable[[CrossvalRow], float | None]] = {
        name: attrgetter(f"{region}_{name}") for name in ("dice", "assd_mm", "hd95_mm", "nsd_1mm")
    }
    true_ml, pred_ml = attrgetter(f"{region}_ml_true"), attrgetter(f"{region}_ml_pred")
    metrics["volume_error_ml"] = lambda row: pred_ml(row) - true_ml(row)
    return metrics if region is Region.HEAD else metrics | {"percent_error_points": _percent_error}


def _percent_error(row: CrossvalRow) -> float | None:
    true, pred = row.necrosis_percent_true, row.necrosis_percent_pred
    return None if true is None or pred is None else pred - true


def _summary(region: Region, metric: str, patients: Sequence[str], values: Sequence[float | None]) -> SummaryRow:
    known = [(patient, value) for patient, value in zip(patients, values, strict=True) if value is not None]
    n = len(known)
    if n == 0:
        return SummaryRow(region, metric, 0, len(values), *[None] * 9)
    found = np.array([value for _, value in known])
    q1, median, q3 = (float(value) for value in np.percentile(found, [25, 50, 75]))
    low, high = percentile_interval(medians(found, patient_draws([patient for patient, _ in known])))
    return SummaryRow(
        region,
        metric,
        n,
        len(values) - n,
        median,
        q1,
        q3,
        float(found.mean()),
        float(found.std(ddof=1)) if n > 1 else None,
        float(found.min()),
        float(found.max()),
        low,
        high,
    )
