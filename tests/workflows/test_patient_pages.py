"""The pages of a prediction: what they say is what grades.csv says, they are alone, and they need no scan."""

import base64
import csv
import hashlib
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import GridMismatch, LabelError, ReadError, StaleError, WorkspaceError
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.image_files import write_image
from onfh_nnunet.core.labels import label_mark
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.workflows.predict_folder import predict_scans
from onfh_nnunet.workflows.predictor import Predictor, Settings
from onfh_nnunet.workflows.report import report
from onfh_nnunet.workflows.scan_images import HipImages, image_files
from postprocessing.measurement.grade_rows import write_grades
from postprocessing.report.rendering import MISSING
from tests.helpers.perfect_network import BOTH, ONE, image, oracle
from tests.helpers.predicted_hips import GRID, SCAN, mask, write_hip
from tests.helpers.spreadsheet import saved_by_a_spreadsheet


@pytest.fixture
def predicted(tmp_path):
    out = tmp_path / "out"
    rows = [write_hip(out, Side.RIGHT, 8.0), write_hip(out, Side.LEFT, 99.0)]
    write_grades(out / "grades.csv", rows)
    return out, rows


def index(out):
    return (out / "report.html").read_text(encoding="utf-8")


def patient(out, name="P001"):
    return (out / "report" / f"{name}.html").read_text(encoding="utf-8")


def test_every_number_is_that_of_grades_csv(predicted):
    out, rows = predicted
    report(out)
    listed, page = index(out), unescape(patient(out))
    for row in rows:
        shown = f"<strong>{row.necrosis_percent:.1f}</strong> ({row.percent_low:.1f} to {row.percent_high:.1f}, margin)"
        assert shown in listed
        assert f"{row.necrosis_percent:.1f} %" in page
        for text in row.warnings.split("; "):
            assert text in unescape(listed)
            assert text in page
    with (out / "grades.csv").open(newline="") as file:
        right, left = csv.DictReader(file)
    for name in right.keys() - {"case_id", "source", "side", "warnings"}:
        cells = "".join(f"<td>{hip[name] or MISSING}</td>" for hip in (right, left))
        assert f'<tr><th class="text">{name}</th>{cells}</tr>' in page


def test_grade_is_a_range_where_the_interval_crosses_a_cut(predicted):
    out, (right, _) = predicted
    write_grades(out / "grades.csv", [replace(right, possible_grades="none/A/B")])
    report(out)
    assert '<div class="grade">none\N{EN DASH}B<small>' in patient(out)
    assert "interval across a cut: none\N{EN DASH}B" in index(out)


@pytest.mark.parametrize("which", [index, patient])
def test_page_stands_alone_and_is_the_same_again(predicted, which):
    out, _ = predicted
    report(out)
    page = which(out)
    assert not re.search(r"<link|@import|url\(|https?:", page)
    addresses = set(re.findall(r"(?:src|href)=\"([^\"]*)\"", page))
    assert {one for one in addresses if not one.startswith("data:image/")} <= {"report/P001.html", "../report.html"}
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
    report(out)
    assert which(out) == page


def test_hostile_text_does_nothing(predicted):
    out, (right, left) = predicted
    text = "<script>alert(1)</script>{{ 7*7 }}{% raw %}<img src=x>\"'\n\x1b[2J"
    write_grades(out / "grades.csv", [replace(right, source=text, warnings=text), left])
    report(out)
    for page in (index(out), patient(out)):
        assert not re.search(r"<script>alert|<img src=x|\x1b|>49<", page)
        assert "<script>alert(1)</script>{{ 7*7 }}{% raw %}" in unescape(page)


def test_octants_of_the_map_are_those_of_grades_csv(predicted):
    out, rows = predicted
    report(out)
    maps = re.findall(r"<svg viewBox=\"-124.*?</svg>", patient(out), re.DOTALL)
    for row, drawn in zip(rows, maps, strict=True):
        shown = {name: value for name, value in vars(row).items() if re.match("(superior|inferior)_", name)}
        written = re.findall(r">([\d.]+|\N{EN DASH})</text>", drawn)
        assert written == [MISSING if value is None else f"{value:.1f}" for value in shown.values()]
        assert f": {row.necrotic_surface_percent:.1f} percent of the articular surface is necrotic" in drawn
        assert 'class="middle"' in drawn or row.lesion_longitude_deg is None


def test_jic_type_of_landmarks_stands_beside_a_published_cohort(predicted):
    out, (right, _) = predicted
    report(out)
    assert "Kuroda" not in patient(out)
    centre = np.array([right.head_centre_x_mm, right.head_centre_y_mm, right.head_centre_z_mm])
    edge, teardrop = centre + np.array([-18, 0, 18]), centre + np.array([16, 0, -16])
    names = [f"{point}_{axis}_mm" for point in ("edge", "teardrop") for axis in "xyz"]
    points = out.parent / "points.csv"
    points.write_text(",".join(["case_id", *names]) + "\n" + ",".join(map(str, ["P001_R", *edge, *teardrop])))
    report(out, landmarks=points)
    page = unescape(patient(out))
    assert "<strong>C2\xa084.8\xa0%</strong>" in page
    assert "A\xa00.0\xa0%, B\xa07.9\xa0%, C1\xa036.6\xa0%" in page
    assert "(Kuroda, Bone Joint Res 2019;8:451). <em>That cohort\N{RIGHT SINGLE QUOTATION MARK}s share" in page
    assert '<tr><th class="text">jic_type</th><td>C2</td>' in page
    assert "no landmarks: no JIC type" in page
    points.write_text(points.read_text().replace("P001_R", "P009_R"))
    with pytest.raises(WorkspaceError, match="is no output of predict, expected one: landmarks are those of its hips"):
        report(out.parent, landmarks=points)
    with pytest.raises(ReadError, match=r"points\.csv: holds points of P009_R, expected P001_L, P001_R"):
        report(out, landmarks=points)


def test_grades_that_a_spreadsheet_saved_again_are_those_that_were_written(predicted):
    out, _ = predicted
    report(out)
    before = index(out), patient(out)
    saved_by_a_spreadsheet(out / "grades.csv")
    report(out)
    assert (index(out), patient(out)) == before


def test_without_images_the_page_says_so(predicted):
    out, _ = predicted
    for file in image_files(out, "P001_L"):
        file.unlink()
    report(out)
    assert patient(out).count("<strong>No pictures:</strong>") == 1
    assert patient(out).count('class="viewer screen"') == 1
    assert patient(out).count('data-region="head"') == 2


def test_mask_that_is_missing_or_changed_or_of_another_scan_is_refused(predicted):
    out, _ = predicted
    file = out / "P001_L.nii.gz"
    whole = file.read_bytes()
    file.unlink()
    with pytest.raises(WorkspaceError, match=r"P001_L: has no mask: .*P001_L\.nii\.gz is missing"):
        report(out)
    Volume(mask(Side.LEFT).array[:38], GRID.part((0, 0, 0), (38, 40, 90))).write_labels(file)
    with pytest.raises(GridMismatch, match="P001_L: size"):
        report(out)
    file.write_bytes(whole)
    HipImages.of(SCAN, mask(Side.RIGHT)).write(out, "P001_L")
    with pytest.raises(LabelError, match="P001_L: holds no femoral head"):
        report(out)
    assert not (out / "report.html").exists()


def test_mask_that_was_changed_has_no_page(predicted):
    out, _ = predicted
    write_image(out / "P001_R.nii.gz", mask(Side.RIGHT, 4.0).array, GRID, "", label_mark(mask(Side.RIGHT).array))
    with pytest.raises(StaleError, match=r"P001_R\.nii\.gz: was changed since onfh predict wrote it"):
        report(out)


def test_nobodys_page_is_replaced_and_old_pages_go(predicted):
    out, _ = predicted
    report(out)
    old = out / "report" / "P009.html"
    old.write_bytes((out / "report" / "P001.html").read_bytes())
    kept = out / "report" / "notes.html"
    kept.write_text("precious")
    report(out)
    assert not old.exists()
    assert kept.read_text() == "precious"
    (out / "report" / "P001.html").write_text("precious")
    with pytest.raises(WorkspaceError, match=r"P001\.html: exists already and is not an unedited onfh report"):
        report(out)


@pytest.fixture
def predict(monkeypatch, model, tmp_path):
    def run(*inputs, **changes):
        return predict_scans(inputs, Settings(model, tmp_path / "out", None, Device.CPU, None, False, **changes))

    monkeypatch.setattr(Predictor, "hips", oracle)
    return run


def test_images_are_kept_left_out_and_made_again(predict, tmp_path):
    out = tmp_path / "out"
    image(BOTH).write(tmp_path / "a.nii.gz")
    predict(tmp_path / "a.nii.gz")
    files = sorted((out / "images").iterdir())
    assert [file.name for file in files] == [f"P001_{side}_{what}.nii.gz" for side in "LR" for what in ("hip", "whole")]
    before = [file.read_bytes() for file in files]
    predict(tmp_path / "a.nii.gz", images=False)
    assert list((out / "images").iterdir()) == []
    predict(tmp_path / "a.nii.gz")
    assert [file.read_bytes() for file in files] == before


def test_page_says_what_made_it_and_what_failed(predict, model, tmp_path):
    out = tmp_path / "out"
    image(ONE).write(tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").write_bytes(b"none")
    predicted = predict(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")
    report(out)
    page = patient(out)
    assert predicted.model_sha256 in page
    assert model.name in page
    assert "No left hip in these results." in page
    assert re.search(
        r"voxels 4.00 x 4.00 x 4.00 mm \(slice, row, column of the scan\), predicted on 20\d\d-\d\d-\d\d", page
    )
    assert "<strong>P002</strong> failed: The scan cannot be read" in unescape(index(out))
    (out / ".made_from" / "model.json").write_text('{"name": 1}')
    report(out)
    assert "does not say which model made these numbers" in index(out)
