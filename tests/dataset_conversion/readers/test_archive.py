"""Zip archives of strangers: unpacked whole and within bounds, or refused by name with nothing left behind."""

import bz2
import os
import shutil
import struct
import zipfile

import numpy as np
import pytest

from dataset_conversion.readers import read_volume
from dataset_conversion.readers.archive import unpacked
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import Grid
from tests.helpers.dicom_files import AXIAL, noise, write_series

SMALL = Grid((4, 8, 9), (4.0, 4.0, 4.0), (-142.0, -54.0, -46.0), AXIAL)
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path, monkeypatch):
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    yield
    assert not [path for path in (tmp_path / "temp").rglob("*") if path.is_file()]


def packed(file, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def refused(file, match):
    with pytest.raises(ReadError, match=match) as caught, unpacked(file):
        pytest.fail("it was unpacked")
    return caught.value


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_unpacked_whole(tmp_path, method):
    files = write_series(tmp_path / "s", noise(SMALL))
    file = packed(tmp_path / "s.zip", [(f"a/{one.name}", one.read_bytes()) for one in files], method)
    assert np.array_equal(read_volume(file).array, noise(SMALL).array)


@pytest.mark.parametrize("method", METHODS)
def test_damage_is_refused_whatever_the_codec_raises(tmp_path, method):
    file = packed(tmp_path / "s.zip", [("a", os.urandom(2000))], method)
    whole = file.read_bytes()
    for place in range(31, 400, 24):
        file.write_bytes(whole[:place] + b"\xff" * 155 + whole[place + 155 :])
        error = refused(file, "s.zip: cannot be unpacked")
        assert "Traceback" in error.trace


def restated(file, **fields):
    """Change what the archive's only member states, in both of its headers: method, size."""
    whole = bytearray(file.read_bytes())
    central = whole.rindex(b"PK\x01\x02")
    for name, value in fields.items():
        local, kind = {"method": (8, "<H"), "size": (22, "<I"), "flags": (6, "<H")}[name]
        struct.pack_into(kind, whole, local, value)
        struct.pack_into(kind, whole, central + local + 2, value)
    file.write_bytes(whole)


@pytest.mark.parametrize("size", [10, 10**8])
@pytest.mark.parametrize("method", METHODS)
def test_sizes_that_lie_are_refused(tmp_path, method, size):
    file = packed(tmp_path / "s.zip", [("a", os.urandom(3000))], method)
    restated(file, size=size)
    refused(file, "cannot be unpacked")


def test_bzip2_of_gigabytes_that_states_a_kilobyte_is_refused_at_once(tmp_path):
    packing = bz2.BZ2Compressor()
    content = b"".join(packing.compress(bytes(10**7)) for _ in range(10)) + packing.flush()
    file = packed(tmp_path / "s.zip", [("a", content)], zipfile.ZIP_STORED)
    restated(file, method=zipfile.ZIP_BZIP2, size=1000)
    refused(file, "cannot be unpacked .it is damaged")


def test_overlapping_members_count_by_the_file_that_holds_them(tmp_path):
    file = packed(tmp_path / "s.zip", [("a", bytes(30 * 2**20))])
    whole = file.read_bytes()
    start, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    many = 200
    tail = bytearray(whole[end:])
    struct.pack_into("<HHII", tail, 8, many, many, many * (end - start), start)
    file.write_bytes(whole[:start] + whole[start:end] * many + tail)
    refused(file, "to 6000 MiB, which no scan does")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a/x", "a/x"), ("x", "/x"), ("a\\x", "a/x")])
def test_two_files_of_one_name_are_refused(tmp_path, names):
    refused(packed(tmp_path / "s.zip", [(name, b"1") for name in names]), "holds two files named")


@pytest.mark.parametrize("name", ["a/" * 2000 + "x", "y" * 300])
def test_names_that_no_file_system_takes_are_refused(tmp_path, name):
    refused(packed(tmp_path / "s.zip", [(name, b"1")]), "2001 parts|too long")


@pytest.mark.parametrize("name", ["../../x", "/x", "C:\\x", "..\\..\\x", "a/../../x", "caf\xe9"])
def test_names_stay_in_the_folder(tmp_path, name):
    with unpacked(packed(tmp_path / "s.zip", [(name, b"1")])) as folder:
        assert [path.read_bytes() for path in folder.rglob("*") if path.is_file()] == [b"1"]


def test_link_becomes_a_file(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with unpacked(packed(tmp_path / "s.zip", [(link, "/etc/passwd")])) as folder:
        assert not (folder / "link").is_symlink()
        assert (folder / "link").read_text() == "/etc/passwd"


def test_encrypted_archive_is_refused(tmp_path):
    file = packed(tmp_path / "s.zip", [("a", b"1")])
    restated(file, flags=1)
    refused(file, "it is encrypted")


def test_name_that_is_no_utf_8_is_refused(tmp_path):
    file = packed(tmp_path / "s.zip", [("\u00e9\u00e9", b"1")])
    file.write_bytes(file.read_bytes().replace("\u00e9\u00e9".encode(), b"\xff\xfe\xff\xfe"))
    refused(file, "cannot be unpacked")


def test_archive_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 * 2**20))
    refused(packed(tmp_path / "s.zip", [("a", bytes(9 * 2**20))]), "unpacks to 9 MiB.*room for 5 MiB")
