"""A converted case carries the hash of its scan, the same in every workspace and format."""

from dataset_conversion.convert import convert
from onfh_nnunet.core.scan_hash import scan_sha256
from onfh_nnunet.study.workspace import Workspace
from tests.helpers.dicom_files import another, both_heads, noise, write_series


def converted(folder, work, name, write):
    """The conversion of one scan that is written under a name."""
    write(folder / name)
    both_heads().write(folder / "both.nii.gz")
    (folder / "cohort.csv").write_text(f"patient_id,image,side,label\n{folder.name},{name},B,both.nii.gz\n")
    return convert(folder / "cohort.csv", Workspace(work))


def test_hash_is_that_of_the_scan_in_every_format_and_workspace(tmp_path):
    dicom = converted(tmp_path / "a", tmp_path / "1", "scan", lambda path: write_series(path, noise()))
    nrrd = converted(tmp_path / "b", tmp_path / "2", "scan.nrrd", noise().write)
    assert dicom.dataset.scans == nrrd.dataset.scans == dict.fromkeys(("P001_L", "P001_R"), scan_sha256(noise()))
    again = convert(tmp_path / "b" / "cohort.csv", Workspace(tmp_path / "2"))
    assert (again.converted, again.dataset.scans) == (0, nrrd.dataset.scans)


def test_unchanged_scan_keeps_its_hash_when_another_is_added(tmp_path):
    first = converted(tmp_path / "a", tmp_path / "w", "scan.nrrd", noise().write)
    noise(seed=1).write(tmp_path / "a" / "other.nrrd")
    another(both_heads(), 1).write(tmp_path / "a" / "other.nii.gz")
    with (tmp_path / "a" / "cohort.csv").open("a") as file:
        file.write("second,other.nrrd,B,other.nii.gz\n")
    both = convert(tmp_path / "a" / "cohort.csv", Workspace(tmp_path / "w"))
    assert both.converted == 1
    assert both.dataset.scans.items() > first.dataset.scans.items()
    assert len(set(both.dataset.scans.values())) == 2
