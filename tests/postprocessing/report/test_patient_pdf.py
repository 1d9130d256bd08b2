"""The page as PDF says what the HTML page says, names nobody unasked, and no text in it is markup."""

from dataclasses import replace

import pytest

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.hip_mask import HipMask
from postprocessing.measurement.grade_rows import grade_row
from postprocessing.measurement.grades_table import MissedHip
from postprocessing.report.model_statement import ModelStatement, StatedScore
from postprocessing.report.patient_pdf import patient_pdf
from postprocessing.report.prediction_pages import ReportedHip
from tests.helpers.pdf import pdf_text
from tests.helpers.solid_hips import cap
from tests.helpers.solid_hips import hip as solid_hip

MODEL = ModelStatement(
    *("hips.safetensors", "ab" * 32, "the model learned from synthetic hips only"),
    (("trained on", "30 hips of 15 patients"), ("intervals", "90% for each true grade")),
    (StatedScore("necrosis", "dice", 24, 0.931, 0.887, 0.943),),
)


@pytest.fixture(scope="module")
def hip():
    labels, _ = solid_hip(cap(12.0))
    row = grade_row("P001_R", "scan.nii.gz", HipMask(labels, Side.RIGHT), ("the neck is cut",))
    return ReportedHip(line=row, day="2026-01-02", voxel="1 x 1 x 1 mm")


def test_every_number_is_that_of_the_row(hip, tmp_path):
    row = hip.line
    text, pages = pdf_text(patient_pdf([hip], MODEL, "0.1.0", "P001", ["from scan.nii.gz"]), tmp_path)
    assert pages == 1
    assert f"{row.necrosis_percent:.1f} % ({row.percent_low:.1f} to {row.percent_high:.1f}, margin only)" in text
    assert f"necrosis {row.necrosis_ml:.1f} ml of the head's {row.head_ml:.1f} ml" in text
    for said in (
        *("P001: necrosis of the femoral head on MRI", "Right hip", hip.letters, "the neck is cut", "2026-01-02"),
        *(MODEL.sha256, "Research use only.", "No left hip in these results.", "from scan.nii.gz", "No pictures"),
        *("necrosis Dice 0.93 (0.89 to 0.94, n 24)", "30 hips of 15 patients", "voxels 1 x 1 x 1 mm"),
    ):
        assert said in text, said
    assert "Caution: the model learned from synthetic" in text


HOSTILE = '#panic("x") *bold* $x^2$ [red] <script> {{ 7*7 }} // gone \\ `raw` @ref "quoted" #read("/etc")\n= Heading'


def test_no_text_is_markup(hip, tmp_path):
    row = replace(hip.line, warnings=HOSTILE)
    missed = ReportedHip(line=MissedHip("P001_L", "x", Side.LEFT, HOSTILE))
    model = replace(MODEL, name=HOSTILE, caution=HOSTILE)
    pdf = patient_pdf([replace(hip, line=row, caution=""), missed], model, HOSTILE, HOSTILE, [HOSTILE])
    text, pages = pdf_text(pdf, tmp_path)
    assert pages == 1
    for part in ('#panic("x")', "*bold*", "$x^2$", "{{ 7*7 }}", "// gone", "`raw`", '#read("/etc")'):
        assert text.count(part) >= 5, part


def test_same_values_give_the_same_bytes_and_many_warnings_stay_on_the_page(hip, tmp_path):
    long = "; ".join(f"warning {n} says at some length what is wrong with the outline of this head" for n in range(9))
    told = replace(hip, line=replace(hip.line, warnings=long))
    pdf = patient_pdf([told], None, "0.1.0", "P001", [])
    assert pdf == patient_pdf([told], None, "0.1.0", "P001", [])
    text, pages = pdf_text(pdf, tmp_path)
    assert pages == 1
    assert "does not say which model made these numbers" in text
    assert all(f"warning {n} says" in text for n in range(9))


def test_a_page_for_an_archive_bears_no_name(hip, tmp_path):
    text, _ = pdf_text(patient_pdf([hip], MODEL, "0.1.0", "", ["series 1.2.3"]), tmp_path)
    assert "P001" not in text
    assert "scan.nii.gz" not in text
    assert "series 1.2.3" in text
    assert text.startswith("Necrosis of the femoral head on MRI")
