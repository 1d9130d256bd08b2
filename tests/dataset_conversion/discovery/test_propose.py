import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import generate_uid

from dataset_conversion.cohort.table import read_cohort
from dataset_conversion.convert import convert
from dataset_conversion.discovery.matching import _same_voxels
from dataset_conversion.discovery.propose import propose
from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.readers import read_volume
from onfh_nnunet.core.errors import CohortError
from onfh_nnunet.core.file_names import named_side, stem, words
from onfh_nnunet.core.grid import Grid, direction_of
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import (
    LEFT,
    PELVIS,
    RIGHT,
    another,
    both_heads,
    head,
    noise,
    write_enhanced,
    write_series,
)
from tests.helpers.paths import REAL
from tests.helpers.segmentation_files import oblique, segment_keys, write_dicom_seg, write_seg_nrrd

PROSTATEX = REAL / "prostatex-pelvis-mr"
NARROW = PELVIS.part((0, 0, 2), (24, 28, 30))
"""A field of view of the right hip alone: its middle is nobody's middle."""


def heads(centre, grid=PELVIS, lesion_mm=15.0):
    return Volume(head(grid, centre, lesion_mm), grid)


def rows(folder, start=None):
    """The proposal as (patient_id, image, side, label), and the notes."""
    made = propose(folder, start or folder)
    return [(row.patient_id, row.image, row.side, row.label) for row in made.rows], made.notes


def read(folder):
    """The proposal, written where it belongs and read as convert does."""
    table = folder / "cohort.csv"
    table.write_text(propose(folder, folder).csv(), encoding="utf-8")
    return read_cohort(table)


def study(folder, *, uid=None, seed=0, **tags):
    """A series whose slices share their study and frame of reference, as scanners write it."""
    same = {"StudyInstanceUID": uid or generate_uid(), "FrameOfReferenceUID": generate_uid()} | tags
    return write_series(folder, noise(seed=seed), **same)


@pytest.fixture
def cohort(tmp_path):
    """Scans of every usual kind, and the rows that a person would write for them."""
    noise(seed=1).write(tmp_path / "images" / "P1.nii.gz")
    both_heads().write(tmp_path / "labels" / "P1.nii.gz")
    noise(seed=2).write(tmp_path / "images" / "P2_R.mha")
    heads(RIGHT).write(tmp_path / "labels" / "P2_R.nrrd")
    noise(NARROW, seed=3).write(tmp_path / "images" / "P3-left_0000.nrrd")
    heads(RIGHT, NARROW).write(tmp_path / "labels" / "P3-left.nii.gz")
    noise(seed=4).write(tmp_path / "images" / "P4, new.nii.gz")
    heads(LEFT).write(tmp_path / "labels" / "P4, new.nii.gz")
    return tmp_path, [
        ("P1", "images/P1.nii.gz", "B", "labels/P1.nii.gz"),
        ("P2", "images/P2_R.mha", "R", "labels/P2_R.nrrd"),
        ("P3", "images/P3-left_0000.nrrd", "L", "labels/P3-left.nii.gz"),
        ("P4, new", "images/P4, new.nii.gz", "L", "labels/P4, new.nii.gz"),
    ]


def test_proposal_is_what_a_person_would_write_and_converts(cohort):
    folder, expected = cohort
    found, notes = rows(folder)
    assert found == expected
    assert notes == ("4 scans took patient_id from a file's name; give all scans of one patient the same",)
    scans = read(folder)
    assert [(scan.side, scan.label.name) for scan in scans] == [
        (side, Path(label).name) for _, _, side, label in expected
    ]
    made = convert(folder / "cohort.csv", Workspace(folder.parent / "work"))
    assert len(made.dataset.cases) == 5


def test_proposal_of_a_phantom_cohort_is_its_own_table(tmp_path, onfh):
    for form, more in (("dicom", ["--bilateral"]), ("nifti", [])):
        folder = tmp_path / form
        onfh("phantom", folder, "--hips", 3, "--seed", 4, "--format", form, "--spacing", "3,3,3", *more)
        wanted = [(one.patient_id, one.image, one.side, one.label) for one in read_cohort(folder / "cohort.csv")]
        (folder / "cohort.csv").rename(folder / "wanted.csv")
        assert [(one.patient_id, one.image, one.side, one.label) for one in read(folder)] == wanted


def test_results_of_predict_are_no_scans_and_no_labels(tmp_path):
    write_series(tmp_path / "scan", noise())
    alone = rows(tmp_path)[0]
    (tmp_path / "out" / ".made_from").mkdir(parents=True)
    (tmp_path / "out" / "images").mkdir()
    heads(LEFT).write_labels(tmp_path / "out" / "P001_L.nii.gz")
    noise(PELVIS).write(tmp_path / "out" / "images" / "P001_L_hip.nii.gz")
    proposed, notes = rows(tmp_path)
    assert proposed == alone
    assert any("1 folders hold results of onfh predict" in note for note in notes)


def test_paths_are_relative_to_where_the_table_will_lie(cohort):
    folder, expected = cohort
    found, _ = rows(folder, folder.parent / "elsewhere")
    assert [image for _, image, _, _ in found] == [f"../{folder.name}/{image}" for _, image, _, _ in expected]


def test_several_series_of_a_folder_are_named_by_what_tells_them_apart(tmp_path):
    folder = tmp_path / "all"
    uids = []
    for number, text in enumerate(["cor T1", "ax T2", "ax T2", ""]):
        uids.append(dcmread(study(tmp_path / f"{number}", SeriesDescription=text)[0]).SeriesInstanceUID)
        folder.mkdir(exist_ok=True)
        for file in (tmp_path / f"{number}").iterdir():
            file.rename(folder / f"{number}{file.name}")
        (tmp_path / f"{number}").rmdir()
    made = propose(tmp_path, tmp_path)
    assert {row.image for row in made.rows} == {"all"}
    assert sorted(row.series for row in made.rows) == sorted(["cor T1", *uids[1:]])
    assert {row.patient_id for row in made.rows} == {"SECRET-ID"}
    for scan in read_cohort_with_sides(tmp_path, made):
        assert read_volume(scan.image, scan.series).grid.size == PELVIS.size


def read_cohort_with_sides(folder, made):
    """As a person leaves it: a side, and a patient of its own, in each row."""
    lines = made.csv().splitlines()
    filled = [f"p{n}," + line.split(",", 1)[1].replace("all,,", "all,L,", 1) for n, line in enumerate(lines[1:])]
    # one image belongs to one patient; the series tells the images apart
    (folder / "cohort.csv").write_text("\n".join([lines[0], *filled]), encoding="utf-8")
    return read_cohort(folder / "cohort.csv")


def test_series_of_its_own_folder_needs_no_name(tmp_path):
    study(tmp_path / "T1")
    study(tmp_path / "T2")
    assert [(row.image, row.series) for row in propose(tmp_path, tmp_path).rows] == [("T1", ""), ("T2", "")]


def test_localizer_is_left_out_and_still_counts_as_a_series_of_its_folder(tmp_path):
    study(tmp_path, SeriesDescription="T1")
    one = Volume(noise().array[:1], PELVIS.part((0, 0, 0), (1, 28, 72)))
    write_series(tmp_path, one, name="localizer{}.dcm", SeriesDescription="localizer")
    made = propose(tmp_path, tmp_path)
    assert [(row.image, row.series) for row in made.rows] == [(".", "T1")]
    assert any("left out series 'localizer'" in note and "a localizer" in note for note in made.notes)


def test_enhanced_file_and_other_modalities(tmp_path):
    write_enhanced(tmp_path / "P1" / "mr.dcm", noise())
    write_series(tmp_path / "P1" / "ct", noise(), Modality="CT")
    found, notes = rows(tmp_path)
    assert [image for _, image, _, _ in found] == ["P1"]
    assert any("has Modality CT" in note for note in notes)


@pytest.mark.parametrize(
    ("stated", "centre", "side"), [("L", None, "L"), ("R", RIGHT, "R"), ("L", RIGHT, ""), ("", LEFT, "L")]
)
def test_side_is_what_header_and_label_agree_on(tmp_path, stated, centre, side):
    study(tmp_path / "P1", **({"Laterality": stated} if stated else {}))
    if centre:
        heads(centre).write(tmp_path / "P1.nii.gz")
    ((_, _, found, _),), notes = rows(tmp_path)
    assert found == side
    assert any("disagree: L, R" in note for note in notes) == (side == "")


@pytest.mark.parametrize("name", ["scan", "scan_rl", "left_and_right", "lr"])
def test_side_that_nothing_tells_stays_empty_and_is_refused(tmp_path, name):
    noise(NARROW).write(tmp_path / f"{name}.nii.gz")
    heads(RIGHT, NARROW).write(tmp_path / f"{name}_label.nii.gz")
    ((_, _, side, label),), notes = rows(tmp_path)
    assert (side, label) == ("", f"{name}_label.nii.gz")
    assert any("no side, nothing tells it" in note for note in notes)
    with pytest.raises(CohortError, match="line 2, side: got ''"):
        read(tmp_path)


def test_side_of_a_label_against_its_name_stays_empty(tmp_path):
    noise().write(tmp_path / "P1_L.nii.gz")
    heads(RIGHT).write(tmp_path / "P1_L_label.nii.gz")
    ((_, _, side, _),), notes = rows(tmp_path)
    assert side == ""
    assert any("disagree: L, R" in note for note in notes)


def test_masks_of_head_and_necrosis_make_one_row(tmp_path):
    noise().write(tmp_path / "P1" / "scan.nii.gz")
    array = both_heads().array
    Volume((array > 0).astype(np.uint8), PELVIS).write(tmp_path / "P1" / "femoral_head.nii.gz")
    Volume((array == 2).astype(np.uint8), PELVIS).write(tmp_path / "P1" / "necrosis.nii.gz")
    (scan,) = read(tmp_path)
    assert (scan.side, scan.label.name, scan.label_necrosis.name) == ("B", "femoral_head.nii.gz", "necrosis.nii.gz")
    made = convert(tmp_path / "cohort.csv", Workspace(tmp_path / "work"))
    right = np.count_nonzero(array[:, :, :36] == 2) * PELVIS.voxel_ml
    assert {case.side: case.necrosis_ml for case in made.dataset.cases}["R"] == pytest.approx(right)


def test_empty_mask_of_the_necrosis_is_still_its_mask(tmp_path):
    noise().write(tmp_path / "P1" / "scan.nii.gz")
    heads(LEFT, lesion_mm=0).write(tmp_path / "P1" / "head.nii.gz")
    Volume(np.zeros(PELVIS.size, np.uint8), PELVIS).write(tmp_path / "P1" / "lesion.nii.gz")
    (scan,) = read(tmp_path)
    assert (scan.side, scan.label_necrosis.name) == ("L", "lesion.nii.gz")


def test_masks_of_each_hip_make_a_row_each(tmp_path):
    noise().write(tmp_path / "P1" / "scan.nii.gz")
    for name, centre in (("a", LEFT), ("b", RIGHT)):
        array = heads(centre).array
        Volume((array > 0).astype(np.uint8), PELVIS).write(tmp_path / "P1" / f"{name}_head.nii.gz")
        Volume((array == 2).astype(np.uint8), PELVIS).write(tmp_path / "P1" / f"{name}_necrosis.nii.gz")
    found = [(scan.side, scan.label.name, scan.label_necrosis.name) for scan in read(tmp_path)]
    assert found == [("R", "b_head.nii.gz", "b_necrosis.nii.gz"), ("L", "a_head.nii.gz", "a_necrosis.nii.gz")]


@pytest.mark.parametrize("names", [["reader1", "reader2"], ["necrosis"]], ids=["two readers", "no head"])
def test_labels_that_make_no_row_leave_it_empty(tmp_path, names):
    noise().write(tmp_path / "P1" / "scan.nii.gz")
    for name in names:
        Volume((heads(RIGHT).array > 0).astype(np.uint8), PELVIS).write(tmp_path / "P1" / f"{name}.nii.gz")
    ((_, _, _, label),), notes = rows(tmp_path)
    assert label == ""
    assert any("unclear which" in note and all(name in note for name in names) for note in notes)


def test_label_goes_by_voxels_among_the_scans_of_a_study(tmp_path):
    noise().write(tmp_path / "P1" / "ax.nii.gz")
    noise(NARROW).write(tmp_path / "P1" / "cor.nii.gz")
    grid = NARROW.part((2, 3, 4), (18, 20, 22))
    heads(RIGHT, grid).write(
        tmp_path / "P1" / "label.nii.gz"
    )  # a part of both, and of one exactly as much as the other
    heads(LEFT).write(tmp_path / "P1" / "other.nii.gz")
    found, notes = rows(tmp_path)
    assert [label for _, _, _, label in found] == ["", ""]
    assert sum("fits 2 scans alike" in note for note in notes) == 2


def test_label_of_two_scans_alike_is_left_to_a_person(tmp_path):
    noise(seed=1).write(tmp_path / "P1" / "T1.nii.gz")
    noise(seed=2).write(tmp_path / "P1" / "T2.nii.gz")
    both_heads().write(tmp_path / "P1" / "label.nii.gz")
    found, notes = rows(tmp_path)
    assert [(side, label) for _, _, side, label in found] == [("", ""), ("", "")]
    assert any("fits 2 scans alike" in note and "T1" in note and "T2" in note for note in notes)


def test_patients_name_counts_more_than_the_sequences(tmp_path):
    for patient in ("P1", "P2", "P3"):
        for sequence in ("cor_T1", "ax_T2"):
            if (patient, sequence) != ("P1", "cor_T1"):
                noise().write(tmp_path / "images" / patient / f"{sequence}.nii.gz")
    both_heads().write(tmp_path / "labels" / "P1_cor_T1.nii.gz")
    found, _ = rows(tmp_path)
    assert [(patient, label) for patient, _, _, label in found if label] == [("P1", "labels/P1_cor_T1.nii.gz")]


def test_label_of_an_absent_scan_goes_to_nobody(tmp_path):
    for patient in ("P1", "P2"):
        noise().write(tmp_path / "images" / f"{patient}.nii.gz")
        both_heads().write(tmp_path / "labels" / f"{patient}.nii.gz")
    both_heads().write(tmp_path / "labels" / "P3.nii.gz")
    found, notes = rows(tmp_path)
    assert [label for _, _, _, label in found] == ["labels/P1.nii.gz", "labels/P2.nii.gz"]
    assert any("P3.nii.gz: a label that belongs to no scan here" in note for note in notes)


def test_label_on_another_grid_is_noted(tmp_path):
    noise().write(tmp_path / "P1.nii.gz")
    fine = NARROW.part((0, 0, 0), (20, 20, 20))
    heads(RIGHT, Grid((40, 40, 40), (2.0, 2.0, 2.0), fine.origin_mm, fine.direction)).write(tmp_path / "P1_seg.nii.gz")
    ((_, _, _, label),), notes = rows(tmp_path)
    assert label == "P1_seg.nii.gz"
    assert any("on another grid" in note and "`resample_labels`" in note for note in notes)


def test_dicom_seg_goes_to_the_series_that_it_names(tmp_path):
    names = ["femoral head", "necrosis"]
    write_dicom_seg(tmp_path, both_heads().array, PELVIS, names)
    referred = dcmread(next((tmp_path / "scan").iterdir()))
    same = {tag: getattr(referred, tag) for tag in ("StudyInstanceUID", "FrameOfReferenceUID")}
    study(tmp_path / "again", **same)
    made = propose(tmp_path, tmp_path)
    assert [(row.image, row.label, row.side) for row in made.rows] == [("scan", "seg.dcm", "B")]
    assert any("took" in note and "of its study; left" in note for note in made.notes)
    assert any("'femoral head', 'necrosis': name two with `head_label`" in note for note in made.notes)
    (tmp_path / "cohort.csv").write_text(made.csv(), encoding="utf-8")
    cases = convert(tmp_path / "cohort.csv", Workspace(tmp_path / "work"), LabelRules(*names)).dataset.cases
    assert len(cases) == 2


def patient(folder, number):
    """A study of a T1 and a T2 of one grid, and a localizer."""
    same = {"uid": generate_uid(), "seed": number, "PatientID": f"MRN{number}", "FrameOfReferenceUID": generate_uid()}
    for name in ("T2", "T1"):
        study(folder / f"p{number}" / name, SeriesDescription=f"cor {name}", **same)
    study(folder / f"p{number}" / "plan", SeriesDescription="localizer", **same)


def test_one_series_of_each_study_is_proposed_and_passes_the_check_as_it_is(tmp_path, onfh):
    for number in (1, 2):
        patient(tmp_path, number)
        another(both_heads(), number).write(tmp_path / f"p{number}" / "label.nii.gz")
    done = onfh("cohort", tmp_path, "--out", tmp_path / "c.csv")
    made = [(scan.patient_id, scan.image.name, scan.label.parent.name) for scan in read_cohort(tmp_path / "c.csv")]
    assert made == [("MRN1", "T1", "p1"), ("MRN2", "T1", "p2")]
    assert done.stderr.count("a label that fits 2 series of one study; went to the best") == 2
    assert "took 'cor T1' of its study; left 'cor T2': axial" in done.stderr
    assert onfh("check", tmp_path / "c.csv").returncode == 0


def test_the_series_on_which_the_label_lies_is_proposed_before_a_better_one(tmp_path):
    patient(tmp_path, 1)
    small = {"uid": generate_uid(), "PatientID": "MRN2"}
    study(tmp_path / "p2" / "T1", SeriesDescription="cor T1", **small)
    narrow = {"SeriesDescription": "ax T2", "StudyInstanceUID": small["uid"], "PatientID": "MRN2"}
    write_series(tmp_path / "p2" / "T2", noise(oblique((20, 40, 40), (4.0, 3.0, 3.0))), **narrow)
    array = np.zeros((20, 40, 40), np.uint8)
    array[8:12, 15:25, 15:25] = 1
    Volume(array, oblique((20, 40, 40), (4.0, 3.0, 3.0))).write(tmp_path / "p2" / "label.nii.gz")
    found, _ = rows(tmp_path)
    assert [(patient, image, label) for patient, image, _, label in found] == [
        ("MRN1", "p1/T1", ""),
        ("MRN2", "p2/T2", "p2/label.nii.gz"),
    ]


def test_a_study_of_another_part_of_the_body_is_not_proposed(tmp_path):
    patient(tmp_path, 1)
    study(tmp_path / "knee", SeriesDescription="cor T1", BodyPartExamined="KNEE", PatientID="MRN2")
    found, notes = rows(tmp_path)
    assert [image for _, image, _, _ in found] == ["p1/T1"]
    assert any("knee: took no series of its study; left 'cor T1': it shows KNEE, by its header" in one for one in notes)


def test_seg_nrrd_of_a_smaller_extent(tmp_path):
    noise().write(tmp_path / "P1.nrrd")
    part = PELVIS.part((3, 4, 40), (18, 20, 30))
    keys = segment_keys(0, "head") | segment_keys(1, "necrosis", value=2)
    write_seg_nrrd(tmp_path / "P1.seg.nrrd", [heads(LEFT, part).array], part, keys)
    ((_, image, side, label),), _ = rows(tmp_path)
    assert (image, side, label) == ("P1.nrrd", "L", "P1.seg.nrrd")


def test_what_a_file_is_is_told_by_its_content(tmp_path):
    noise().write(tmp_path / "P1_label.nii.gz")
    both_heads().write(tmp_path / "P1_image.nii.gz")
    ((_, image, _, label),), notes = rows(tmp_path)
    assert (image, label) == ("P1_label.nii.gz", "P1_image.nii.gz")
    assert any("named like a label and holds grey values" in note for note in notes)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32])
def test_label_map_of_any_type_is_a_label(tmp_path, kind):
    noise().write(tmp_path / "P1.nii.gz")
    Volume(both_heads().array.astype(kind), PELVIS).write(tmp_path / "P1_seg.nii.gz")
    assert rows(tmp_path)[0] == [("P1", "P1.nii.gz", "B", "P1_seg.nii.gz")]


def test_patient_is_the_first_folder_in_which_the_paths_differ(tmp_path):
    for patient in ("A", "B"):
        for visit in ("1", "2"):
            noise().write(tmp_path / "study" / patient / visit / "scan.nii.gz")
    assert [patient for patient, *_ in rows(tmp_path)[0]] == ["A", "A", "B", "B"]


def test_order_does_not_depend_on_the_file_system_and_links_are_not_followed(cohort, tmp_path):
    folder, expected = cohort
    copy = tmp_path / "copy"
    for name in ("labels", "images"):
        for file in sorted((folder / name).iterdir(), reverse=True):
            (copy / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy / name)
    (copy / "circle").symlink_to(copy)
    (copy / "link.nii.gz").symlink_to(copy / "images" / "P1.nii.gz")
    found, notes = rows(copy)
    assert found == expected
    assert f"{copy}: 2 links were not followed" in notes


def test_what_cannot_be_read_is_noted_and_the_rest_is_proposed(tmp_path):
    noise().write(tmp_path / "P1.nii.gz")
    (tmp_path / "P2.nii.gz").write_bytes((tmp_path / "P1.nii.gz").read_bytes()[:-200])
    (tmp_path / "notes.txt").write_text("not an image")
    shutil.make_archive(tmp_path / "study", "zip", tmp_path, "notes.txt")
    found, notes = rows(tmp_path)
    assert [image for _, image, _, _ in found] == ["P1.nii.gz"]
    assert any("P2.nii.gz: left out, it cannot be read" in note for note in notes)
    assert any("study.zip: not looked into; unpack it" in note for note in notes)
    assert not any("notes.txt" in note for note in notes)


def test_damaged_dicom_is_noted(tmp_path):
    files = study(tmp_path / "P1")
    files[-1].write_bytes(files[-1].read_bytes()[:150])
    assert len(rows(tmp_path)[0]) == 1
    assert any(files[-1].name in note and "left out" in note for note in rows(tmp_path)[1])


def test_folder_without_a_scan_is_refused(tmp_path):
    with pytest.raises(CohortError, match="holds no 3D MR image"):
        propose(tmp_path, tmp_path)
    both_heads().write(tmp_path / "label.nii.gz")
    with pytest.raises(CohortError, match="label that belongs to no scan"):
        propose(tmp_path, tmp_path)
    with pytest.raises(CohortError, match="is not a folder"):
        propose(tmp_path / "absent", tmp_path)


def test_cells_are_quoted_and_utf_8(tmp_path):
    noise().write(tmp_path / 'Müller, "Anna"' / "links r.nii.gz")
    noise().write(tmp_path / "北" / "l;r.nii.gz")
    text = propose(tmp_path, tmp_path).csv()
    (tmp_path / "cohort.csv").write_text(text.replace("gz,,", "gz,B,").replace('gz",,', 'gz",B,'), encoding="utf-8")
    assert [scan.patient_id for scan in read_cohort(tmp_path / "cohort.csv")] == ['Müller, "Anna"', "北"]


def test_command_prints_the_table_and_says_apart_what_is_uncertain(cohort, onfh, monkeypatch):
    folder, _ = cohort
    monkeypatch.chdir(folder)
    noise(NARROW, seed=9).write(folder / "images" / "P5.nii.gz")
    done = onfh("cohort", ".")
    assert done.stdout == propose(Path(), folder).csv()  # none of the scans shows two heads
    steps, said = ([], [])
    for line in done.stderr.splitlines():
        (steps if re.match(r"cohort \d+/\d+", line) else said).append(line)
    assert steps
    assert all(line.startswith("uncertain: ") for line in said)
    assert "images/P5.nii.gz: no side" in done.stderr
    (folder / "empty").mkdir()
    refused = onfh("cohort", "empty", check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "onfh: empty: holds no 3D MR image" in refused.stderr


@given(
    st.permutations(range(3)),
    st.tuples(*[st.booleans()] * 3),
    st.tuples(*[st.integers(0, 8)] * 3),
    st.tuples(*[st.sampled_from([0.0, 0.01, 0.3, 0.5])] * 3),
)
@settings(max_examples=60)
def test_voxels_are_the_scan_s_for_any_part_turned_any_way_and_for_no_shift(order, flips, start, shift):
    scan = oblique((12, 14, 16))
    part = scan.part(start, (3, 4, 5))
    columns = np.array(part.direction)[:, order] * np.where(flips, -1, 1)
    first = [(part.size[axis] - 1) * flip for axis, flip in zip(order, flips, strict=True)]
    origin = part.to_mm(np.array([dict(zip(order, first, strict=True))[axis] for axis in range(3)], float))
    size, spacing = ([values[axis] for axis in order] for values in (part.size, part.spacing_mm))
    moved = origin + scan.matrix @ np.array(shift)
    turned = Grid(tuple(size), tuple(spacing), tuple(moved), direction_of(columns))
    assert _same_voxels(turned, scan) == (max(shift) <= 0.01)


@given(st.text("abLRlr01_-. ", min_size=1, max_size=12))
@settings(max_examples=60)
def test_mirrored_names_state_mirrored_sides(name):
    mirrored = name.translate(str.maketrans("LRlr", "RLrl"))
    sides = {named_side(name), named_side(mirrored)}
    assert sides == {None} or sides == {"L", "R"}
    assert all(word == word.casefold() and word.isalnum() for word in words(name))


@pytest.mark.parametrize("ending", ["", ".nii", ".nii.gz", ".seg.nrrd", ".nrrd", ".MHA", ".dcm"])
def test_stem_is_without_the_format(ending):
    assert stem(Path("a.b") / f"P1.v2_R{ending}") == "P1.v2_R"


@pytest.mark.real_data
def test_real_study(tmp_path):
    if not PROSTATEX.is_dir():
        pytest.skip(f"no {PROSTATEX}: set ONFH_TEST_DATA")
    made = propose(PROSTATEX, PROSTATEX)
    images = [row.image.rsplit("/", 1)[-1].split(".")[0] for row in made.rows if row.image.startswith("dicom/")]
    assert sorted(images, key=int) == ["9", "11", "26"]  # of each study the series that `predict --batch` takes
    assert {row.patient_id for row in made.rows if row.image.startswith("dicom/")} == {
        f"ProstateX-{number}" for number in ("0000", "0001", "0218")
    }
    assert all(row.side == "" for row in made.rows)
    label = "vibe_femoralhead_weak_R1_L2.nii.gz"
    assert any(label in note and "fits 2 scans alike" in note for note in made.notes)
    for name in ("vibe_fa20.nii.gz", label):
        shutil.copy(PROSTATEX / "derived-weak" / name, tmp_path)
    assert rows(tmp_path)[0] == [("vibe_fa20", "vibe_fa20.nii.gz", "B", label)]


def test_corrected_table_is_kept_unless_forced(cohort, onfh):
    folder, _ = cohort
    table = folder / "tables" / "cohort.csv"
    table.parent.mkdir()
    for _ in range(2):  # its own proposal is no loss
        onfh("cohort", folder, "--out", table)
    proposed = table.read_text(encoding="utf-8")
    assert "../" in proposed
    table.write_text(corrected := proposed + "more,a,L,,,,\n", encoding="utf-8")
    refused = onfh("cohort", folder, "-o", table, check=False)
    assert refused.returncode == 1
    assert "add --force" in refused.stderr
    assert table.read_text(encoding="utf-8") == corrected
    onfh("cohort", folder, "-o", table, "--force")
    assert table.read_text(encoding="utf-8") == proposed
