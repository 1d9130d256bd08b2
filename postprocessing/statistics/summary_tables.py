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
from onfh_nnunet.study.cohort_hips import CohortHips, HipGroup
from postprocessing.metrics.case_metrics import ERRORS, LESIONS, CrossvalRow, crossval_row
from postprocessing.statistics.agreement import ConfusionRow, Statistic, agreement, amount_agreement, confusion_rows
from postprocessing.statistics.decisions import decision_statistics
from postprocessing.statistics.descriptive import DescriptiveStatistics, describe
from postprocessing.statistics.flow import flow_statistics
from postprocessing.statistics.healthy_hips import healthy_hip_statistics
from postprocessing.statistics.measures import share, statistics
from postprocessing.statistics.net_benefit import net_benefit_statistics
from postprocessing.statistics.percent_calibration import percent_calibration
from postprocessing.statistics.repeatability import visit_repeatability
from postprocessing.statistics.roc import auc_statistics
from postprocessing.statistics.size_limits import limits_by_size
from postprocessing.statistics.symmetry import bowker

__all__ = ["CrossvalRow", "GroupRow", "SummaryRow", "crossval_row", "summarize", "summarize_groups", "write_tables"]

METRICS = ("dice", "assd_mm", "hd95_mm", "nsd_1mm", "iou", "hd_mm", "centroid_distance_mm", *ERRORS)
ONLY_JUDGED = CohortHips()
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
        by: What groups them: grade (the true one), side, fold, or a further column of cohort.csv.
        group: The grade, the side, the fold, or the cell. The hips of a group are n + n_undefined.
    """


def summarize(rows: Sequence[CrossvalRow]) -> list[SummaryRow]:
    """Every metric of every region over all hips, and the lesion's Dice by true grade, because it rises with size."""
    found = _by_region(rows)
    for grade in (Grade.A, Grade.B, Grade.C):
        of_grade = [row for row in rows if row.grade_true is grade]
        dice = [row.necrosis_dice for row in of_grade]
        found.append(_summary(Region.NECROSIS, f"dice_grade_{grade}", [row.patient for row in of_grade], dice))
    return found


def summarize_groups(rows: Sequence[CrossvalRow], groups: Sequence[HipGroup] = ()) -> list[GroupRow]:
    """Every metric of every region by true grade, side and fold, where these are known, and by further subgroups."""
    return [
        GroupRow(by, group, **vars(summary))
        for (by, group), members in (_groups(rows) | _further_groups(rows, groups)).items()
        for summary in _by_region(members)
    ]


def write_tables(folder: Path, rows: Sequence[CrossvalRow], cohort: CohortHips = ONLY_JUDGED) -> None:
    """Write cases.csv, summary.csv, summary_by_group.csv, agreement.csv and confusion.csv atomically.

    Args:
        folder: Where they go.
        rows: The hips that were judged.
        cohort: The hips that were given, and their subgroups; by default only the judged ones are known.
    """
    write_rows(folder / "cases.csv", CrossvalRow, rows)
    write_rows(folder / "summary.csv", SummaryRow, summarize(rows))
    write_rows(folder / "summary_by_group.csv", GroupRow, summarize_groups(rows, cohort.groups))
    write_rows(folder / "agreement.csv", Statistic, evaluation(rows, cohort))
    write_rows(folder / "confusion.csv", ConfusionRow, confusion_rows([row.grade_pair for row in rows]))


def evaluation(rows: Sequence[CrossvalRow], cohort: CohortHips = ONLY_JUDGED) -> list[Statistic]:
    """The rows of agreement.csv; arguments as of `write_tables`."""
    readings = [row.grade_pair for row in rows]
    patients, percents = [row.patient for row in rows], [(row.percent_true, row.percent_pred) for row in readings]
    return [
        *agreement(readings),
        *_volume_agreement(rows),
        *_detection(rows),
        *healthy_hip_statistics(rows),
        *decision_statistics(readings),
        *auc_statistics(readings),
        *net_benefit_statistics(readings),
        *percent_calibration(patients, percents),
        *limits_by_size(patients, percents),
        *visit_repeatability(rows),
        bowker(readings),
        *flow_statistics(readings, cohort.given),
    ]


def _groups(rows: Sequence[CrossvalRow]) -> dict[tuple[str, str], list[CrossvalRow]]:
    folds = sorted({row.fold for row in rows if row.fold is not None})
    names = {"grade_true": tuple(Grade), "side": tuple(Side), "fold": tuple(folds)}
    return {
        (by.removesuffix("_true"), str(group)): members
        for by, of in names.items()
        for group in of
        if (members := [row for row in rows if getattr(row, by) == group])
    }


def _further_groups(
    rows: Sequence[CrossvalRow], groups: Sequence[HipGroup]
) -> dict[tuple[str, str], list[CrossvalRow]]:
    by_case = {row.case_id: row for row in rows}
    found: dict[tuple[str, str], list[CrossvalRow]] = {}
    for one in groups:
        if one.case_id in by_case:
            found.setdefault((one.by, one.group), []).append(by_case[one.case_id])
    return found


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
