"""Summary tables of a comparison: per hip, then aggregates; undefined values are counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np

from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade
from postprocessing.metrics.case_metrics import ERRORS, LESIONS, CrossvalRow, crossval_row
from postprocessing.statistics.agreement import ConfusionRow, Statistic, agreement, amount_agreement, confusion_rows
from postprocessing.statistics.descriptive import DescriptiveStatistics, describe
from postprocessing.statistics.healthy_hips import healthy_hip_statistics
from postprocessing.statistics.measures import share, statistics

__all__ = ["CrossvalRow", "GroupRow", "SummaryRow", "crossval_row", "summarize", "summarize_groups", "write_tables"]

METRICS = ("dice", "assd_mm", "hd95_mm", "nsd_1mm", "iou", "hd_mm", "centroid_distance_mm", *ERRORS)
TABLES = ("cases.csv", "summary.csv", "summary_by_group.csv", "agreement.csv", "confusion.csv")


@dataclass(frozen=True)
class _Metric:
    region: Region
    metric: str


@dataclass(frozen=True)
class SummaryRow(DescriptiveStatistics, _Metric):
    """A row of summary.csv: the `DescriptiveStatistics` of one metric.

    Args:
        region: head or necrosis.
        metric: A metric of the region; errors are prediction minus reference.
    """


@dataclass(frozen=True)
class _Group:
    by: str
    group: str


@dataclass(frozen=True)
class GroupRow(SummaryRow, _Group):
    """A row of summary_by_group.csv: a `SummaryRow` of the hips of one group.

    Args:
        by: What groups them: grade (the true one), side or fold.
        group: The grade, the side or the fold.
    """


def summarize(rows: Sequence[CrossvalRow]) -> list[SummaryRow]:
    """Every metric of every region over all hips, and the lesion's Dice by true grade, because it rises with size."""
    found = _by_region(rows)
    for grade in (Grade.A, Grade.B, Grade.C):
        of_grade = [row for row in rows if row.grade_true is grade]
        dice = [row.necrosis_dice for row in of_grade]
        found.append(_summary(Region.NECROSIS, f"dice_grade_{grade}", [row.patient for row in of_grade], dice))
    return found


def summarize_groups(rows: Sequence[CrossvalRow]) -> list[GroupRow]:
    """Every metric of every region by true grade, side and fold, where these are known."""
    folds = sorted({row.fold for row in rows if row.fold is not None})
    groups = {"grade_true": tuple(Grade), "side": tuple(Side), "fold": tuple(folds)}
    return [
        GroupRow(by.removesuffix("_true"), str(group), **vars(summary))
        for by, names in groups.items()
        for group in names
        if (members := [row for row in rows if getattr(row, by) == group])
        for summary in _by_region(members)
    ]


def write_tables(folder: Path, rows: Sequence[CrossvalRow]) -> None:
    """Write cases.csv, summary.csv, summary_by_group.csv, agreement.csv and confusion.csv atomically."""
    readings = [row.grade_pair for row in rows]
    write_rows(folder / "cases.csv", CrossvalRow, rows)
    write_rows(folder / "summary.csv", SummaryRow, summarize(rows))
    write_rows(folder / "summary_by_group.csv", GroupRow, summarize_groups(rows))
    found = [*agreement(readings), *_volume_agreement(rows), *_detection(rows), *healthy_hip_statistics(rows)]
    write_rows(folder / "agreement.csv", Statistic, found)
    write_rows(folder / "confusion.csv", ConfusionRow, confusion_rows(readings))


def _volume_agreement(rows: Sequence[CrossvalRow]) -> list[Statistic]:
    patients = [row.patient for row in rows]
    pairs = {region: attrgetter(f"{region}_ml_true", f"{region}_ml_pred") for region in Region}
    return [
        statistic
        for region, pair in pairs.items()
        for statistic in amount_agreement(f"{region}_ml", f"{region}_ml", patients, [pair(row) for row in rows])
    ]


def _detection(rows: Sequence[CrossvalRow]) -> list[Statistic]:
    """Share of the true lesions that were found, and of the predicted lesions that are true."""
    lesions = attrgetter(*(f"{Region.NECROSIS}_{name}" for name in LESIONS))
    hits, missed, invented = np.array([lesions(row) for row in rows], float).reshape(-1, len(LESIONS)).T
    measures = [
        share("lesion_sensitivity", hits, hits + missed, "no true lesion"),
        share("lesion_precision", hits, hits + invented, "no predicted lesion"),
    ]
    return statistics(measures, [row.patient for row in rows])


def _by_region(rows: Sequence[CrossvalRow]) -> list[SummaryRow]:
    patients = [row.patient for row in rows]
    return [
        _summary(region, metric, patients, [value(row) for row in rows])
        for region in Region
        for metric, value in _metrics(region).items()
    ]


def _metrics(region: Region) -> dict[str, Callable[[CrossvalRow], float | None]]:
    metrics: dict[str, Callable[[CrossvalRow], float | None]] = {
        name: attrgetter(f"{region}_{name}") for name in METRICS
    }
    return metrics if region is Region.HEAD else metrics | {"percent_error_points": _percent_error}


def _percent_error(row: CrossvalRow) -> float | None:
    true, pred = row.necrosis_percent_true, row.necrosis_percent_pred
    return None if true is None or pred is None else pred - true


def _summary(region: Region, metric: str, patients: Sequence[str], values: Sequence[float | None]) -> SummaryRow:
    return SummaryRow(region, metric, **vars(describe(values, patients)))
