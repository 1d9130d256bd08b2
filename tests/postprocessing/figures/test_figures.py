import io
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import image as mpl_image
from matplotlib.colors import to_rgb

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from postprocessing.figures import write_figures, write_reader_figures
from postprocessing.figures.agreement_plots import Names, bland_altman_figure, confusion_figure, percent_figure
from postprocessing.figures.decision_plots import net_benefit_figure
from postprocessing.figures.line_plots import calibration_figure, limits_by_size_figure
from postprocessing.figures.metric_plots import assd_figure, dice_figure
from postprocessing.figures.style import BLUE, HEIGHT_INCH, ORANGE, rendered
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.statistics.net_benefit import net_benefit_statistics
from postprocessing.statistics.percent_calibration import percent_calibration
from postprocessing.statistics.size_limits import limits_by_size
from postprocessing.uncertainty.conformal import Calibration

FIGURES = ("dice", "assd", "percent", "bland_altman", "limits_by_size", "calibration", "net_benefit", "confusion")


def row(number, true, pred, dice=0.9):
    patient, side = f"P{number // 2:03d}", Side("LR"[number % 2])
    head = (0.95, 0.6, 1.5, 0.95, 44.0, 44.0)
    lesion = (dice, None if pred == 0 else 0.8, None if pred == 0 else 2.0, 0.9, 0.44 * true, 0.44 * pred)
    grades = (steinberg_grade(true, 100), steinberg_grade(pred, 100))
    return CrossvalRow(f"{patient}_{side}", patient, side, number % 4, *head, *lesion, true, pred, *grades)


@pytest.fixture(scope="module")
def rows():
    true = np.linspace(2, 48, 24)
    pred = true + np.tile([1.5, -1, 0.5, -2], 6)
    made = [row(i, float(t), float(p), 0.7 + 0.005 * t) for i, (t, p) in enumerate(zip(true, pred, strict=True))]
    return [*made, row(24, 0.0, 0.0, None), row(25, 20.0, 0.0, 0.0)]


def readings(rows):
    return [each.grade_pair for each in rows]


def points(axes, marker):
    (line,) = [line for line in axes.lines if line.get_marker() == marker]
    return line.get_xydata()


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_every_figure_is_written_in_both_kinds_and_the_same_again(rows, tmp_path):
    write_figures(tmp_path / "once", rows)
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None}):  # a user's own settings change nothing
        write_figures(tmp_path / "again", rows)
    names = sorted(path.name for path in (tmp_path / "once" / "figures").iterdir())
    assert names == sorted(f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png"))
    for name in names:
        once, again = (tmp_path / folder / "figures" / name for folder in ("once", "again"))
        assert once.read_bytes() == again.read_bytes(), name


def test_svg_holds_no_date_and_nothing_from_outside(rows):
    text = rendered(dice_figure(rows), "svg").decode()
    assert "<dc:date>" not in text
    assert "<script" not in text
    assert "<image" not in text
    assert ">average symmetric surface distance, mm</text>" in rendered(assd_figure(rows), "svg").decode()


def test_percentages_stand_in_their_place_and_differing_grades_have_another_shape(rows):
    (axes,) = percent_figure(readings(rows), Names(), intervals=True).axes
    same, other = points(axes, "o"), points(axes, "D")
    agree = [each.grade_true is each.grade_pred for each in rows]
    expected = np.array([(each.necrosis_percent_true, each.necrosis_percent_pred) for each in rows])
    assert same == pytest.approx(expected[agree])
    assert other == pytest.approx(expected[~np.array(agree)])
    assert len(other) > 1


def test_percentages_have_the_limits_of_the_grades_and_the_calibrated_intervals(rows):
    (axes,) = percent_figure(readings(rows), Names(), intervals=True).axes
    limits = [line.get_xdata()[0] for line in axes.lines if np.ptp(line.get_xdata()) == 0]
    assert limits == [15, 30]
    true, pred = ([getattr(each, f"necrosis_percent_{name}") for each in rows] for name in ("true", "pred"))
    calibration = Calibration.fit(true, pred, [each.patient for each in rows])
    expected = [(interval.low, interval.high) for interval in map(calibration.interval, pred)]
    (drawn,) = axes.collections
    assert np.array(drawn.get_segments())[:, :, 1] == pytest.approx(np.array(expected))
    assert np.array(drawn.get_segments())[:, 0, 0] == pytest.approx(np.array(true))


def test_few_patients_and_two_readers_have_no_intervals(rows):
    for few, intervals in ((rows[:8], True), (rows, False)):
        (axes,) = percent_figure(readings(few), Names(), intervals=intervals).axes
        assert [segment for drawn in axes.collections for segment in drawn.get_segments()] == []


def test_bland_altman_has_difference_over_mean_and_its_limits(rows):
    (axes,) = bland_altman_figure(readings(rows), Names()).axes
    true, pred = (np.array([getattr(each, f"necrosis_percent_{name}") for each in rows]) for name in ("true", "pred"))
    assert points(axes, "o") == pytest.approx(np.column_stack([(true + pred) / 2, pred - true]))
    bias, sd = (pred - true).mean(), (pred - true).std(ddof=1)
    expected = [bias, bias - 1.959964 * sd, bias + 1.959964 * sd]
    assert texts(axes) == [f" {value:+.1f}" for value in expected]


def test_confusion_has_every_count_in_its_cell(rows):
    (axes,) = confusion_figure(readings(rows), Names("first reader", "second reader")).axes
    (image,) = axes.images
    order = [Grade.NONE, Grade.A, Grade.B, Grade.C]
    counts = [[sum((r.grade_true, r.grade_pred) == (t, p) for r in rows) for p in order] for t in order]
    assert np.array_equal(image.get_array(), counts)
    assert texts(axes) == [str(count) for line in counts for count in line]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("first reader grade", "second reader grade")


def test_none_is_no_row_where_nobody_gave_it(rows):
    (axes,) = confusion_figure(readings(rows[:24]), Names()).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A", "B", "C"]


def test_what_is_undefined_is_counted_under_its_box(rows):
    (dice,), (assd,) = dice_figure(rows).axes, assd_figure(rows).axes
    labels = [label.get_text() for label in dice.get_xticklabels()]
    assert labels[:2] == ["head\nn = 26", "necrosis\nn = 25\n1 undefined"]
    assert [label.get_text() for label in assd.get_xticklabels()][1] == "necrosis\nn = 24\n2 undefined"
    lesions = [line for line in dice.lines if line.get_marker() == "^"]
    by_grade = [[r.necrosis_dice for r in rows if r.grade_true == grade] for grade in "ABC"]
    assert [list(line.get_ydata()) for line in lesions[1:]] == by_grade


def test_shades_differ_in_print_in_grey():
    dark, light = (np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)) for colour in (BLUE, ORANGE))
    assert light - dark > 0.25


@pytest.mark.parametrize("hips", [0, 1])
def test_empty_and_one_hip_cohorts_have_their_figures(rows, tmp_path, hips):
    write_figures(tmp_path, rows[:hips])
    for name in FIGURES:
        picture = mpl_image.imread(io.BytesIO((tmp_path / "figures" / f"{name}.png").read_bytes()))
        assert picture.min() < 0.5, name
        assert picture.shape[0] == 300 * HEIGHT_INCH, name


def test_all_undefined_is_drawn_as_nothing(rows, tmp_path):
    without = [replace(r, necrosis_percent_pred=None, head_dice=None, necrosis_dice=None) for r in rows]
    write_figures(tmp_path, without)
    (axes,) = dice_figure(without).axes
    assert axes.get_xticklabels()[0].get_text() == "head\nn = 0\n26 undefined"


def test_readers_have_the_figures_of_pairs(rows, tmp_path):
    write_reader_figures(tmp_path, readings(rows), Names("first reader", "second reader"))
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {
        *("percent", "bland_altman", "limits_by_size", "confusion")
    }


def test_calibration_is_drawn_with_the_line_and_the_interval_of_the_table(rows):
    (axes,) = calibration_figure(readings(rows)).axes
    assert points(axes, "o").tolist() == [[r.necrosis_percent_pred, r.necrosis_percent_true] for r in rows]
    pairs = [(r.necrosis_percent_true, r.necrosis_percent_pred) for r in rows]
    alone = [replace(r, patient=r.case_id) for r in rows]
    slope, intercept = percent_calibration([r.patient for r in alone], pairs)
    (line,) = [line for line in axes.lines if len(line.get_xdata()) == 40]
    x, y = line.get_data()
    assert y == pytest.approx(intercept.value + slope.value * x)
    assert not axes.collections  # 13 patients are too few for an interval
    (with_interval,) = calibration_figure(readings(alone)).axes
    assert len(with_interval.collections) == 1
    low, high = with_interval.collections[0].get_datalim(with_interval.transData).intervaly
    assert low < y.min()
    assert high > y.max()


def test_limits_by_size_are_drawn_as_the_table_says(rows):
    (axes,) = limits_by_size_figure(readings(rows), Names()).axes
    pairs = [(r.necrosis_percent_true, r.necrosis_percent_pred) for r in rows]
    table = {row.statistic: row.value for row in limits_by_size([r.patient for r in rows], pairs)}
    lines = [line for line in axes.lines if len(line.get_xdata()) == 40]
    for line, name in zip(lines, ("bias", "lower", "upper"), strict=True):
        x, y = line.get_data()
        for cut in (15, 30):
            assert np.interp(cut, x, y) == pytest.approx(table[f"bland_altman_{name}_at_{cut}_points"])


def test_decision_curves_are_those_of_the_table(rows):
    (axes,) = net_benefit_figure(readings(rows)).axes
    table = {row.statistic: row.value for row in net_benefit_statistics(readings(rows))}
    lines = [line for line in axes.lines if len(line.get_xdata()) == 91]
    names = [f"net_benefit_at_{cut}_percent_pt_{{}}{ending}" for cut in (15, 30) for ending in ("", "_all")]
    for line, name in zip(lines, names, strict=True):
        for pt in (0.2, 0.5):
            assert np.interp(pt, *line.get_data()) == pytest.approx(table[name.format(pt)])
