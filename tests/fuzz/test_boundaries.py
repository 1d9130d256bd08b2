"""Whatever a stranger's file holds, a reader of ours returns, or refuses it by name; it never raises anything else."""

import json

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_conversion.cohort.table import read_cohort
from dataset_conversion.readers.itksnap import read_names
from dataset_conversion.readers.segmentation import read_segmentation
from onfh_nnunet.core.csv_rows import rows_text
from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.image_files import read_image, write_image
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import ModelFile, write_model_file
from onfh_nnunet.workflows.calibration import calibrated_intervals
from onfh_nnunet.workflows.model import about_lines
from postprocessing.measurement.grade_rows import GradeRow
from postprocessing.measurement.grades_table import MissedHip, read_grades
from postprocessing.measurement.landmarks import read_landmarks
from postprocessing.statistics.reader_tables import read_gradings
from tests.fuzz.mutations import VALUES, damaged, edits, places_in, put
from tests.helpers.dicom_files import AXIAL
from tests.helpers.model_forge import METADATA, joined, split
from tests.helpers.segmentation_files import segment_keys, write_dicom_seg, write_seg_nrrd
from tests.helpers.small_model import small_model

pytestmark = pytest.mark.filterwarnings("ignore")  # of what is odd in a file that is read nevertheless

SMALL = Grid((4, 8, 9), (4.0, 4.0, 4.0), (-142.0, -54.0, -46.0), AXIAL)
LABELS = np.repeat(np.arange(4, dtype=np.uint8) % 3, 72).reshape(SMALL.size)
COHORT = b"patient_id,image,side,label,grade,age\nP1,scan.nii,L,label.nii,A,51\nP2,scan.nii,B,label.nii,,62\n"
GRADINGS = b"case_id;steinberg_grade;necrosis_percent\nP1_L;A;12,5\nP2_R;none;0\n"
LANDMARKS = b"case_id,edge_x_mm,edge_y_mm,edge_z_mm,teardrop_x_mm,teardrop_y_mm,teardrop_z_mm\nP1_L,1,2,3,4,5.5,-6\n"
POINTS = [{"label": name, "position": [1.5, -2, 3], "positionStatus": "defined"} for name in ("edge", "teardrop")]
MARKUPS = json.dumps({"markups": [{"coordinateSystem": "LPS", "controlPoints": POINTS}]}).encode()
ITK_SNAP = (
    b'# comment\n    1   255    0    0        1  1  1    "head"\n    2   0 255    0        1  1  1    "necrosis"\n'
)
TEXTS = {
    "cohort.csv": (COHORT, read_cohort),
    "reader.csv": (GRADINGS, read_gradings),
    "points.csv": (LANDMARKS, lambda path: read_landmarks(path, ["P1_L"])),
    "points.mrk.json": (MARKUPS, lambda path: read_landmarks(path, ["P1_L"])),
    "names.txt": (ITK_SNAP, read_names),
    "grades.csv": (rows_text(GradeRow, [MissedHip("P001_L", "", Side.LEFT, "no head")]).encode(), read_grades),
}
TEXTS_OF_MODEL = ["manifest", "plans", "dataset", "further_names"]
SLOW = settings(max_examples=max(settings().max_examples // 4, 1))


def returned_or_refused(path, read):
    """The file is read, or refused with its name and a remedy."""
    refusal = None
    try:
        read(path)
    except OnfhError as error:
        refusal = error
    assert refusal is None or (path.name in refusal.subject and refusal.remedy)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("strange")


@pytest.mark.parametrize("name", TEXTS)
@given(made=st.lists(edits, min_size=1, max_size=6))
def test_texts(folder, name, made):
    content, read = TEXTS[name]
    (folder / name).write_bytes(damaged(content, made))
    returned_or_refused(folder / name, read)


@given(made=st.lists(edits, min_size=1, max_size=6))
def test_workbooks(folder, workbook, made):
    (folder / "reader.xlsx").write_bytes(damaged(workbook, made))
    returned_or_refused(folder / "reader.xlsx", read_gradings)


@pytest.fixture(scope="module")
def workbook(folder):
    book = openpyxl.Workbook()
    for row in (["case_id", "steinberg_grade"], ["P1_L", "A"], ["P2_R", "none"]):
        book.active.append(row)
    book.save(folder / "whole.xlsx")
    return (folder / "whole.xlsx").read_bytes()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@given(made=st.lists(edits, min_size=1, max_size=6))
def test_images(folder, suffix, made):
    whole, strange = folder / f"whole{suffix}", folder / f"strange{suffix}"
    if not whole.exists():
        write_image(whole, LABELS, SMALL)
    strange.write_bytes(damaged(whole.read_bytes(), made))
    returned_or_refused(strange, read_image)


@given(made=st.lists(edits, min_size=1, max_size=6))
def test_segmentations_of_slicer(folder, made):
    whole, strange = folder / "whole.seg.nrrd", folder / "strange.seg.nrrd"
    if not whole.exists():
        keys = segment_keys(0, "head") | segment_keys(1, "necrosis", value=2)
        write_seg_nrrd(whole, [LABELS], SMALL, keys)
    strange.write_bytes(damaged(whole.read_bytes(), made))
    returned_or_refused(strange, read_segmentation)


@SLOW
@given(made=st.lists(edits, min_size=1, max_size=6))
def test_dicom_segmentations(folder, dicom_seg, made):
    (folder / "strange.dcm").write_bytes(damaged(dicom_seg, made))
    returned_or_refused(folder / "strange.dcm", read_segmentation)


@pytest.fixture(scope="module")
def dicom_seg(folder):
    return write_dicom_seg(folder, LABELS, SMALL, ["head", "necrosis"]).read_bytes()


@pytest.fixture(scope="module")
def model(folder):
    path = folder / "whole.safetensors"
    write_model_file(path, small_model(0, 2), Card(caution="for trying out"))
    return path.read_bytes()


def described(path):
    """As `onfh model` and `onfh predict` read it."""
    model_file = ModelFile.read(path)
    assert list(about_lines(path, model_file, calibrated_intervals(model_file, path)))


@SLOW
@given(made=st.lists(edits, min_size=1, max_size=6))
def test_model_files(folder, model, made):
    (folder / "strange.safetensors").write_bytes(damaged(model, made))
    returned_or_refused(folder / "strange.safetensors", described)


@SLOW
@given(
    text=st.sampled_from(TEXTS_OF_MODEL),
    made=st.lists(edits, min_size=1, max_size=3),
)
def test_model_files_with_the_right_digest(folder, model, text, made):
    header, tensors = split(model)
    changed = damaged(header[METADATA][text].encode(), made).decode(errors="replace")
    (folder / "forged.safetensors").write_bytes(joined(header, tensors, **{text: changed}))
    returned_or_refused(folder / "forged.safetensors", described)


@SLOW
@given(data=st.data())
def test_model_files_with_another_value(folder, model, data):
    header, tensors = split(model)
    text = data.draw(st.sampled_from(TEXTS_OF_MODEL[:3]))
    whole = json.loads(header[METADATA][text])
    place = data.draw(st.sampled_from(list(places_in(whole))))
    put(whole, place, data.draw(st.sampled_from(VALUES)))
    (folder / "forged.safetensors").write_bytes(joined(header, tensors, **{text: json.dumps(whole)}))
    returned_or_refused(folder / "forged.safetensors", described)
