import csv
from dataclasses import fields, replace

import numpy as np
import pytest

from onfh_nnunet.core.csv_rows import columns, read_rows
from onfh_nnunet.core.errors import GridMismatch
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from postprocessing.metrics.case_metrics import METRICS, CrossvalRow, case_row, crossval_row
from postprocessing.metrics.segmentation_metrics import SegmentationMetrics, compare
from postprocessing.statistics.agreement import Statistic
from postprocessing.statistics.published import KAPPA_NOTE, PUBLISHED
from postprocessing.statistics.summary_tables import (
    TABLES,
    GroupRow,
    SummaryRow,
    summarize,
    summarize_groups,
    write_tables,
)

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
CASES_CSV = (
    "case_id,patient,side,fold,"
    "head_dice,head_assd_mm,head_hd95_mm,head_nsd_1mm,head_ml_true,head_ml_pred,"
    "necrosis_dice,necrosis_assd_mm,necrosis_hd95_mm,necrosis_nsd_1mm,necrosis_ml_true,necrosis_ml_pred,"
    "necrosis_percent_true,necrosis_percent_pred,grade_true,grade_pred"
)
FURTHER = [
    f"{region}_{name}"
    for region in ("head", "necrosis")
    for name in (
        *("iou", "hd_mm", "centroid_distance_mm", "volume_error_ml", "absolute_volume_error_ml"),
        *("volume_error_percent", "absolute_volume_error_percent", "area_true_mm2", "area_pred_mm2"),
        *("true_positives", "false_negatives", "false_positives"),
    )
]
TRAITS = ["thickest_mm", "head_grey_sd", "head_score", "unsure_percent"]
SUMMARY_CSV = "region,metric,n,n_undefined,median,q1,q3,mean,sd,min,max,ci_low,ci_high,n_patients,note"


def mask(necrotic_slices, slices=20, spacing=(1.0, 1.0, 1.0)):
    labels = np.zeros((24, 12, 12), np.uint8)
    labels[2 : 2 + slices, 2:-2, 2:-2] = 1
    labels[2 : 2 + necrotic_slices, 2:-2, 2:-2] = 2
    return Volume(labels, Grid(labels.shape, spacing, (0.0, 0.0, 0.0), IDENTITY))


def judged(patient, side, true, pred, fold=0):
    return crossval_row(Hip(patient, side), fold, HipMask(mask(true)), HipMask(mask(pred)))


@pytest.fixture(scope="module")
def rows():
    lesions = [(2, 2), (2, 3), (4, 4), (5, 4), (7, 7), (8, 7), (0, 0), (1, 0)]
    return [judged(f"P{i // 2:03d}", "LR"[i % 2], true, pred, i % 4) for i, (true, pred) in enumerate(lesions)]


def found(summary, region, metric):
    (row,) = [row for row in summary if (row.region, row.metric) == (region, metric)]
    return row


def test_hip_is_judged_by_region_and_graded_by_voxel_counts():
    row = judged("P001", "R", 3, 6, fold=2)  # 15.0 and 30.0 %
    assert (row.case_id, row.patient, row.side, row.fold) == ("P001_R", "P001", Side.RIGHT, 2)
    assert (row.head_dice, row.head_assd_mm, row.head_nsd_1mm) == (1, 0, 1)
    assert row.necrosis_dice == pytest.approx(6 / 9)
    assert (row.necrosis_percent_true, row.necrosis_percent_pred) == (15, 30)
    assert (row.grade_true, row.grade_pred) == (Grade.B, Grade.B)
    assert row.necrosis_ml_pred == pytest.approx(6 * 64 / 1000)


def test_case_of_unknown_patient_side_and_fold_is_judged_alike():
    known = crossval_row(Hip("P001", Side.LEFT), 2, HipMask(mask(3)), HipMask(mask(6)))
    unknown = case_row("scan 17", None, None, HipMask(mask(3)), HipMask(mask(6)))
    assert unknown == replace(known, case_id="scan 17", patient="scan 17", side=None, fold=None)


def test_missed_head_is_dice_0_without_a_percentage():
    row = crossval_row(Hip("P001", Side.LEFT), 0, HipMask(mask(3)), HipMask(mask(0, slices=0)))
    assert (row.head_dice, row.head_assd_mm, row.necrosis_percent_pred) == (0, None, None)
    assert (row.grade_true, row.grade_pred) == (Grade.B, Grade.NONE)


def test_other_grid_is_refused_by_name():
    with pytest.raises(GridMismatch, match="P001_L"):
        crossval_row(Hip("P001", Side.LEFT), 0, HipMask(mask(3)), HipMask(mask(3, spacing=(1.0, 1.0, 1.1))))


def test_summary_is_that_of_the_defined_values(rows):
    row = found(summarize(rows), Region.NECROSIS, "dice")
    dice = [1, 4 / 5, 1, 8 / 9, 1, 14 / 15, 0]  # the healthy hip is undefined, the missed lesion is 0
    assert (row.n, row.n_undefined) == (7, 1)
    assert (row.q1, row.median, row.q3) == pytest.approx(tuple(np.percentile(dice, [25, 50, 75])))
    assert (row.mean, row.sd) == pytest.approx((np.mean(dice), np.std(dice, ddof=1)))
    assert (row.min, row.max) == (0, 1)
    assert (row.n_patients, row.ci_low, row.note) == (4, None, "no interval: 4 patients, 20 are needed")
    many = [replace(each, patient=f"P{i}") for i, each in enumerate(rows * 3)]
    again = found(summarize(many), Region.NECROSIS, "dice")
    assert again.median == row.median
    assert 0 <= again.ci_low <= again.median <= again.ci_high <= 1


def test_missed_lesion_has_no_distance(rows):
    assert found(summarize(rows), Region.NECROSIS, "assd_mm").n_undefined == 2


def test_errors_are_signed_prediction_minus_reference(rows):
    summary = summarize(rows)
    assert found(summary, Region.NECROSIS, "volume_error_ml").mean == pytest.approx(-2 * 64 / 8 / 1000)
    assert found(summary, Region.NECROSIS, "percent_error_points").mean == pytest.approx(-2 * 5 / 8)
    assert found(summary, Region.HEAD, "volume_error_ml").max == 0


def test_dice_of_the_lesion_is_given_by_true_grade(rows):
    summary = summarize(rows)
    assert [found(summary, Region.NECROSIS, f"dice_grade_{grade}").n for grade in "ABC"] == [2, 2, 2]


def test_every_metric_of_every_region_has_a_row(rows):
    expected = ["dice", "assd_mm", "hd95_mm", "nsd_1mm", "iou", "hd_mm", "centroid_distance_mm"]
    expected += [f"{way}volume_error_{unit}" for unit in ("ml", "percent") for way in ("", "absolute_")]
    lesion = [*expected, "percent_error_points", *(f"dice_grade_{grade}" for grade in "ABC")]
    assert [(row.region, row.metric) for row in summarize(rows)] == [
        *(("head", name) for name in expected),
        *(("necrosis", name) for name in lesion),
    ]


def test_groups_are_true_grade_side_and_fold(rows):
    groups = summarize_groups(rows)
    sizes = {(row.by, row.group): row.n for row in groups if (row.region, row.metric) == ("head", "dice")}
    assert sizes == {
        **{("grade", "none"): 2, ("grade", "A"): 2, ("grade", "B"): 2, ("grade", "C"): 2},
        **{("side", side): 4 for side in "LR"},
        **{("fold", str(fold)): 2 for fold in range(4)},
    }
    for group in ("A", "B", "C"):
        (row,) = [r for r in groups if (r.by, r.group, r.region, r.metric) == ("grade", group, "necrosis", "dice")]
        assert (row.n, row.median) == (
            found(summarize(rows), "necrosis", f"dice_grade_{group}").n,
            found(summarize(rows), "necrosis", f"dice_grade_{group}").median,
        )


def test_what_is_unknown_groups_nothing(rows):
    unknown = [replace(row, side=None, fold=None) for row in rows]
    assert {row.by for row in summarize_groups(unknown)} == {"grade"}
    assert summarize_groups([]) == []


def test_one_hip_has_a_median_and_neither_spread_nor_interval(rows):
    row = found(summarize(rows[:1]), Region.HEAD, "dice")
    assert (row.n, row.median, row.sd, row.ci_low, row.ci_high) == (1, 1, None, None, None)


def test_no_hips_have_no_figures():
    assert all((row.n, row.n_undefined, row.median, row.max) == (0, 0, None, None) for row in summarize([]))


def test_tables_have_the_columns_of_the_contract_and_read_back(rows, tmp_path):
    write_tables(tmp_path / "crossval", rows)
    heads = {path.name: path.read_text().splitlines()[0] for path in (tmp_path / "crossval").iterdir()}
    assert heads == {
        "cases.csv": ",".join([CASES_CSV, *FURTHER, *TRAITS]),
        "summary.csv": SUMMARY_CSV,
        "summary_by_group.csv": f"by,group,{SUMMARY_CSV}",
        "agreement.csv": "statistic,value,ci_low,ci_high,n,note,n_patients",
        "confusion.csv": "true,A,B,C,none",
    }
    assert set(heads) == set(TABLES)
    assert columns(CrossvalRow) == [*CASES_CSV.split(","), *FURTHER, *TRAITS]
    again = read_rows(tmp_path / "crossval" / "cases.csv", CrossvalRow)
    assert [row.case_id for row in again] == [row.case_id for row in rows]
    assert again[-1].necrosis_assd_mm is None
    assert len(read_rows(tmp_path / "crossval" / "summary.csv", SummaryRow)) == 11 + 12 + 3
    assert len(read_rows(tmp_path / "crossval" / "summary_by_group.csv", GroupRow)) == (11 + 12) * (4 + 2 + 4)
    with (tmp_path / "crossval" / "confusion.csv").open(newline="") as file:
        assert [list(row.values()) for row in csv.DictReader(file)] == [
            ["A", "1", "1", "0", "0"],
            ["B", "0", "2", "0", "0"],
            ["C", "0", "0", "2", "0"],
            ["none", "0", "0", "0", "2"],  # a healthy hip, and a lesion of 0.064 ml,
        ]


def test_volumes_have_their_agreement(rows, tmp_path):
    write_tables(tmp_path, rows)
    table = {row.statistic: row for row in read_rows(tmp_path / "agreement.csv", Statistic)}
    assert table["bland_altman_bias_necrosis_ml"].value == pytest.approx(-2 * 64 / 8 / 1000)
    assert table["icc_2_1_necrosis_ml"].value == pytest.approx(table["icc_2_1_percent"].value)  # heads of one size
    assert table["icc_2_1_head_ml"].note.startswith("undefined")


def test_every_metric_of_a_region_is_a_column():
    known = {field.name for field in fields(SegmentationMetrics)}
    assert known <= set(METRICS)
    row, metrics = judged("P001", "R", 3, 6), compare(mask(3), mask(6), "P001_R")
    for region in Region:
        for name in METRICS:
            assert getattr(row, f"{region}_{name}") == getattr(metrics[region], name)


def test_lesions_are_counted_over_all_hips(rows, tmp_path):
    write_tables(tmp_path, rows)
    table = {row.statistic: row for row in read_rows(tmp_path / "agreement.csv", Statistic)}
    lesions = [(row.necrosis_true_positives, row.necrosis_false_negatives) for row in rows]
    assert lesions[-2:] == [(0, 0), (0, 0)]  # a healthy hip, and a lesion of 0.064 ml, which is too small to count
    assert (table["lesion_sensitivity"].value, table["lesion_precision"].value) == (1, 1)
    missed = [replace(row, necrosis_true_positives=0, necrosis_false_negatives=1) for row in rows[:3]]
    write_tables(tmp_path, [*missed, replace(rows[3], necrosis_false_positives=2), *rows[4:]])
    table = {row.statistic: row for row in read_rows(tmp_path / "agreement.csv", Statistic)}
    assert (table["lesion_sensitivity"].value, table["lesion_precision"].value) == pytest.approx((3 / 6, 3 / 5))


def test_tables_of_unknown_sides_and_folds_read_back(rows, tmp_path):
    unknown = [replace(row, side=None, fold=None) for row in rows]
    write_tables(tmp_path, unknown)
    again = read_rows(tmp_path / "cases.csv", CrossvalRow)
    assert [(row.side, row.fold, row.grade_true) for row in again] == [(None, None, row.grade_true) for row in rows]


def test_order_of_the_hips_does_not_change_the_figures(rows):
    def shown(summary):
        return [(row.metric, row.n, row.median, row.q1, row.q3, row.ci_low, row.ci_high) for row in summary]

    assert shown(summarize(rows)) == shown(summarize(rows[::-1]))


def test_a_missing_prediction_of_a_percentage_is_counted_undefined(rows):
    without = [replace(rows[0], necrosis_percent_pred=None), *rows[1:]]
    assert found(summarize(without), Region.NECROSIS, "percent_error_points").n_undefined == 1


def test_published_figures_lie_within_their_quartiles():
    assert {(row.region, row.metric) for row in PUBLISHED if row.q1 is not None} == {
        (region, metric) for region in Region for metric in ("dice", "assd_mm")
    }
    assert all(row.q1 <= row.median <= row.q3 for row in PUBLISHED if row.q1 is not None)
    assert "0.98" in KAPPA_NOTE
