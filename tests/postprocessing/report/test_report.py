import io
import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from matplotlib import image as mpl_image
from matplotlib.colors import to_rgb

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
from postprocessing.figures.style import BLUE, ORANGE
from postprocessing.report.page import CrossvalTables, dice_png, percent_png
from postprocessing.report.slices import REFERENCE, hip_png
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


def decode(png):
    return mpl_image.imread(io.BytesIO(png))[..., :3]


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


def test_cross_validation_stands_beside_the_published_figures(validated):
    report(validated)
    page = shown(validated)
    tables = CrossvalTables.read(validated)
    assert page.count("data:image/png;base64,") == len(tables.cases) + 2
    for row in tables.cases:
        assert f"{row.head_dice:.3f} / {row.necrosis_dice:.3f}" in page
    for row in tables.summary:
        assert f'<td class="text">{row.metric}</td>' in page
    for row in tables.agreement:
        assert f'<td class="text">{row.statistic}</td>' in page
    assert "0.89 (0.85 to 0.92)" in page
    assert KAPPA_NOTE in unescape(page)


def test_left_hips_are_shown_as_they_lie_in_the_patient(validated, monkeypatch):
    pictures = {}
    monkeypatch.setattr("onfh_nnunet.workflows.report.crossval_page", lambda _, made, __: pictures.update(made) or "")
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


def test_charts_leave_out_what_is_undefined(validated):
    rows = CrossvalTables.read(validated).cases
    none = [replace(row, necrosis_percent_pred=None, head_dice=None, necrosis_dice=None) for row in rows]
    for chart in (percent_png, dice_png):
        empty, full = decode(chart(none)), decode(chart(rows))
        assert empty.shape == full.shape
        more = [pixels(full, colour) - pixels(empty, colour) for colour in (BLUE, ORANGE)]
        assert sum(more) > 20 * len(rows), chart  # points are 12 pixels wide; the legend has some in both


def pixels(picture, colour):
    return int((np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.05).sum())
