"""A tree or an archive of a whole study: the series that is meant is chosen, never guessed."""

import os
import zipfile

import numpy as np
import pytest

from dataset_conversion.readers import read_volume
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import PELVIS, noise, write_series

SPGR, SCOUT = noise(seed=1), noise(seed=2)


@pytest.fixture
def study(tmp_path):
    """Two MR series and a report, two folders deep, with a space, quotes and a letter outside ASCII in the path."""
    root = tmp_path / "Ho\u00ebf 'left' \"hip\""
    write_series(root / "day 1" / "a", SPGR, SeriesDescription="cor 3D SPGR", SeriesInstanceUID="1.2.1")
    write_series(root / "day 1" / "b", SCOUT, SeriesDescription="scout", SeriesInstanceUID="1.2.2")
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
        (None, r"holds 2 MR series, expected one; there are:\n  'cor 3D SPGR' \(1.2.1, 24 files\)\n  'scout'"),
        ("T2", r"holds 0 MR series 'T2', expected one; there are:\n  'cor 3D SPGR'"),
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
