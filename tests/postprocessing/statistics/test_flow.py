"""The flow of hips, subgroups and visits in the tables of an evaluation."""

import math
from dataclasses import replace

import pytest

from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.hip import Hip
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.study.cohort_hips import CohortHip, CohortHips, HipGroup
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.agreement import Statistic
from postprocessing.statistics.flow import flow_statistics
from postprocessing.statistics.repeatability import visit_repeatability
from postprocessing.statistics.summary_tables import GroupRow, evaluation, summarize_groups, write_tables


def row(case_id, true=20.0, pred=20.0, dice=0.9):
    hip = Hip.parse(case_id)
    return CrossvalRow(
        *(case_id, hip.patient, hip.side, 0),
        *(0.95, 0.5, 1.0, 0.9, 40.0, 40.0, dice, 0.8, 2.0, 0.9, 8.0, 8.0),
        *(true, pred, Grade.B, Grade.NONE if pred is None else Grade.B),
    )


def flow(hips, given):
    return {one.statistic.removeprefix("flow_"): one for one in flow_statistics([h.grade_pair for h in hips], given)}


ROWS = [row("P001_L"), row("P001_R"), row("P002_R", pred=None), row("P003_L")]
GIVEN = (
    *(CohortHip(f"P00{patient}_{side}", f"P00{patient}", "") for patient, side in ("1L", "1R", "2R", "3L")),
    *(CohortHip(f"P004_{side}", "P004", "no label") for side in "LR"),
)


def test_given_hips_are_excluded_failed_or_analysed():
    found = flow(ROWS, GIVEN)
    counts = {name: (one.value, one.n, one.n_patients) for name, one in found.items()}
    assert counts == {"given": (6, 6, 4), "excluded": (2, 2, 1), "failed": (1, 1, 1), "analysed": (3, 3, 2)}
    assert found["excluded"].note == "no label: 2"
    assert "no head in the prediction" in found["failed"].note
    assert found["given"].value == sum(found[name].value for name in ("excluded", "failed", "analysed"))


def test_what_was_left_out_of_a_comparison_is_not_known():
    found = flow(ROWS, None)
    assert (found["given"].value, found["failed"].value, found["analysed"].value) == (4, 1, 3)
    assert (found["excluded"].value, found["excluded"].note) == (None, "not known")
    assert "not known" in found["given"].note


def test_no_hips_are_none_of_all():
    found = flow([], ())
    assert {name: one.value for name, one in found.items()} == dict.fromkeys(found, 0)


def test_subgroups_have_their_hips_and_patients(tmp_path):
    groups = [HipGroup(one.case_id, "sex", "F" if one.patient == "P001" else "M") for one in GIVEN]
    groups += [HipGroup(one.case_id, "vendor", "GE") for one in GIVEN]
    write_tables(tmp_path, ROWS, CohortHips(GIVEN, tuple(groups)))
    dice = {
        (one.by, one.group): one
        for one in read_rows(tmp_path / "summary_by_group.csv", GroupRow)
        if (one.region, one.metric) == ("necrosis", "dice")
    }
    assert (dice["sex", "F"].n, dice["sex", "F"].n_patients) == (2, 1)
    assert (dice["sex", "M"].n, dice["sex", "M"].n_patients) == (2, 2)
    assert (dice["vendor", "GE"].n, dice["vendor", "GE"].n_patients) == (4, 3)  # P004 is no case
    flows = {one.statistic: one.value for one in read_rows(tmp_path / "agreement.csv", Statistic)}
    assert (flows["flow_given"], flows["flow_excluded"]) == (6, 2)


def test_a_subgroup_has_the_figures_of_its_hips_alone():
    hips = [row(f"P{i:03d}_L", dice=0.5 + i / 100) for i in range(40)]
    groups = [HipGroup(hip.case_id, "field strength", "3" if i % 4 else "1.5") for i, hip in enumerate(hips)]
    found = [one for one in summarize_groups(hips, groups) if one.by == "field strength"]
    alone = [one for one in summarize_groups(hips[::4]) if (one.by, one.group) == ("side", "L")]
    assert [replace(one, by="side", group="L") for one in found if one.group == "1.5"] == alone


def test_undefined_hips_of_a_subgroup_are_counted():
    hips = [row("P001_L"), replace(row("P002_L"), necrosis_dice=None)]
    groups = [HipGroup(hip.case_id, "sex", "M") for hip in hips]
    (dice,) = [
        one for one in summarize_groups(hips, groups) if (one.by, one.region, one.metric) == ("sex", "necrosis", "dice")
    ]
    assert (dice.n, dice.n_undefined, dice.n_patients) == (1, 1, 1)


def test_visits_of_a_hip_are_reads_of_one_hip():
    rows = [row("P001+1_R", 20, 22), row("P001+2_R", 20, 18), row("P001+1_L", 9, 9), row("P002+1_R", 30, 30)]
    found = {one.statistic: one for one in visit_repeatability(rows)}
    pred, true = found["within_hip_sd_pred_points"], found["within_hip_sd_true_points"]
    assert (pred.value, pred.n, pred.n_patients) == (pytest.approx(8**0.5), 1, 1)  # squares 4 and 4, one degree
    assert (true.value, true.n) == (0, 1)
    assert found["repeatability_coefficient_pred_points"].value == pytest.approx(1.959964 * 2**0.5 * 8**0.5)
    assert "unchanged between their visits" in pred.note
    unknown = [replace(one, side=None) for one in rows]
    assert all(one.value is None and one.note == "no hip was read twice" for one in visit_repeatability(unknown))


def test_every_statistic_says_how_many_and_why_it_has_no_value():
    healthy = [replace(row(f"P00{i}_L", 0.0, 0.0), grade_true=Grade.NONE, grade_pred=Grade.NONE) for i in range(5)]
    for hips in ([], ROWS, ROWS[:1], healthy, [replace(one, necrosis_percent_pred=None) for one in ROWS]):
        found = evaluation(hips)
        assert len({one.statistic for one in found}) == len(found)
        for one in found:
            assert one.n is not None
            assert one.n_patients is not None
            assert one.value is not None or one.note, one
            assert one.value is None or not math.isnan(one.value), one


def test_no_statistic_is_certain():
    sizes = [5.0, 20.0, 40.0] * 20
    hips = [row(f"P{i:03d}_{side}", size, size) for i, size in enumerate(sizes) for side in "LR"]
    grades = {5.0: Grade.A, 20.0: Grade.B, 40.0: Grade.C}
    same = [grades[hip.necrosis_percent_true] for hip in hips]
    hips = [replace(hip, grade_true=grade, grade_pred=grade) for hip, grade in zip(hips, same, strict=True)]
    for one in evaluation(hips):
        if one.ci_low is not None:
            assert one.ci_low < one.ci_high, one
