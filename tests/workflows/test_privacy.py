"""What leaves a hospital: no file of an output but those in ``private`` names a patient or can be linked to one.

Every byte is searched, inside gzip too, for the names of files and folders, for what DICOM headers say, for UIDs, and
for plain hashes of all of these.
"""

import ast
import csv
import gzip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dataset_conversion.cohort.pseudonyms import ScanKeyRow
from dataset_conversion.cohort.scan_input import ScanInput
from dataset_conversion.convert import check, convert
from dataset_conversion.labels.label_map import LabelRules
from onfh_nnunet.cli.report import report
from onfh_nnunet.core.atomic_files import sha256
from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.csv_rows import read_rows
from onfh_nnunet.core.errors import CohortError, OnfhError, WorkspaceError
from onfh_nnunet.core.printable import on_one_line, printable
from onfh_nnunet.core.private_folder import keyed, write_private
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.study.workspace import Workspace
from onfh_nnunet.workflows.scan_inputs import LONGEST_NAME, names_of_files
from postprocessing.measurement.grade_rows import GradeRow
from tests.helpers.dicom_files import LEFT, PELVIS, RIGHT, another, both_heads, head, noise, write_series
from tests.helpers.paths import ROOT
from tests.helpers.perfect_network import BOTH, ONE, image
from tests.helpers.segmentation_files import segment_keys, write_seg_nrrd

NAME = "ZZTOP-MUELLER-1955"
HEADER = {
    "PatientID": "MRN-QQQ-77",
    "PatientName": "Qvist^Zacharias",
    "PatientBirthDate": "19550412",
    "StudyDate": "20230914",
    "StudyDescription": "hip of Qvist",
    "SeriesDescription": "cor Qvist left out",
    "ScanningSequence": "QVIST",
    "StudyInstanceUID": "1.2.840.99999.1.5.7.20230914",
    "SeriesInstanceUID": "1.2.840.99999.1.5.7.20230914.3",
    "AccessionNumber": "ACC-QQQ-9",
}


def header_of(number):
    """The header of one study and series of the patient."""
    return HEADER | {name: f"{HEADER[name]}.{number}" for name in ("StudyInstanceUID", "SeriesInstanceUID")}


@pytest.fixture
def hospital(tmp_path):
    """A folder of good scans and of bad ones of each kind, all of whose names and headers name the patient."""
    folder = tmp_path / NAME / "studies"
    write_series(folder / f"{NAME}-a", image(BOTH, 1), **header_of(1))
    image(ONE, 2).write(folder / f"{NAME}-b.nii.gz")
    (folder / f"{NAME}-c.nii.gz").write_bytes((folder / f"{NAME}-b.nii.gz").read_bytes()[:5000])
    image(Volume(np.zeros(PELVIS.size), PELVIS)).write(folder / f"{NAME}-d.mha")
    write_series(folder / f"{NAME}-e", image(ONE, 3), **header_of(5))
    other = header_of(5) | {"SeriesInstanceUID": "1.2.3.4"}
    write_series(folder / f"{NAME}-e", image(ONE, 4), name=f"{NAME}{{}}.dcm", **other)
    write_series(folder / f"{NAME}-f", image(ONE, 5), **header_of(6) | {"Modality": "QVISTMOD"})
    write_series(folder / f"{NAME}-g", image(ONE, 6), **header_of(7) | {"Laterality": "L"})
    write_series(folder / f"{NAME}-h", image(ONE, 7), name=f"{NAME}-{{:04d}}.dcm", **header_of(8))[3].unlink()
    return folder


def secrets_of(folder):
    """Markers of all kinds, and plain hashes of files, contents, names and UIDs, in bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = {NAME, str(folder), *HEADER.values(), "QVIST", "MRN-QQQ", *(path.name for path in folder.iterdir())}
    texts |= {path.stem for path in folder.iterdir()} | {str(path) for path in folder.iterdir()}
    texts -= {"cohort"}  # the name of a table, and of a finding that concerns it whole
    for path in files:
        if path.suffix == ".dcm":
            header = dcmread(path, stop_before_pixels=True)
            texts |= {header.SOPInstanceUID, header.StudyInstanceUID, header.SeriesInstanceUID}
    hashes = {sha256(path) for path in files} | {content_sha256(path) for path in folder.iterdir()}
    hashes |= {hashlib.sha256(text.encode()).hexdigest() for text in texts}
    return {text.upper().encode() for text in texts | hashes | {one[:12] for one in hashes} if len(text) > 5}


def found_in(folder, secrets):
    """The files outside ``private`` whose name or content holds a secret."""
    found = {}
    for path in folder.rglob("*"):
        if "private" in path.relative_to(folder).parts:
            continue
        content = str(path.relative_to(folder)).encode()
        if path.is_file():
            raw = path.read_bytes()
            content += raw + (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else b"")
        if held := [secret for secret in secrets if secret in content.upper()]:
            found[path] = held
    return found


def rows_of(folder):
    return [(row.case_id, row.source) for row in read_rows(folder / "grades.csv", GradeRow)]


def key_of(folder):
    return {row.patient: row for row in read_rows(folder / "private" / "key.csv", ScanKeyRow)}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_no_byte_of_out_names_a_patient(predict, hospital, tmp_path):
    out = tmp_path / "out"
    predicted = predict(hospital, batch=True)
    assert [row.case for row in predicted.failed] == ["P003", "P004", "P007"]
    report(out)
    assert found_in(out, secrets_of(hospital)) == {}
    assert rows_of(out)[:3] == [("P001_R", "P001"), ("P001_L", "P001"), ("P002_R", "P002")]
    assert key_of(out)["P002"].source == str(hospital / f"{NAME}-b.nii.gz")
    with (out / "failed.csv").open() as file:
        failed = {row["case"]: row for row in csv.DictReader(file)}
    assert failed["P004"]["error"] == "HipNotFound"
    assert failed["P004"]["message"].startswith("No femoral head was found in the scan.")
    assert {row["source"] for row in failed.values()} == set(failed)


def test_secrets_are_found_where_they_are(predict, hospital, tmp_path):
    """The search itself: with the names kept it finds them, in names, tables, records and the report."""
    predict(hospital, batch=True, keep_ids=True)
    report(tmp_path / "out")
    names = {path.name for path in found_in(tmp_path / "out", secrets_of(hospital))}
    assert {"grades.csv", "failed.csv", "report.html", f"{NAME}-a_R.nii.gz", f"{NAME}-a.csv"} <= names


def test_owner_is_told_everything_and_nobody_else(predict, hospital, tmp_path):
    shown = {row.case: row.message for row in predict(hospital, batch=True).failed}
    private = tmp_path / "out" / "private"
    with (private / "failed.csv").open() as file:
        kept = {row["case"]: row["message"] for row in csv.DictReader(file)}
    assert kept == shown
    assert f"{NAME}-c.nii.gz: cannot be read" in shown["P003"]
    assert HEADER["SeriesDescription"] in shown["P007"]
    assert mode(private) == 0o700
    assert {path.name: mode(path) for path in private.iterdir()} == dict.fromkeys(
        ("key.csv", "secret", "failed.csv"), 0o600
    )


def test_names_kept_in_tables_do_not_bring_the_header_along(predict, hospital, tmp_path):
    predict(hospital, batch=True, keep_ids=True)
    text = (tmp_path / "out" / "failed.csv").read_text().upper()
    assert "QVIST" not in text
    assert HEADER["SeriesInstanceUID"] not in text
    assert "HOLDS NO SERIES THAT CAN BE MEASURED" in text


def test_a_file_is_private_from_its_first_moment(tmp_path, monkeypatch):
    """Looked at whenever something is opened, with a mask that lets everybody read everything."""
    seen = []
    opened = os.open

    def watching(path, *arguments, **options):
        descriptor = opened(path, *arguments, **options)
        seen.append((Path(path).name, stat.S_IMODE(os.fstat(descriptor).st_mode)))
        return descriptor

    before = os.umask(0)
    try:
        monkeypatch.setattr(os, "open", watching)
        write_private(tmp_path / "private" / "key.csv", b"secret")
    finally:
        os.umask(before)
    ((name, first_mode),) = [one for one in seen if "key.csv" in one[0]]
    assert name != "key.csv"
    assert first_mode == 0o600
    assert mode(tmp_path / "private" / "key.csv") == 0o600
    assert mode(tmp_path / "private") == 0o700


def test_further_scans_keep_old_pseudonyms_and_number_on(predict, tmp_path):
    for folder in ("p1", "p2", "p3"):
        image(ONE, int(folder[1])).write(tmp_path / folder / "mr.nii.gz")
    first = [tmp_path / folder / "mr.nii.gz" for folder in ("p2", "p1")]
    predict(*first)
    predict(tmp_path / "p3" / "mr.nii.gz", *reversed(first))
    assert predict.seen == ["mr.nii.gz"]
    sources = {name: Path(row.source).parent.name for name, row in key_of(tmp_path / "out").items()}
    assert sources == {"P001": "p2", "P002": "p1", "P003": "p3"}
    assert [case for case, _ in rows_of(tmp_path / "out")] == ["P003_R", "P002_R", "P001_R"]
    predict(tmp_path / "p2" / "mr.nii.gz")
    assert [case for case, _ in rows_of(tmp_path / "out")] == ["P001_R", "P002_R", "P003_R"]


def test_moved_scan_keeps_its_pseudonym_and_a_stranger_of_its_name_does_not(predict, tmp_path):
    for folder, seed in (("p1", 1), ("p2", 2)):
        image(ONE, seed).write(tmp_path / folder / "mr.nii.gz")
    predict(tmp_path / "p1" / "mr.nii.gz")
    (tmp_path / "p1").rename(tmp_path / "moved")
    predict(tmp_path / "p2" / "mr.nii.gz", tmp_path / "moved" / "mr.nii.gz")
    assert predict.seen == ["mr.nii.gz"]
    sources = {name: Path(row.source).parent.name for name, row in key_of(tmp_path / "out").items()}
    assert sources == {"P001": "moved", "P002": "p2"}


def test_scan_that_is_given_twice_is_refused(predict, tmp_path):
    image(ONE).write(tmp_path / "mr.nii.gz")
    with pytest.raises(CohortError, match="given more than once"):
        predict(tmp_path / "mr.nii.gz", tmp_path / "." / "mr.nii.gz")


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("keep_first", [True, False])
def test_names_and_pseudonyms_are_not_mixed(predict, tmp_path, keep_first):
    image(ONE).write(tmp_path / "mr.nii.gz")
    predict(tmp_path / "mr.nii.gz", keep_ids=keep_first)
    before = files_in(tmp_path / "out")
    remedy = f"{'Add' if keep_first else 'Leave out'} `keep_ids`, or give another `out`"
    with pytest.raises(WorkspaceError, match=remedy):
        predict(tmp_path / "mr.nii.gz", keep_ids=not keep_first)
    assert files_in(tmp_path / "out") == before


def test_lost_key_is_not_replaced_by_another(predict, tmp_path):
    for name in "ab":
        image(ONE).write(tmp_path / f"{name}.nii.gz")
    predict(tmp_path / "a.nii.gz")
    (tmp_path / "out" / "private" / "key.csv").unlink()
    before = files_in(tmp_path / "out")
    with pytest.raises(WorkspaceError, match=r"key.csv: does not say which scan P001 is.*Put the key .* back"):
        predict(tmp_path / "b.nii.gz")
    assert files_in(tmp_path / "out") == before
    report(tmp_path / "out")  # names nobody, and needs no scan


def test_lost_secret_means_predicting_again(predict, tmp_path):
    image(ONE).write(tmp_path / "a.nii.gz")
    predict(tmp_path / "a.nii.gz")
    table = (tmp_path / "out" / "grades.csv").read_bytes()
    (tmp_path / "out" / "private" / "secret").unlink()
    predict(tmp_path / "a.nii.gz")
    assert predict.seen == ["a.nii.gz"]
    assert (tmp_path / "out" / "grades.csv").read_bytes() == table
    (tmp_path / "out" / "private" / "secret").write_bytes(b"")
    predict(tmp_path / "a.nii.gz")
    assert predict.seen == ["a.nii.gz"]
    assert len((tmp_path / "out" / "private" / "secret").read_bytes()) == 32


def test_key_of_a_workspace_is_no_key_of_scans(predict, study, tmp_path):
    image(ONE).write(tmp_path / "a.nii.gz")
    convert(study / "cohort.csv", Workspace(tmp_path / "out"))
    with pytest.raises(WorkspaceError, match="holds a study, expected results of onfh predict"):
        predict(tmp_path / "a.nii.gz")
    (tmp_path / "out" / ".onfh.json").unlink()
    with pytest.raises(WorkspaceError, match=r"key.csv: is a key with the columns \['patient_id', 'patient'\]"):
        predict(tmp_path / "a.nii.gz")
    shutil.rmtree(tmp_path / "out")
    predict(tmp_path / "a.nii.gz")
    before = files_in(tmp_path / "out")
    for keep_ids in (False, True):
        with pytest.raises(
            WorkspaceError, match=r"key.csv: is a key with the columns .* it belongs to another kind of folder"
        ):
            convert(study / "cohort.csv", Workspace(tmp_path / "out"), keep_ids=keep_ids)
        assert files_in(tmp_path / "out") == before


def test_report_never_needs_the_scan_again(predict, tmp_path):
    image(ONE).write(tmp_path / "in" / "a.nii.gz")
    predict(tmp_path / "in" / "a.nii.gz")
    (tmp_path / "in" / "a.nii.gz").unlink()
    (tmp_path / "out").rename(tmp_path / "moved")
    report(tmp_path / "moved")
    assert 'alt="Coronal slice of the whole scan' in (tmp_path / "moved" / "report" / "P001.html").read_text()


@pytest.mark.parametrize("table", ["grades.csv", "failed.csv", "P001_R.nii.gz"])
@pytest.mark.parametrize("of_an_earlier_run", [False, True])
def test_nobodys_table_is_replaced(predict, tmp_path, table, of_an_earlier_run):
    image(ONE).write(tmp_path / "a.nii.gz")
    (tmp_path / "absent").mkdir()
    out = tmp_path / "out"
    if of_an_earlier_run:
        predict(tmp_path / "a.nii.gz", tmp_path / "absent")
        assert {"grades.csv", "failed.csv"} < {path.name for path in out.iterdir()}
        if table.endswith(".gz"):
            return
    out.mkdir(exist_ok=True)
    (out / table).write_text("precious")
    before = files_in(out)
    with pytest.raises(WorkspaceError, match=rf"{table}: is there already, and not as a result.*Move it away"):
        predict(tmp_path / "a.nii.gz", tmp_path / "absent")
    assert files_in(out) == before
    (out / table).unlink()
    predict(tmp_path / "a.nii.gz", tmp_path / "absent")
    predict(tmp_path / "a.nii.gz", tmp_path / "absent")


def test_nobodys_report_is_replaced(predict, tmp_path):
    image(ONE).write(tmp_path / "a.nii.gz")
    predict(tmp_path / "a.nii.gz")
    page = tmp_path / "out" / "report.html"
    for content in (b"precious", b""):
        page.write_bytes(content)
        with pytest.raises(WorkspaceError, match=r"report.html: exists already and is not an unedited onfh report"):
            report(tmp_path / "out")
        assert page.read_bytes() == content
    page.unlink()
    report(tmp_path / "out")
    made = page.read_bytes()
    report(tmp_path / "out")
    assert page.read_bytes() == made
    page.write_bytes(made.replace(b"P001_R", b"P001_L"))
    with pytest.raises(WorkspaceError, match="is not an unedited onfh report"):
        report(tmp_path / "out")


ODD = [b"\xff\xfe.nii.gz", b"\xff\xfd.nii.gz", b"n" * 245 + b".nii.gz", b"n" * 244 + b"m.nii.gz", b"a\x1b[31m\n.nii.gz"]


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that allow any byte")
@pytest.mark.parametrize("keep_ids", [True, False])
def test_odd_names_do_not_end_a_batch(predict, tmp_path, keep_ids):
    folder = tmp_path / "batch"
    image(ONE).write(tmp_path / "scan.nii.gz")
    folder.mkdir()
    for name in ODD:
        shutil.copy(tmp_path / "scan.nii.gz", folder / os.fsdecode(name))
    predicted = predict(folder, batch=True, keep_ids=keep_ids)
    assert not predicted.failed
    assert len({row.case_id for row in predicted.rows}) == len(ODD)
    assert len(list((tmp_path / "out").glob("*_R.nii.gz"))) == len(ODD)
    assert b"\x1b" not in (tmp_path / "out" / "grades.csv").read_bytes()
    report(tmp_path / "out")
    assert b"\x1b" not in (tmp_path / "out" / "report.html").read_bytes()
    predict(folder, batch=True, keep_ids=keep_ids)
    assert predict.seen == []


def test_long_and_broken_names_stay_apart():
    names = list(names_of_files(ScanInput(Path(os.fsdecode(name))) for name in ODD))
    assert len(set(names)) == len(ODD)
    assert all(len(name) <= LONGEST_NAME + 9 and name.isascii() for name in names)


HEADER_ROW = "patient_id,image,side,label\n"


@pytest.fixture
def study(tmp_path):
    """A cohort whose folder, files and headers name its patients."""
    folder = tmp_path / NAME / "cohort"
    write_series(folder / f"{NAME}-a", noise(), **HEADER)
    both_heads().write(folder / f"{NAME}-both.nii.gz")
    noise(seed=1).write(folder / f"{NAME}-b.nrrd")
    Volume(head(PELVIS, RIGHT, 20.0), PELVIS).write(folder / f"{NAME}-right.nii.gz")
    rows = f"MRN-QQQ-77,{NAME}-a,B,{NAME}-both.nii.gz\nMRN-QQQ-78,{NAME}-b.nrrd,R,{NAME}-right.nii.gz\n"
    (folder / "cohort.csv").write_text(HEADER_ROW + rows)
    return folder


def test_no_byte_of_a_workspace_names_a_patient(study, tmp_path):
    workspace = Workspace(tmp_path / "work")
    convert(study / "cohort.csv", workspace)
    convert(study / "cohort.csv", workspace)
    check(study / "cohort.csv")
    assert found_in(workspace.root, secrets_of(study)) == {}
    assert {path.name: mode(path) for path in (workspace.root / "private").iterdir()} == {
        "key.csv": 0o600,
        "secret": 0o600,
    }
    (workspace.raw / "onfh_sources.csv").write_text(
        f"{hashlib.sha256(HEADER['StudyInstanceUID'].encode()).hexdigest()}"
    )
    assert len(found_in(workspace.root, secrets_of(study))) == 1


def test_name_of_a_segment_is_shown_and_in_no_table(study, tmp_path):
    labels = both_heads().array
    layers = [np.uint8(labels > 0), np.uint8(labels == 2), np.uint8(noise().array > 800)]
    keys = segment_keys(0, "head") | segment_keys(1, "of Qvist", 1) | segment_keys(2, "Qvist left out", 2)
    for number in range(3):  # enough scans for processes of their own
        layers[2][0, 0, number] = 1
        write_seg_nrrd(study / f"{number}.seg.nrrd", layers, PELVIS, keys)
        noise(seed=number).write(study / f"{number}.mha")
    scans = (f"{NAME}-a", "1.mha", "2.mha")
    rows = "".join(f"p{number},{scan},B,{number}.seg.nrrd\n" for number, scan in enumerate(scans))
    (study / "cohort.csv").write_text(HEADER_ROW + rows)
    workspace = Workspace(tmp_path / "work")
    shown = [str(one) for one in convert(study / "cohort.csv", workspace, LabelRules("head", "of Qvist")).findings]
    assert "P001_B: left out the segments 'Qvist left out'" in shown
    assert found_in(workspace.root, secrets_of(study)) == {}
    text = workspace.checks_csv.read_text()
    assert "P001_B,2,warning,label,left out 1 of its segments\n" in text


def test_two_workspaces_have_no_hash_of_a_source_in_common(study, tmp_path):
    hashes = []
    for name in ("one", "two"):
        workspace = Workspace(tmp_path / name)
        convert(study / "cohort.csv", workspace)
        with (workspace.raw / "onfh_sources.csv").open() as file:
            rows = list(csv.DictReader(file))
        hashes.append({row[column] for row in rows for column in ("source_sha256", "image_sha256", "study_sha256")})
    assert hashes[0] & hashes[1] == {""}


def test_lost_secret_means_converting_again(study, tmp_path):
    workspace = Workspace(tmp_path / "work")
    first = convert(study / "cohort.csv", workspace)
    (workspace.root / "private" / "secret").unlink()
    again = convert(study / "cohort.csv", workspace)
    assert (again.converted, again.dataset, again.findings) == (2, first.dataset, first.findings)
    assert convert(study / "cohort.csv", workspace).converted == 0


@pytest.mark.parametrize("kind", ["voxel for voxel", "same examination"])
def test_copy_of_a_scan_that_was_converted_before_is_found(study, tmp_path, kind):
    """One of the two is carried over, the other one is new."""
    workspace = Workspace(tmp_path / "work")
    convert(study / "cohort.csv", workspace)
    another(Volume.read(study / f"{NAME}-right.nii.gz"), 1).write(study / "other.nii.gz")
    with (study / "cohort.csv").open("a") as file:
        if kind == "voxel for voxel":
            noise(seed=1).write(study / "copy.mha")
            file.write("other,copy.mha,R,other.nii.gz\n")
        else:
            write_series(study / "second", noise(seed=5), **HEADER)
            file.write("other,second,R,other.nii.gz\n")
    with pytest.raises(OnfhError, match=kind):
        convert(study / "cohort.csv", workspace)


def test_scans_without_a_study_uid_are_of_no_common_examination(study, tmp_path):
    for number in (1, 2):
        write_series(study / f"s{number}", noise(seed=number), StudyInstanceUID="")
        another(Volume.read(study / f"{NAME}-right.nii.gz"), number).write(study / f"{number}.nii.gz")
    rows = "".join(f"p{number},s{number},R,{number}.nii.gz\n" for number in (1, 2))
    (study / "cohort.csv").write_text(HEADER_ROW + rows)
    assert len(convert(study / "cohort.csv", Workspace(tmp_path / "work")).dataset.cases) == 2


def test_check_leaves_no_secret(study):
    before = files_in(study)
    check(study / "cohort.csv")
    assert files_in(study) == before


def test_keyed_hash_is_hmac():
    import hmac

    assert keyed(b"k" * 32, "text") == hmac.new(b"k" * 32, b"text", hashlib.sha256).hexdigest()
    assert keyed(b"l" * 32, "text") != keyed(b"k" * 32, "text")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\tc\x9b2Jd\x7f", r"a\rb\tc\x9b2Jd\x7f"),
        ("a\udcffb\u202ec", r"a\udcffb\u202ec"),
        ("Müller 患者 \N{NO-BREAK SPACE}x", "Müller 患者 \N{NO-BREAK SPACE}x"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_a_terminal_obeys_is_shown(text, shown):
    assert printable(text) == shown
    assert on_one_line(text) == shown.replace("\n", r"\n")


def test_no_command_prints_but_through_one_place():
    for path in (ROOT / "onfh_nnunet").rglob("*.py"):
        if path.name != "console.py" and "nnunet" not in path.parent.name.removeprefix("onfh_nnunet"):
            for node in ast.walk(ast.parse(path.read_text())):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                assert called not in ("print", "sys.stdout.write", "sys.stderr.write"), path


HOSTILE = "\x1b]0;owned\x07[red][/]\nonfh: all is well"


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that allow any byte")
def test_hostile_names_reach_no_terminal(tmp_path):
    """A terminal would rename its window, and rich would see markup."""
    folder = tmp_path / HOSTILE.replace("/", ":")
    folder.mkdir()
    (folder / "a_L.nii.gz").write_bytes(b"none")
    both_heads().write(folder / "=cmd|'-C calc'!A1_L.nii.gz")
    one = folder / "=cmd_L.nii.gz"
    Volume(head(PELVIS, LEFT, 12.0), PELVIS).write(one)
    cohort = folder / "cohort.csv"
    cohort.write_text(HEADER_ROW + f"\x1b[2J[/red],none,B,{one.name}\n")
    commands = [
        ["grade", *folder.glob("*.gz"), "--out", tmp_path / "g.csv"],
        ["predict", "--batch", folder, "--out", tmp_path / "out"],
        ["check", cohort],
        ["cohort", folder],
        ["report", folder],
        ["model", folder],
        ["compare", folder, folder, "--out", tmp_path / "o"],
        ["grade", one, "--out", tmp_path / "g.csv"],
    ]
    for command in commands:
        words = [sys.executable, "-m", "onfh_nnunet", *map(str, command)]
        done = subprocess.run(words, capture_output=True)
        shown = done.stdout + done.stderr
        assert done.returncode in (0, 1), shown
        assert b"Traceback" not in shown, shown
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", shown), command
        assert not shown.startswith(b"onfh: all is well")
        assert b"\nonfh: all is well" not in shown, command
    assert b"\n'=cmd_L," in (tmp_path / "g.csv").read_bytes()
    assert [row.case_id for row in read_rows(tmp_path / "g.csv", GradeRow)] == ["=cmd_L"]


def test_markup_in_a_table_is_text(capsys):
    from onfh_nnunet.cli import console

    console.table("[t]", ["[red]a"], [["[/]"], ["[red]x"], [":smile:"], ["\x1b[2J"]])
    text = capsys.readouterr().out
    for cell in ("[/]", "[red]x", ":smile:", r"\x1b[2J", "[red]a"):
        assert cell in text


def test_proposal_of_a_hostile_folder_is_read_back(tmp_path):
    from dataset_conversion.cohort.table import read_cohort
    from dataset_conversion.discovery.propose import propose

    for name, patient in (("=1+1", "=cmd|'/C calc'!A1"), ("-x", "@SUM(1)"), ("+y", "plain\x07")):
        write_series(tmp_path / name / "mr", noise(), PatientID=patient)
    (tmp_path / "bad\x1bname.nii.gz").write_bytes(b"x")
    proposal = propose(tmp_path, tmp_path)
    text = proposal.csv()
    assert "\x1b" not in text
    for row in csv.reader(text.splitlines()[1:]):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert any("1 files have a path with control characters" in note for note in proposal.notes)
    rows = [re.sub(r"^([^,]*,[^,]*),[^,]*,", r"\1,R,", line) for line in text.splitlines()[1:]]
    (tmp_path / "cohort.csv").write_text("\n".join([text.splitlines()[0], *rows]) + "\n")
    scans = {scan.patient_id: scan.image.relative_to(tmp_path) for scan in read_cohort(tmp_path / "cohort.csv")}
    assert scans == {
        "=cmd|'/C calc'!A1": Path("=1+1/mr"),
        "@SUM(1)": Path("-x/mr"),
        r"plain\x07": Path("+y/mr"),
    }
