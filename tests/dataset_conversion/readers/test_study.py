"""A tree or an archive of a whole study: the series that is meant is chosen, never guessed."""

import os
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dataset_conversion.readers import read_scan, read_volume
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import PELVIS, noise, write_enhanced, write_series

SPGR, SCOUT = noise(seed=1), noise(seed=2)


@pytest.fixture
def study(tmp_path):
    """Two MR series and a report, two folders deep, with a space, quotes and a letter outside ASCII in the path."""
    root = tmp_path / "Ho\u00ebf 'left' \"hip\""
    write_series(root / "day 1" / "a", SPGR, SeriesDescription="cor 3D SPGR", SeriesInstanceUID="1.2.1")
    write_series(root / "day 1" / "b", SCOUT, SeriesDescription="cor T2", SeriesInstanceUID="1.2.2")
    write_series(root / "doc", SCOUT, SeriesInstanceUID="1.2.3", Modality="SR")
    return root


def packed(folder, file):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return file


@pytest.mark.parametrize("wanted", ["cor 3D SPGR", "1.2.1", "spgr"])
def test_series_is_chosen_by_description_or_uid(study, tmp_path, wanted):
    for place in (study, packed(study, tmp_path / "study.bin")):
        assert np.array_equal(read_volume(place, wanted).array, SPGR.array)


def test_the_only_mr_series_needs_no_name(study):
    assert np.array_equal(read_volume(study / "day 1" / "b").array, SCOUT.array)


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        (
            None,
            r"holds 2 MR series, expected one; there are:\n  descr.*\n  cor 3D SPGR +axial +4.00 x 4.00 +24 +1.2.1\n",
        ),
        ("T1", r"holds 0 MR series 'T1', expected one; there are:\n  description.*\n  cor 3D SPGR"),
        ("o", r"holds 2 MR series 'o', expected one"),
    ],
)
def test_what_is_not_clear_is_listed(study, wanted, match):
    with pytest.raises(ReadError, match=match):
        read_volume(study, wanted)


def test_exact_description_wins_over_a_part(tmp_path):
    write_series(tmp_path / "a", SPGR, SeriesDescription="SPGR", SeriesInstanceUID="1.2.1")
    write_series(tmp_path / "b", SCOUT, SeriesDescription="SPGR late", SeriesInstanceUID="1.2.2")
    assert np.array_equal(read_volume(tmp_path, "SPGR").array, SPGR.array)


def test_link_to_its_own_folder_is_not_followed(study):
    (study / "day 1" / "a" / "loop").symlink_to(study, target_is_directory=True)
    (study / "day 1" / "self").symlink_to(study / "day 1" / "self")
    assert np.array_equal(read_volume(study, "spgr").array, SPGR.array)


def test_damaged_and_encrypted_archives_are_refused(study, tmp_path):
    file = packed(study, tmp_path / "study.zip")
    whole = bytearray(file.read_bytes())
    for place in np.random.default_rng(0).integers(len(whole) // 4, len(whole) // 2, 20).tolist():
        damaged = whole.copy()
        damaged[place : place + 40] = bytes(40)
        file.write_bytes(damaged)
        with pytest.raises(ReadError, match="cannot be unpacked"):
            read_volume(file, "spgr")
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match="is not one of"):
        read_volume(file, "spgr")


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(150 * 2**20))
    with pytest.raises(ReadError, match=r"unpacks from 0\.1 to 150 MiB, which no scan does"):
        read_volume(file)


def test_archive_writes_nothing_outside_its_folder(tmp_path):
    file = tmp_path / "slip.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../slip.txt", "x")
        archive.writestr("/slip.txt", "x")
    with pytest.raises(ReadError, match="holds no DICOM image"):
        read_volume(file)
    assert not list(tmp_path.parent.glob("slip.txt"))
    assert not os.path.lexists("/slip.txt")


def test_nothing_of_an_archive_stays_behind(study, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    read_volume(packed(study, tmp_path / "s.zip"), "spgr")
    assert not [path for path in (tmp_path / "temp").rglob("*") if path.is_file()]


def test_a_volume_file_is_told_by_its_bytes(tmp_path):
    volume = Volume(noise().array, PELVIS)
    for suffix in (".nii.gz", ".nrrd", ".mha"):
        volume.write(tmp_path / f"v{suffix}")
        renamed = (tmp_path / f"v{suffix}").rename(tmp_path / f"plain{suffix[1:3]}")
        assert np.array_equal(read_volume(renamed).array, volume.array)


def test_text_with_a_zip_suffix_is_no_archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    with pytest.raises(ReadError, match="is not one of"):
        read_volume(tmp_path / "a.zip")


def numbered(folder, description, uid, number, scan=SPGR, **tags):
    return write_series(folder, scan, SeriesDescription=description, SeriesInstanceUID=uid, SeriesNumber=number, **tags)


def interleaved(folder, *scans, **values):
    """One series of several scans; `values` give each of them its own value of an attribute."""
    for n, scan in enumerate(scans):
        tags = {name: each[n] for name, each in values.items()}
        numbered(folder / str(n), "dual", "1.2.9", 4, scan, **tags)
    return folder


PARTS = [
    ({"EchoTime": ["2.4", "4.8"]}, "echo 1", "echo 2"),
    ({"ImageType": [["ORIGINAL", "PRIMARY", "F"], ["ORIGINAL", "PRIMARY", "W"]]}, "fat", "water"),
    (
        {"ImageType": [["DERIVED", "PRIMARY", "DIXON", "IN"], ["DERIVED", "PRIMARY", "DIXON", "OPP"]]},
        "in phase",
        "OUT OF PHASE",
    ),
    ({"DiffusionBValue": [0.0, 800.0]}, "b 0", "b 800"),
    ({"TemporalPositionIdentifier": [1, 2]}, "time 1", "time 2"),
    ({"AcquisitionTime": ["101500.25", "101530.75"]}, "time 1", "time 2"),
    ({"EchoNumbers": ["1", "2"]}, "echo 1", "echo 2"),
    ({"AcquisitionNumber": [1, 2], "InversionTime": ["700", "2500"]}, "inversion 1", "inversion 2"),
]


@pytest.mark.parametrize(("values", "first", "second"), PARTS)
def test_part_of_a_series_is_chosen_by_name(tmp_path, values, first, second):
    interleaved(tmp_path, SPGR, SCOUT, **values)
    for name, scan in ((first, SPGR), (second, SCOUT)):
        for wanted in (name, f"dual, {name}", f"4 {name}", f"1.2.9: {name}", f"d*l, {name}"):
            assert np.array_equal(read_volume(tmp_path, wanted).array, scan.array)
    with pytest.raises(ReadError, match=rf"(?s)holds 2 stacks of MR.*{first} .*{second.lower()} "):
        read_volume(tmp_path)


@pytest.mark.parametrize("description", ["dual echo", "Dual Echo 2D", "echo", "t1 echo 1 and echo 2", "2"])
def test_part_is_found_where_the_description_has_its_words_too(tmp_path, description):
    for n, scan in enumerate((SPGR, SCOUT)):
        numbered(tmp_path / str(n), description, "1.2.9", 4, scan, EchoTime=["2.4", "4.8"][n])
    assert np.array_equal(read_volume(tmp_path, "echo 2").array, SCOUT.array)
    assert np.array_equal(read_volume(tmp_path, f"{description}, echo 1").array, SPGR.array)


def test_a_part_of_a_series_never_stands_for_two_series_of_its_name(tmp_path):
    numbered(tmp_path / "a", "fat water A", "1.2.1", 1)
    numbered(tmp_path / "b", "fat water B", "1.2.2", 2)
    interleaved(tmp_path / "c", SPGR, SCOUT, ImageType=[["ORIGINAL", "PRIMARY", "F"], ["ORIGINAL", "PRIMARY", "W"]])
    with pytest.raises(ReadError, match="holds 2 MR series 'water', expected one"):
        read_volume(tmp_path, "water")
    assert np.array_equal(read_volume(tmp_path, "dual water").array, SCOUT.array)


def test_magnitude_is_taken_and_phase_only_where_it_is_named(tmp_path):
    types = [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]]
    interleaved(tmp_path, SPGR, SCOUT, ImageType=types)
    scan = read_scan(tmp_path)
    assert np.array_equal(scan.volume.array, SPGR.array)
    assert any("phase shows no anatomy" in line for line in scan.passed_over)
    assert np.array_equal(read_volume(tmp_path, "phase").array, SCOUT.array)


@pytest.mark.parametrize("wanted", ["12", "cor*", "*T2*", "1.2.2", "COR T2"])
def test_series_is_chosen_by_number_pattern_or_uid(tmp_path, wanted):
    numbered(tmp_path / "a", "ax t1", "1.2.1", 1)
    numbered(tmp_path / "b", "cor T2", "1.2.2", 12, SCOUT)
    assert np.array_equal(read_volume(tmp_path, wanted).array, SCOUT.array)


@pytest.mark.parametrize(
    "tags",
    [
        {"SeriesDescription": "AAHScout"},
        {"SeriesDescription": "t2_localizer"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    ],
)
def test_localizer_and_objects_without_a_place_are_passed_over_with_a_line(tmp_path, tags):
    numbered(tmp_path / "a", "t1 vibe", "1.2.1", 1)
    write_series(tmp_path / "b", SCOUT, SeriesInstanceUID="1.2.2", **tags)
    (file, *others) = numbered(tmp_path / "c", "raw", "1.2.1", 1, change=without_place)
    for other in others:
        other.unlink()
    scan = read_scan(tmp_path)
    assert np.array_equal(scan.volume.array, SPGR.array)
    assert any("no slices" in line and file.name in line for line in scan.passed_over)
    assert sum("is a localizer" in line for line in scan.passed_over) == 1


def without_place(dataset, number):
    raw_data = "1.2.840.10008.5.1.4.1.1.66"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = raw_data
    del dataset.ImagePositionPatient


def test_copies_are_counted_once_and_slices_of_one_uid_are_not(tmp_path):
    files = write_series(tmp_path / "a", SPGR)
    for file in files[:3]:
        file.with_name(f"{file.stem} (1).dcm").write_bytes(file.read_bytes())
    scan = read_scan(tmp_path / "a")
    assert np.array_equal(scan.volume.array, SPGR.array)
    assert scan.passed_over == ("3 files are copies of others, counted once",)
    write_series(tmp_path / "b", SPGR, SOPInstanceUID="1.2.3")  # as a careless anonymiser leaves them
    assert np.array_equal(read_volume(tmp_path / "b").array, SPGR.array)


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_slices_without_a_preamble_are_read(tmp_path, meta, syntax):
    for file in write_series(tmp_path, SPGR):
        dataset = pydicom.dcmread(file)
        dataset.file_meta.TransferSyntaxUID = syntax
        if not meta:
            del dataset.file_meta
        dataset.preamble = None
        dataset.save_as(file, implicit_vr=syntax.is_implicit_VR, little_endian=True)
        assert file.read_bytes()[128:132] != b"DICM"
    assert np.array_equal(read_volume(tmp_path).array, SPGR.array)


@pytest.mark.parametrize("total", [2, None])
def test_part_of_a_concatenation_is_no_whole(tmp_path, total):
    def part_of(number):
        def change(dataset):
            dataset.SeriesInstanceUID, dataset.ConcatenationUID = "1.2.3", "1.2.4"
            dataset.InConcatenationNumber = number
            if total:
                dataset.InConcatenationTotalNumber = total

        return change

    first = write_enhanced(tmp_path / "1.dcm", SPGR, order=range(14), change=part_of(1))
    for place in (first, tmp_path):
        with pytest.raises(ReadError, match=r"1\.dcm: is part 1 of 2 of one image, and part 2 is missing"):
            read_volume(place)
    write_enhanced(tmp_path / "2.dcm", SPGR, order=range(14, 24), change=part_of(2))
    assert np.array_equal(read_volume(tmp_path).array, SPGR.array)
