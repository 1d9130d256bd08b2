import errno
import json
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread

from dataset_conversion.convert import check, convert
from dataset_conversion.hips.findings import Severity, shown_once
from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import (
    CohortError,
    GridMismatch,
    LabelError,
    OnfhError,
    OnfhWarning,
    ReadError,
    SideError,
    WorkspaceError,
)
from onfh_nnunet.core.grid import Grid, same_grid
from onfh_nnunet.core.steinberg import Grade, steinberg_grade
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.cohort_hips import CohortHip, HipGroup
from onfh_nnunet.study.dataset import Dataset
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, another, ball, both_heads, head, noise, write_series
from tests.helpers.hip_cases import laid_back
from tests.helpers.paths import REAL

HEADER = "patient_id,image,side,label,grade\n"


@pytest.fixture
def study(tmp_path):
    """Three scans: a bilateral DICOM series, a right hip as NIfTI, and one without a label."""
    source = tmp_path / "source"
    write_series(source / "series", noise())
    both_heads().write(source / "both.nii.gz")
    noise(seed=1).write(source / "right.nrrd")
    Volume(head(PELVIS, RIGHT, 20.0), PELVIS).write(source / "right-label.nii.gz")
    noise(seed=2).write(source / "new.nii.gz")
    rows = "SECRET-ID,series,B,both.nii.gz,\nSECRET-2,right.nrrd,R,right-label.nii.gz,C\nSECRET-3,new.nii.gz,L,,\n"
    (source / "cohort.csv").write_text(HEADER + rows)
    return source


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "work")


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def table(study, rows):
    (study / "cohort.csv").write_text(HEADER + rows)
    return study / "cohort.csv"


def test_cohort_becomes_a_dataset(study, workspace):
    seen = []
    conversion = convert(study / "cohort.csv", workspace, progress=lambda *step: seen.append(step))
    assert [case.case_id for case in conversion.dataset.cases] == ["P001_L", "P001_R", "P002_R"]
    assert conversion.unlabelled == ("P003_L (line 4)",)
    assert conversion.converted == 2
    assert sorted(name for name, _, _ in seen) == ["P001_B", "P002_R"]
    assert [(done, total) for _, done, total in seen] == [(1, 2), (2, 2)]
    assert Dataset.read(workspace) == conversion.dataset
    label = both_heads()
    for case in conversion.dataset.cases[:2]:
        image, hip = (Volume.read(path) for path in (conversion.dataset.image(case), conversion.dataset.label(case)))
        same_grid(case.case_id, image.grid, hip.grid)
        assert (image.array.dtype, hip.array.dtype) == (np.int16, np.uint8)
        assert (case.size_z, case.size_y, case.size_x) == hip.grid.size
        back = laid_back(hip, case.mirrored, PELVIS)
        half = np.s_[:, :, 36:] if case.side == "L" else np.s_[:, :, :36]
        assert np.array_equal(back[half], label.array[half])
        assert np.count_nonzero(back[half]) == np.count_nonzero(back)
        box = laid_back(Volume(np.ones(image.grid.size, bool), image.grid), case.mirrored, PELVIS)
        assert np.array_equal(laid_back(image, case.mirrored, PELVIS)[box], noise().array[box])


def test_row_of_a_case_holds_its_volumes_and_grade(study, workspace):
    left, _, third = convert(study / "cohort.csv", workspace).dataset.cases
    array = both_heads().array[:, :, 36:]
    head_voxels, necrosis = np.count_nonzero(array), np.count_nonzero(array == 2)
    assert left.head_ml == pytest.approx(head_voxels * 0.064)
    assert left.necrosis_ml == pytest.approx(necrosis * 0.064)
    assert left.necrosis_percent == pytest.approx(100 * necrosis / head_voxels)
    assert left.grade == steinberg_grade(necrosis, head_voxels)
    assert third.grade is Grade.C


def test_dataset_json_is_what_nnunet_reads(study, workspace):
    from nnunetv2.preprocessing.normalization.map_channel_name_to_normalization import get_normalization_scheme
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    convert(study / "cohort.csv", workspace)
    content = json.loads((workspace.raw / "dataset.json").read_text())
    manager = LabelManager(content["labels"], content["regions_class_order"])
    assert manager.foreground_regions == [(1, 2), 2]
    assert content["numTraining"] == len(list((workspace.raw / "imagesTr").iterdir())) == 3
    assert get_normalization_scheme(content["channel_names"]["0"]).__name__ == "ZScoreNormalization"


def test_no_file_but_the_key_holds_an_identity(study, workspace):
    """Every byte that is written, decompressed: no name, number, clinic, date, UID or path of the source."""
    import gzip

    header = dcmread(study / "series" / "IM0000.dcm")
    secrets = [b"SECRET", str(study).encode().upper(), header.PatientBirthDate.encode()]
    secrets += [header[keyword].value.encode() for keyword in ("StudyInstanceUID", "SeriesInstanceUID")]
    convert(study / "cohort.csv", workspace)
    for path, content in tree(workspace.root).items():
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).upper()
        found = [secret for secret in secrets if secret in text]
        assert found == ([b"SECRET"] if path == Path("private/key.csv") else []), path
    assert stat.S_IMODE(workspace.key_csv.stat().st_mode) == 0o600
    assert stat.S_IMODE(workspace.key_csv.parent.stat().st_mode) == 0o700


def test_burned_in_annotation_is_told(study, workspace):
    write_series(study / "burned", noise(), BurnedInAnnotation="YES")
    conversion = convert(table(study, "p,burned,B,both.nii.gz,\n"), workspace)
    assert [finding.check for finding in conversion.findings] == ["header", "lesion"]  # every hip is ill


def test_second_run_does_nothing_until_something_changes(study, workspace):
    first = convert(study / "cohort.csv", workspace)
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")}
    again = convert(study / "cohort.csv", workspace)
    assert again.converted == 0
    assert (again.dataset, again.findings) == (first.dataset, first.findings)
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")} == before
    noise(seed=9).write(study / "right.nrrd")
    kept = workspace.raw / "imagesTr" / "P001_L_0000.nii.gz"
    file = kept.stat().st_ino
    changed = convert(study / "cohort.csv", workspace)
    assert changed.converted == 1
    assert changed.dataset.sha256 != first.dataset.sha256
    assert kept.stat().st_ino == file
    assert changed.findings == convert(study / "cohort.csv", Workspace(workspace.root.with_name("new"))).findings


def test_further_columns_and_unlabelled_scans_are_recorded_without_a_conversion(study, workspace):
    first = convert(study / "cohort.csv", workspace)
    given = read_rows(workspace.given_csv, CohortHip)
    assert [(hip.case_id, hip.excluded) for hip in given] == [
        *(("P001_R", ""), ("P001_L", ""), ("P002_R", ""), ("P003_L", "no label"))
    ]
    assert read_rows(workspace.subgroups_csv, HipGroup) == []
    rows = (study / "cohort.csv").read_text().splitlines()
    cells = ("vendor,note", "GE,SECRET 1", "GE,SECRET 2", "Philips,SECRET 3")
    (study / "cohort.csv").write_text("\n".join(f"{row},{cell}" for row, cell in zip(rows, cells, strict=True)))
    with pytest.warns(OnfhWarning, match="'note' of the cohort makes no subgroups"):
        again = convert(study / "cohort.csv", workspace)
    assert (again.converted, again.dataset) == (0, first.dataset)
    groups = read_rows(workspace.subgroups_csv, HipGroup)
    assert {(one.case_id, one.by, one.group) for one in groups} == {
        *(("P001_R", "vendor", "GE"), ("P001_L", "vendor", "GE"), ("P002_R", "vendor", "GE")),
        ("P003_L", "vendor", "Philips"),
    }
    assert b"SECRET 1" not in b"".join(tree(workspace.root).values())


def test_touched_and_renamed_files_are_unchanged(study, workspace):
    convert(study / "cohort.csv", workspace)
    for number, file in enumerate(sorted((study / "series").iterdir(), reverse=True)):
        file.rename(file.with_name(f"{number}.ima"))
    os.utime(study / "both.nii.gz", (1, 1))
    assert convert(study / "cohort.csv", workspace).converted == 0


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_beside_their_header_are_part_of_a_scan(study, workspace, suffix):
    def write(seed):
        SimpleITK.WriteImage(image_of(noise(seed=seed)), study / f"two{suffix}")

    rows = f"p,two{suffix},R,right-label.nii.gz,\n"
    write(1)
    first = convert(table(study, rows), workspace)
    write(8)
    again = convert(table(study, rows), workspace)
    assert again.converted == 1
    assert again.dataset.sha256 != first.dataset.sha256


def image_of(volume):
    image = SimpleITK.GetImageFromArray(volume.array)
    image.SetSpacing(volume.grid.spacing_mm[::-1])
    image.SetOrigin(volume.grid.origin_mm)
    return image


def test_a_row_less_is_a_case_less(study, workspace):
    convert(study / "cohort.csv", workspace)
    conversion = convert(table(study, "SECRET-2,right.nrrd,R,right-label.nii.gz,C\n"), workspace)
    assert conversion.converted == 0
    assert [case.case_id for case in conversion.dataset.cases] == ["P002_R"]
    assert len(list((workspace.raw / "imagesTr").iterdir())) == 1


@pytest.mark.parametrize("lost", ["imagesTr/P001_L_0000.nii.gz", "labelsTr/P002_R.nii.gz", "dataset.json"])
def test_lost_file_is_made_again(study, workspace, lost):
    first = convert(study / "cohort.csv", workspace)
    (workspace.raw / lost).unlink()
    again = convert(study / "cohort.csv", workspace)
    assert again.converted == 2
    assert again.dataset == first.dataset


@pytest.mark.parametrize("edited", ["imagesTr/P001_L_0000.nii.gz", "labelsTr/P002_R.nii.gz"])
def test_file_that_was_edited_in_the_dataset_is_named_and_made_again(study, workspace, edited):
    """What is planned and trained of it would silently be of the file as it was, and judged by the file as it is."""
    first = convert(study / "cohort.csv", workspace)
    file = workspace.raw / edited
    before = Volume.read(file)
    Volume(np.where(np.arange(before.array.size).reshape(before.array.shape) == 0, 2, before.array), before.grid).write(
        file
    )
    with pytest.raises(WorkspaceError, match=r"P00._.: has an image or a label in .* that changed since"):
        Dataset.read(workspace)
    again = convert(study / "cohort.csv", workspace)
    assert again.converted == 2
    assert again.dataset == first.dataset
    assert np.array_equal(Volume.read(file).array, before.array)


def test_same_hips_from_elsewhere_have_the_same_hash(study, workspace, tmp_path):
    first = convert(study / "cohort.csv", workspace)
    study.rename(tmp_path / "moved")
    other = Workspace(tmp_path / "other")
    assert convert(tmp_path / "moved" / "cohort.csv", other).dataset.sha256 == first.dataset.sha256


def test_patients_keep_their_pseudonyms(study, workspace):
    convert(study / "cohort.csv", workspace)
    another(Volume(head(PELVIS, RIGHT, 20.0), PELVIS), 1).write(study / "new-label.nii.gz")
    rows = "NEW,new.nii.gz,R,new-label.nii.gz,\nSECRET-2,right.nrrd,R,right-label.nii.gz,\n"
    conversion = convert(table(study, rows), workspace)
    assert [case.case_id for case in conversion.dataset.cases] == ["P002_R", "P004_R"]
    key = workspace.key_csv.read_text()
    assert key == "patient_id,patient\nSECRET-ID,P001\nSECRET-2,P002\nSECRET-3,P003\nNEW,P004\n"


def test_ids_are_kept_on_request_and_forgotten_again(study, workspace):
    cases = convert(study / "cohort.csv", workspace, keep_ids=True).dataset.cases
    assert [case.case_id for case in cases] == ["SECRET-2_R", "SECRET-ID_L", "SECRET-ID_R"]
    cases = convert(study / "cohort.csv", workspace).dataset.cases
    assert [case.case_id for case in cases] == ["P001_L", "P001_R", "P002_R"]
    rows = "Jörg Ü,right.nrrd,R,right-label.nii.gz,\n"
    with pytest.raises(CohortError, match="not a valid patient name"):
        convert(table(study, rows), workspace, keep_ids=True)


def test_two_grades_of_one_hip_are_told(study, workspace):
    rows = "p,right.nrrd,R,right-label.nii.gz,A\n"
    conversion = convert(table(study, rows), workspace)
    assert conversion.dataset.cases[0].grade is Grade.A
    assert any("says grade A" in finding.message for finding in conversion.findings)


def other_grid(study):
    shifted = Grid(PELVIS.size, PELVIS.spacing_mm, (-140.0, -54.0, -46.0), PELVIS.direction)
    both_heads(shifted).write(study / "both.nii.gz")


def relabelled(value, where=(0, 0, 0)):
    def change(study):
        array = both_heads().array.copy()
        array[where] = value
        Volume(array, PELVIS).write(study / "both.nii.gz")

    return change


def truncated(study):
    file = study / "series" / "IM0003.dcm"
    file.write_bytes(file.read_bytes()[:-9])


def cut_short(study):
    file = study / "right-label.nii.gz"
    file.write_bytes(file.read_bytes()[:-20])


def two_series(study):
    write_series(study / "series", noise(seed=4), name="second{}.dcm")


def left_header(study):
    write_series(study / "left", noise(seed=5), Laterality="L")
    table(study, "p,left,R,right-label.nii.gz,\n")


@pytest.mark.parametrize(
    ("spoil", "kind", "match"),
    [
        (other_grid, GridMismatch, "line 2 of the cohort, P001_B: "),
        (relabelled(9), LabelError, "line 2 of the cohort, P001_B: has the unknown label values 9"),
        (relabelled(2), LabelError, "lesion outside the head"),
        (relabelled(0, np.s_[:]), LabelError, "has no head"),
        (truncated, ReadError, r"IM0003\.dcm"),
        (two_series, ReadError, "2 MR series"),
        (lambda study: (study / "series" / "IM0005.dcm").unlink(), OnfhError, "a slice is missing"),
        (lambda study: write_series(study / "series", noise(), Modality="CT"), ReadError, "Modality CT"),
        (left_header, SideError, "side R in the cohort and L in the DICOM header"),
        (lambda study: table(study, "p,right.nrrd,R,,\n"), LabelError, "has no label in any row"),
        (lambda study: table(study, "p,right.nrrd,X,,\n"), CohortError, "line 2, side"),
        (lambda study: table(study, "p,gone.nrrd,R,,\n"), CohortError, "line 2, image"),
        (cut_short, ReadError, "right-label"),
    ],
)
def test_bad_input_is_one_refusal_and_leaves_the_old_dataset(study, workspace, spoil, kind, match):
    convert(study / "cohort.csv", workspace)
    before = tree(workspace.root)
    spoil(study)
    with pytest.raises(kind, match=match):
        convert(study / "cohort.csv", workspace)
    assert tree(workspace.root) == before


def test_all_bad_scans_are_named_at_once(study, workspace):
    other_grid(study)
    cut_short(study)
    with pytest.raises(OnfhError, match=r"(?s)2 findings.*P001_B: .*right-label"):
        convert(study / "cohort.csv", workspace)
    assert tree(workspace.root) == {}


def test_workspace_that_cannot_be_written_is_refused(study, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        convert(study / "cohort.csv", Workspace(tmp_path / "file" / "work"))


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("target", ["SimpleITK.WriteImage", "dataset_conversion.convert.write_rows"])
def test_full_disk_leaves_the_old_dataset(study, workspace, monkeypatch, target):
    convert(study / "cohort.csv", workspace)
    before = tree(workspace.root)
    noise(seed=9).write(study / "right.nrrd")
    monkeypatch.setattr(target, full)
    with pytest.raises(WorkspaceError, match="No space left"):
        convert(study / "cohort.csv", workspace)
    assert tree(workspace.root) == before


def test_check_finds_the_same_and_writes_nothing(study, workspace, tmp_path):
    converted = convert(table(study, "p,right.nrrd,R,right-label.nii.gz,A\n"), workspace)
    before = tree(tmp_path)
    assert check(study / "cohort.csv") == converted.findings
    other_grid(study)
    assert [finding.check for finding in check(table(study, "p,series,B,both.nii.gz,\n"))] == ["geometry"]
    assert set(tree(tmp_path)) == set(before)


def test_strict_takes_warnings_for_errors(study, workspace):
    rows = "p,right.nrrd,R,right-label.nii.gz,A\n"
    with pytest.raises(
        OnfhError, match=r"(?s)2 findings.*warning, line 2, patient .*, P001_R: the cohort says grade A.*`strict`"
    ):
        convert(table(study, rows), workspace, strict=True)
    assert tree(workspace.root) == {}
    convert(study / "cohort.csv", workspace)
    with pytest.raises(OnfhError, match="`strict`"):
        convert(study / "cohort.csv", workspace, strict=True)


def test_one_image_of_two_patients_is_an_error(study, workspace):
    noise(seed=1).write(study / "copy.mha")
    another(Volume(head(PELVIS, RIGHT, 20.0), PELVIS), 1).write(study / "copy-label.nii.gz")
    rows = "a,right.nrrd,R,right-label.nii.gz,\nb,copy.mha,R,copy-label.nii.gz,\n"
    with pytest.raises(
        OnfhError, match=r"line 3, patient 'b', P002_R: the image is the same, voxel for voxel.*in line 2"
    ):
        convert(table(study, rows), workspace)
    rows = "a,right.nrrd,R,right-label.nii.gz,\na,copy.mha,L,left.nii.gz,\n"
    Volume(head(PELVIS, LEFT, 20.0), PELVIS).write(study / "left.nii.gz")
    assert len(convert(table(study, rows), workspace).dataset.cases) == 2


def test_one_examination_of_two_patients_is_an_error(study, workspace):
    for number in (1, 2):
        write_series(study / f"s{number}", noise(seed=number), StudyInstanceUID="1.2.3")
    another(Volume(head(PELVIS, RIGHT, 20.0), PELVIS), 1).write(study / "other-label.nii.gz")
    rows = "a,s1,R,right-label.nii.gz,\nb,s2,R,other-label.nii.gz,\n"
    with pytest.raises(OnfhError, match="same examination"):
        convert(table(study, rows), workspace)


def test_one_label_of_two_scans_is_an_error_or_a_warning(study, workspace):
    """Also where it is resampled, is a copy, or was converted before; not where a label holds the hips of one scan."""
    coarse = Grid((12, 14, 36), (8.0, 8.0, 8.0), tuple(np.array(PELVIS.origin_mm) + 2), PELVIS.direction)
    noise(coarse, seed=5).write(study / "coarse.nii.gz")
    first, again = "a,right.nrrd,R,right-label.nii.gz,\n", "{},coarse.nii.gz,R,{},\n"
    rules = LabelRules(resample=True)
    with pytest.raises(CohortError, match=r"line 3, label: got the label of another patient \(line 2, 'a'\)"):
        check(table(study, first + again.format("b", "right-label.nii.gz")), rules)
    shutil.copy(study / "right-label.nii.gz", study / "copy.nii.gz")
    told = (
        "line 3, patient 'b', P002_R: the label is the same file as that of another patient, or a copy of it, in line 2"
    )
    convert(table(study, first), workspace, rules)
    with pytest.raises(OnfhError, match=told):
        convert(table(study, first + again.format("b", "copy.nii.gz")), workspace, rules)
    visits = "patient_id,image,side,label,visit\na,right.nrrd,R,right-label.nii.gz,1\na,coarse.nii.gz,R,copy.nii.gz,2\n"
    (study / "cohort.csv").write_text(visits)
    shared = [one for one in check(study / "cohort.csv", rules) if one.check == "shared"]
    assert [(one.line, one.level, one.message) for one in shared] == [
        (
            3,
            Severity.WARNING,
            "the label is also that of another scan of this patient, in line 2: see that it fits both",
        )
    ]


def test_what_to_do_is_said_once_where_many_rows_need_it(study, onfh):
    Volume(head(PELVIS, RIGHT), PELVIS).write(study / "alone.nii.gz")
    for number in (1, 2, 3):
        another(Volume(head(PELVIS, RIGHT), PELVIS), number).write(study / f"h{number}.nii.gz")
    rows = "a,right.nrrd,R,h1.nii.gz,\nb,new.nii.gz,R,h2.nii.gz,\nc,series,R,h3.nii.gz,\n"
    errors = [one for one in check(table(study, rows)) if one.level is Severity.ERROR]
    first, *others = shown_once(errors)
    assert first.startswith("draws a head (1) and nothing else")
    assert first.endswith("name that in the column label_necrosis.")
    problem = "draws a head (1) and nothing else: a healthy hip, or a label whose necrosis is in another file"
    assert others == [f"{problem}. What to do: as for line 2."] * 2
    said = onfh("convert", study / "cohort.csv", "--work", study.parent / "work", check=False).stderr
    assert said.count("write none into the column grade") == 1
    assert said.count("line 3") == 1


def test_one_mask_of_a_necrosis_of_two_scans_is_an_error(study):
    """An empty one, which says that a hip has none, may serve for many."""
    masks = {"n": head(PELVIS, RIGHT, 20.0) == 2, "empty": np.zeros(PELVIS.size, bool)}
    for name, mask in masks.items():
        Volume(mask.astype(np.uint8), PELVIS).write(study / f"{name}.nii.gz")
    for number in (1, 2):
        another(Volume(head(PELVIS, RIGHT), PELVIS), number).write(study / f"h{number}.nii.gz")
    for name, expected in {"n": ["mask of the necrosis"], "empty": []}.items():
        rows = f"a,right.nrrd,R,h1.nii.gz,{name}.nii.gz\nb,new.nii.gz,R,h2.nii.gz,{name}.nii.gz\n"
        (study / "cohort.csv").write_text(f"patient_id,image,side,label,label_necrosis\n{rows}")
        shared = [one.message for one in check(study / "cohort.csv") if one.check == "shared"]
        assert [message[4:].split(" is ")[0] for message in shared] == expected


def test_scans_unlike_the_others_are_told(study):
    """Ten alike, the last one healthy, and one of each: another sequence, thicker slices, another brightness."""

    def write(name, volume, label, **tags):
        write_series(study / name, volume, MRAcquisitionType="3D", **tags)
        another(label, len(list(study.glob("*.nii.gz")))).write(study / f"{name}.nii.gz")
        return f"{name},{name},R,{name}.nii.gz,\n"

    def scan(seed, gain=300, grid=PELVIS):
        array = noise(grid, seed).array.copy()
        array[ball(grid, RIGHT)] += gain
        return Volume(array, grid)

    label = Volume(head(PELVIS, RIGHT, 20.0), PELVIS)
    thick = Grid((12, 28, 72), (8.0, 4.0, 4.0), PELVIS.origin_mm, PELVIS.direction)
    rows = "".join(write(f"n{seed}", scan(seed), label, ScanningSequence="GR") for seed in range(10, 19))
    rows += write("echo", scan(20), label, ScanningSequence="SE")
    rows += write("thick", scan(21, grid=thick), Volume(head(thick, RIGHT, 20.0), thick), ScanningSequence="GR")
    rows += write("dark", scan(22, gain=-500), label, ScanningSequence="GR")
    rows += write("healthy", scan(23), Volume(head(PELVIS, RIGHT), PELVIS), ScanningSequence="GR")
    findings = check(table(study, rows), LabelRules(necrosis="2"))
    found = {(one.line, one.check) for one in findings if one.level is not Severity.NOTE}
    assert found == {(11, "sequence"), (12, "spacing"), (13, "intensity")}


def test_heads_alone_are_a_cohort(study, workspace):
    Volume(head(PELVIS, RIGHT), PELVIS).write(study / "right-label.nii.gz")
    conversion = convert(table(study, "p,right.nrrd,R,right-label.nii.gz,none\n"), workspace)
    assert [finding.message for finding in conversion.findings] == [
        "no case has necrosis: a model of it finds heads and can grade nothing; taken for healthy: P001_R"
    ]


def test_second_dataset_in_a_workspace_is_refused(study, workspace):
    convert(study / "cohort.csv", workspace)
    with pytest.raises(WorkspaceError, match="holds Dataset711_ONFH already"):
        convert(study / "cohort.csv", Workspace(workspace.root, 712))


@pytest.mark.real_data
def test_real_bilateral_series(tmp_path, workspace):
    folder = REAL / "prostatex-pelvis-mr"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set ONFH_TEST_DATA")
    weak = Volume.read(folder / "derived-weak" / "vibe_femoralhead_weak_R1_L2.nii.gz")
    Volume((weak.array > 0).astype(np.uint8), weak.grid).write(tmp_path / "heads.nii.gz")
    (series,) = (folder / "dicom" / "ProstateX-0218" / "02-18-2011").glob("26.*")
    cohort = tmp_path / "cohort.csv"
    cohort.write_text(f"patient_id,image,side,label\nx,{series},B,heads.nii.gz\n")
    dataset = convert(cohort, workspace, LabelRules(necrosis="none")).dataset
    assert [case.case_id for case in dataset.cases] == ["P001_L", "P001_R"]
    vibe = Volume.read(folder / "derived-weak" / "vibe_fa20.nii.gz")
    places = {}
    for case in dataset.cases:
        label, image = Volume.read(dataset.label(case)), Volume.read(dataset.image(case))
        back = laid_back(label, case.mirrored, vibe.grid)
        assert np.array_equal(back > 0, weak.array == (1 if case.side == "R" else 2))
        box = laid_back(Volume(np.ones(image.grid.size, bool), image.grid), case.mirrored, vibe.grid)
        assert np.array_equal(laid_back(image, case.mirrored, vibe.grid)[box], vibe.array[box])
        places[case.side] = vibe.grid.to_mm(np.argwhere(back > 0)).mean(axis=0)[0]
    assert places["R"] < places["L"] - 100


def test_a_label_map_in_the_place_of_the_image_is_refused(study, workspace):
    with pytest.raises(ReadError, match="looks like a label map"):
        convert(table(study, "p,right-label.nii.gz,R,right-label.nii.gz,A\n"), workspace)
