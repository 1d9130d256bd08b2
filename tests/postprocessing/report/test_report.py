import base64
import csv
import io
import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from onfh_nnunet.cli.report import report
from onfh_nnunet.core.csv_rows import write_rows
from onfh_nnunet.core.errors import GridMismatch, LabelError, WorkspaceError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Hip, Side
from onfh_nnunet.core.hip_crop import HipCrop
from onfh_nnunet.core.hip_mask import HipMask
from onfh_nnunet.core.steinberg import Grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.dataset import HASH_KEY, Case, write_files_csv
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.workflows.report import report as write_report
from postprocessing.figures.style import ORANGE
from postprocessing.metrics.case_metrics import CrossvalRow
from postprocessing.report.page import SHOWN, CrossvalTables, crossval_page, worst_first
from postprocessing.report.rendering import MISSING
from postprocessing.report.slices import REFERENCE, hip_png
from postprocessing.report.study_statement import StudyStatement
from postprocessing.statistics.published import KAPPA_NOTE
from postprocessing.statistics.summary_tables import crossval_row, write_tables

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
SPACING = (2.0, 1.0, 1.25)
SIZE = (50, 100, 80)  # 100 mm along each axis: head, back, left
MIDDLE = np.array([25, 50, 40])


def volume(array, spacing=SPACING):
    return Volume(array, Grid(array.shape, spacing, (-50.0, 7.0, 30.0), IDENTITY))


def mask(necrosis_from_mm=8, shift_mm=(0, 0, 0)):
    """A head of radius 22 mm at the middle, dead above a height."""
    place = (np.moveaxis(np.indices(SIZE), 0, -1) - MIDDLE) * SPACING - np.array(shift_mm)
    head = np.linalg.norm(place, axis=-1) <= 22
    return volume((head + (head & (place[..., 0] >= necrosis_from_mm)).astype(np.uint8)).astype(np.uint8))


def marked(*offset_mm):
    """A noisy scan with a bright block at an offset (to head, back, left) from the middle of the head."""
    scan = np.random.default_rng(0).normal(100, 20, SIZE).astype(np.int16)
    low = MIDDLE + np.rint((np.array(offset_mm) - 5) / SPACING).astype(int)
    high = MIDDLE + np.rint((np.array(offset_mm) + 5) / SPACING).astype(int)
    scan[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = 1000
    return volume(scan)


def decode(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")) / 255


def brightest(panel):
    """Where the block is in a panel, in mm right of and below its middle; letters, lines and noise are thinner."""
    from scipy import ndimage

    where = np.argwhere(ndimage.binary_opening((panel > 0.99).all(axis=-1), np.ones((9, 9)))).mean(axis=0)
    down, right = (where / panel.shape[0] - 0.5) * 96
    return right, down


def turned(scan, axes, flips):
    """The same scan in the patient, with its array axes permuted and flipped."""
    array = scan.array.transpose(axes)
    matrix = np.asarray(scan.grid.direction)[:, list(axes)]
    first = np.zeros(3)
    for axis in flips:
        first[axes[axis]] = scan.grid.size[axes[axis]] - 1
        matrix[:, axis] *= -1
    spacing = tuple(scan.grid.spacing_mm[axis] for axis in axes)
    return Volume(np.flip(array, flips), Grid(array.shape, spacing, tuple(scan.grid.to_mm(first)), matrix.tolist()))


@pytest.mark.parametrize(
    ("panel", "offset_mm", "right", "down"),
    [
        (0, (0, -30, 25), 25, -30),  # axial: front is up, the patient's left on the viewer's right
        (1, (30, 0, -25), -25, -30),  # coronal: head is up, the patient's right on the viewer's left
        (2, (-30, -25, 0), -25, 30),  # sagittal: front on the viewer's left
    ],
)
def test_marker_lies_where_a_radiologist_looks_for_it(panel, offset_mm, right, down):
    picture = decode(hip_png(marked(*offset_mm), {"prediction": mask(necrosis_from_mm=99)}, "P001_R"))
    width = picture.shape[1] // 3
    found = brightest(picture[:, panel * width : (panel + 1) * width])
    assert found == pytest.approx((right, down), abs=2)  # the coarsest voxel


@pytest.mark.parametrize(
    ("axes", "flips"), [((1, 2, 0), ()), ((0, 1, 2), (2,)), ((2, 0, 1), (0, 1)), ((1, 0, 2), (0,))]
)
def test_plane_of_acquisition_does_not_change_the_picture(axes, flips):
    scan, labels = marked(0, -30, 25), mask()
    expected = decode(hip_png(scan, {"prediction": labels}, "P001_R"))
    got = decode(hip_png(turned(scan, axes, flips), {"prediction": turned(labels, axes, flips)}, "P001_R"))
    assert np.abs(got - expected).mean() < 1e-3


BLACK = volume(np.zeros(SIZE, np.float32))
SKY, WHITE = "#56B4E9", "#FFFFFF"
EDGE_MM = 17.5 * 1.25
"""From the middle of a head to its outline at either side: 17 voxels of 1.25 mm are within 22 mm, the 18th is not."""


def has(picture, panel, right_mm, down_mm, colour):
    """Whether a colour is in a panel within 1 mm of a place. Panels show 96 mm; a dash and its gap are 1.9 mm long.

    The white line is 1.4 pixels wide: where it lies between two, it covers each of them to 70 %. A grey of its dashes'
    ends is further than 0.2 from the other colours.
    """
    edge = picture.shape[0]
    column, row = (round((place / 96 + 0.5) * edge) for place in (right_mm, down_mm))
    reach, tolerance = round(edge / 96), 0.3 if colour == WHITE else 0.2
    near = picture[row - reach : row + reach + 1, panel * edge + column - reach : panel * edge + column + reach + 1]
    return bool((np.abs(near - to_rgb(colour)).max(axis=-1) <= tolerance).any())


@pytest.mark.parametrize("panel", [0, 1])
def test_head_is_outlined_where_it_ends(panel):
    picture = decode(hip_png(BLACK, {"prediction": mask(necrosis_from_mm=99)}, "P001_R"))
    for side in (-1, 1):
        assert has(picture, panel, side * EDGE_MM, 0, SKY)
        for beside in (-3, 3):
            assert not has(picture, panel, side * EDGE_MM + beside, 0, SKY)
    for colour in (ORANGE, WHITE):
        assert not has(picture, panel, EDGE_MM, 0, colour)


def test_necrosis_is_outlined_where_it_begins():
    """From 8 mm up: the border runs between the slices at 6 and 8 mm, level through the coronal plane."""
    picture = decode(hip_png(BLACK, {"prediction": mask(necrosis_from_mm=8)}, "P001_R"))
    for right in (-10, 0, 10):
        assert has(picture, 1, right, -7, ORANGE)
        assert not has(picture, 1, right, -4, ORANGE)
        assert not has(picture, 1, right, -10, ORANGE)
    assert has(picture, 1, EDGE_MM, 0, SKY)


def test_reference_is_drawn_over_the_prediction_in_white_dashes():
    whole, shifted = mask(necrosis_from_mm=99), mask(99, (0, 0, 12.5))
    apart = decode(hip_png(BLACK, {"prediction": whole, REFERENCE: shifted}, "P001_R"))
    for colour, middle in ((SKY, 0), (WHITE, 12.5)):
        for side in (-1, 1):
            assert has(apart, 0, middle + side * EDGE_MM, 0, colour)
    for side in (-1, 1):
        assert not has(apart, 0, side * EDGE_MM, 0, WHITE)
        assert not has(apart, 0, 12.5 + side * EDGE_MM, 0, SKY)
    same = decode(hip_png(BLACK, {"prediction": whole, REFERENCE: whole}, "P001_R"))
    for side in (-1, 1):
        assert has(same, 0, side * EDGE_MM, 0, WHITE)
        assert has(same, 0, side * EDGE_MM, 0, SKY)  # in the gaps


def test_picture_goes_through_the_missed_lesion_of_the_reference():
    scan = marked(16, 0, 0)
    empty = volume(np.zeros(SIZE, np.uint8))
    axial = decode(hip_png(scan, {"prediction": empty, REFERENCE: mask(12)}, "P001_R"))
    assert brightest(axial[:, : axial.shape[1] // 3]) == pytest.approx((0, 0), abs=2)


def test_all_pictures_have_one_size_and_the_same_bytes_again():
    small = Volume(mask().array[8:42, 20:80], mask().grid.part((8, 20, 0), (34, 60, 80)))
    scan = Volume(np.zeros(small.grid.size, np.float32), small.grid)
    png = hip_png(scan, {"prediction": small}, r"$\odd$ <name>")
    assert png == hip_png(scan, {"prediction": small}, r"$\odd$ <name>")
    assert decode(png).shape == decode(hip_png(marked(0, 0, 0), {"prediction": mask()}, "P001_R")).shape


def test_masks_that_cannot_be_shown_are_refused_by_name():
    other = volume(mask().array, (2.0, 1.0, 1.5))
    with pytest.raises(GridMismatch, match="P001_R: spacing"):
        hip_png(marked(0, 0, 0), {"prediction": other}, "P001_R")
    with pytest.raises(LabelError, match="P001_R: holds no femoral head"):
        hip_png(marked(0, 0, 0), {"prediction": volume(np.zeros(SIZE, np.uint8))}, "P001_R")


def shown(out):
    return (out / "report.html").read_text(encoding="utf-8")


def test_folder_that_is_none_of_both_is_refused(tmp_path):
    with pytest.raises(WorkspaceError, match="is neither an output of predict nor a cross-validation"):
        report(tmp_path)


def case(hip):
    paths = (f"Dataset711_ONFH/imagesTr/{hip.case_id}_0000.nii.gz", f"Dataset711_ONFH/labelsTr/{hip.case_id}.nii.gz")
    return Case(hip.case_id, hip.patient, hip.side, *paths, hip.mirrored, *SIZE, *SPACING, 44.0, 9.0, 20.5, Grade.B)


@pytest.fixture
def validated(tmp_path):
    """Two hips of a patient; the marker in front on the left of each is mirrored with the left hip's array."""
    workspace = Workspace(tmp_path)
    cases, rows = [], []
    for side in Side:
        hip = Hip("P001", side)
        cut = HipCrop.whole(mask().grid, mirrored=hip.mirrored)
        image, label, prediction = (cut.extract(each) for each in (marked(8, -30, 25), mask(8), mask(6)))
        cases.append(case(hip))
        image.write(workspace.nnunet_raw / cases[-1].image)
        label.write(workspace.nnunet_raw / cases[-1].label)
        prediction.write(workspace.crossval / "masks" / f"{hip.case_id}.nii.gz")
        rows.append(crossval_row(hip, 0, HipMask(label), HipMask(prediction)))
    write_rows(workspace.cases_csv, Case, cases)
    (workspace.raw / "dataset.json").write_text(json.dumps({HASH_KEY: "0" * 64}))
    write_files_csv(workspace.raw, cases, {case.case_id: "0" * 64 for case in cases})
    write_tables(workspace.crossval, rows)
    return workspace.crossval


def cells(page, name):
    """The cells of the body of a table, row by row, as text; the table is found by the label of its frame."""
    (table,) = re.findall(rf'aria-label="{name}">(.*?)</table>', page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(unescape(re.sub(r"<[^>]*>", "", cell)).split()) for cell in row] for row in found]


def columns(folder, name, *wanted):
    with (folder / name).open(newline="") as file:
        return [[row[column] for column in wanted] for row in csv.DictReader(file)]


def shown_as(cell, digits):
    return f"{float(cell):.{digits}f}" if cell else MISSING


def test_every_number_of_the_hips_is_that_of_the_table(validated):
    report(validated)
    rows = {row[0]: row for row in cells(shown(validated), "All hips")}
    names = ("percent", "ml"), ("necrosis_percent", "necrosis_ml", "head_ml")
    wanted = [f"{name}_{which}" for name in names[1] for which in ("true", "pred")]
    measured = ["head_dice", "necrosis_dice", "head_assd_mm", "necrosis_assd_mm"]
    table = columns(validated, "cases.csv", "case_id", "side", "fold", "grade_true", "grade_pred", *wanted, *measured)
    assert len(rows) == len(table)
    for case_id, side, fold, true, pred, *values in table:
        volumes, metrics = values[:6], values[6:]
        pairs = [f"{shown_as(a, 1)} / {shown_as(b, 1)}" for a, b in zip(volumes[::2], volumes[1::2], strict=True)]
        error = f"{float(volumes[1]) - float(volumes[0]):.1f}"
        digits = [shown_as(value, n) for value, n in zip(metrics, (3, 3, 2, 2), strict=True)]
        grades = f"{true} {'=' if true == pred else chr(0x2260)} {pred}"
        assert rows[case_id] == [case_id, side, fold, grades, pairs[0], error, *pairs[1:], *digits]


def test_every_statistic_and_count_is_that_of_the_table(validated):
    report(validated)
    page = shown(validated)
    for shown_row, row in zip(
        cells(page, "agreement.csv"),
        columns(validated, "agreement.csv", "statistic", "value", "ci_low", "ci_high", "n", "note"),
        strict=True,
    ):
        interval = f"{shown_as(row[2], 3)} to {shown_as(row[3], 3)}" if row[2] else MISSING
        assert shown_row == [row[0], shown_as(row[1], 3), interval, row[4], row[5]]
    for shown_row, row in zip(
        cells(page, "summary.csv"),
        columns(
            validated, "summary.csv", *("region", "metric", "median", "q1", "q3", "mean", "sd", "n", "n_undefined")
        ),
        strict=True,
    ):
        digits = 3 if row[1].startswith(("dice", "nsd", "iou")) else 2
        quartiles = f" ({shown_as(row[3], digits)} to {shown_as(row[4], digits)})" if row[3] else ""
        assert shown_row[:3] == [row[0], row[1], shown_as(row[2], digits) + quartiles]
        assert shown_row[5:] == [f"{shown_as(row[5], digits)} ({shown_as(row[6], digits)})", row[7], row[8]]
    order = ("none", "A", "B", "C")
    counts = {true: counts for true, *counts in columns(validated, "confusion.csv", "true", *order)}
    assert cells(page, "Grades, true and predicted") == [[true, *counts[true]] for true in order]


def test_summary_has_the_published_figures_beside_and_says_of_what_they_are(validated):
    report(validated)
    page = shown(validated)
    median, q1, q3 = (float(cell) for cell in columns(validated, "summary.csv", "median", "q1", "q3")[0])
    lines = {row[0]: row[1:] for row in cells(page, "Summary")}
    assert lines["Femoral head: Dice"] == [f"{median:.3f} ({q1:.3f} to {q3:.3f})", MISSING, "0.95 (0.95 to 0.96)", "2"]
    assert lines["Necrosis: Dice"][2] == "0.89 (0.85 to 0.92)"
    assert lines["Steinberg grade correct"][::2] == ["0.000 (0 of 2)", "0.937"]
    assert lines["Linear kappa of the grade"][2] == "0.98, weights not stated"
    text = " ".join(unescape(page).split())
    assert "63 patients' hips with osteonecrosis and no collapse (22 grade A, 23 B, 18 C)" in text
    assert "2 hips of 1 patient; grades 0 none, 0 A, 2 B, 0 C; sides 1 L, 1 R" in text
    assert KAPPA_NOTE in text
    assert (
        page.index('id="summary"') < page.index('id="agreement"') < page.index('id="figures"') < page.index('id="hips"')
    )


def test_training_that_cannot_be_read_is_said_and_leaves_its_items_open(validated):
    report(validated)
    page = shown(validated)
    assert "Caution: How these folds were trained cannot be read" in page
    items = {row[0]: row for row in cells(page, "CLAIM 2024")}
    assert items["22"][3:] == ["open", "", "Add patch, spacing and stages: onfh model"]
    assert items["20"][3] == "filled"
    assert items["35"][3] == "open"  # of excluded hips nothing is known here
    assert items["39"][4].startswith("2 of 2 hips have another grade")


def test_checklists_have_all_published_items(validated):
    report(validated)
    page = shown(validated)
    assert [row[0] for row in cells(page, "CLAIM 2024")] == [str(n) for n in range(1, 45)]
    parts = {"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg", "18": "abcdef", "20": "abc"}
    parts |= {"23": "ab", "27": "abc"}
    tripod = [f"{n}{part}" for n in range(1, 28) for part in parts.get(str(n), ("",))]
    assert [row[0] for row in cells(page, r"TRIPOD\+AI")] == tripod
    (file,) = re.findall(r'download="checklists.csv" href="data:text/csv;base64,([^"]*)"', page)
    listed = list(csv.DictReader(io.StringIO(base64.b64decode(file).decode())))
    assert [row["item"] for row in listed] == [*(str(n) for n in range(1, 45)), *tripod]
    assert "{" not in "".join(row["known"] for row in listed)


def test_figures_are_svg_whose_text_is_text_and_their_files_lie_beside(validated):
    report(validated)
    page = shown(validated)
    drawn = [base64.b64decode(one).decode() for one in re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)]
    assert len(drawn) == len(SHOWN)
    assert all("</text>" in one for one in drawn)
    assert page.count("data:image/webp;base64,") == len(CrossvalTables.read(validated).cases)
    links = set(re.findall(r'href="(figures/[^"]*)"', page))
    assert links == {f"figures/{name}.{kind}" for name in SHOWN for kind in ("svg", "png")}


def test_page_loads_nothing(validated):
    report(validated)
    page = shown(validated)
    assert not re.search(r"<link|@import|url\(|https?:", page)
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(one.startswith(("data:", "#", "figures/")) for one in addresses)
    assert "default-src 'none'" in unescape(page)


HOSTILE = "<script>alert(1)</script>{{ 7*7 }}{% raw %}[red]<img src=x>\"'\n\x1b[2J"


def test_hostile_names_do_nothing(validated):
    tables = CrossvalTables.read(validated)
    rows = [replace(row, case_id=f"{HOSTILE}{n}") for n, row in enumerate(tables.cases)]
    noted = [replace(row, note=HOSTILE) for row in tables.agreement]
    pictures = {row.case_id: b"" for row in rows}
    page = crossval_page(replace(tables, cases=rows, agreement=noted), pictures, StudyStatement(HOSTILE), HOSTILE)
    assert not re.search(r"<script>alert|<img src=x|\x1b|>49<", page)
    assert "<script>alert(1)</script>{{ 7*7 }}{% raw %}[red]" in unescape(page)


def test_hips_come_worst_first():
    def hip(name, true, pred, percent_true, percent_pred):
        measured = (0.9, 0.5, 1.0, 0.9, 44.0, 44.0) * 2
        return CrossvalRow(name, name, None, 0, *measured, percent_true, percent_pred, true, pred)

    none, a, b, c = Grade
    rows = [
        hip("same", b, b, 20, 21),
        hip("far", b, b, 20, 29),
        hip("one step", a, b, 14, 16),
        hip("no head", b, none, 20, None),
        hip("two steps", b, none, 16, 0),
        hip("three", none, c, 0, 31),
    ]
    order = ["three", "no head", "two steps", "one step", "far", "same"]
    assert [row.case_id for row in worst_first(rows)] == order


def test_pdf_of_a_cross_validation_is_refused(validated):
    with pytest.raises(WorkspaceError, match="`pdf`: is for the patients of a prediction"):
        write_report(validated, pdf=True)


def test_left_hips_are_shown_as_they_lie_in_the_patient(validated, monkeypatch):
    pictures = {}
    monkeypatch.setattr("onfh_nnunet.workflows.report.crossval_page", lambda _, made, *__: pictures.update(made) or "")
    report(validated)
    assert set(pictures) == {"P001_L", "P001_R"}
    for png in pictures.values():
        axial = decode(png)
        right, _ = brightest(axial[:, : axial.shape[1] // 3])
        assert right == pytest.approx(25, abs=2)


def test_hip_that_left_the_dataset_is_named(validated):
    workspace = Workspace(validated.parent)
    write_rows(workspace.cases_csv, Case, [])
    with pytest.raises(WorkspaceError, match="P001_L: is not in the dataset"):
        report(validated)
