"""The last slices of a series, lost in any way, are named; what lies beside slices and is none is passed over.

A slice that is missing within a series leaves a gap, which is refused. At the end it leaves none.
"""

import gzip
import zipfile

import numpy as np
import pytest

from dataset_conversion.readers import read_volume
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import Grid
from tests.helpers.dicom_files import AXIAL, noise, write_series

SMALL = Grid((6, 8, 9), (4.0, 4.0, 4.0), (-142.0, -54.0, -46.0), AXIAL)
NAMES = ["IM{:04d}.dcm", "MR.1.2.840.113.9.{}", "IM{:04d}", "i12.MRDC.{}", "{:03d}.ima", "1.2.840.{}.dcm"]


def series(folder, name=NAMES[0]):
    return write_series(folder, noise(SMALL), name=name)


def own_folders(root, file_name="slice"):
    """Each slice in a folder of its own."""
    moved = []
    for number, file in enumerate(series(root)):
        moved.append(root / f"{number:02d}" / file_name)
        moved[-1].parent.mkdir()
        file.rename(moved[-1])
    return moved


def cut(file):
    file.write_bytes(file.read_bytes()[:100])


def empty(file):
    file.write_bytes(b"")


def damaged(file):
    file.write_bytes(file.read_bytes().replace(b"DICM", b"DIXM", 1))


def refused(place, match):
    with pytest.raises(ReadError, match=match):
        read_volume(place)


def pack(file, members):
    with zipfile.ZipFile(file, "w") as archive:
        for member in members:
            archive.write(member, member.name)
    return file


@pytest.mark.parametrize("harm", [cut, empty, damaged])
@pytest.mark.parametrize("name", NAMES)
def test_last_slices_that_are_no_dicom_are_named(tmp_path, name, harm):
    files = series(tmp_path, name)
    for file in files[-2:]:
        harm(file)
    refused(tmp_path, "is named like the slices beside it and is not DICOM")


@pytest.mark.parametrize("harm", [cut, empty, damaged])
@pytest.mark.parametrize("file_name", ["slice", "MR.1.2.3"])
def test_last_slice_in_a_folder_of_its_own_is_named(tmp_path, harm, file_name):
    harm(own_folders(tmp_path, file_name)[-1])
    refused(tmp_path, f"05/{file_name}: is named like the slices")


@pytest.mark.parametrize("harm", [cut, empty])
def test_short_file_where_slices_lie_is_named_whatever_its_name(tmp_path, harm):
    last = own_folders(tmp_path / "a")[-1]
    harm(last)
    last.rename(last.parent / "other")
    refused(tmp_path, r"05/other: has \d+ bytes and lies where slices do, expected 132 or more")
    harm(series(tmp_path / "b")[-1].rename(tmp_path / "b" / "other"))
    refused(tmp_path / "b", r"b/other: has \d+ bytes and lies where slices do")


@pytest.mark.parametrize("ending", [".DCM", ".ima", ".IMA"])
@pytest.mark.parametrize("harm", [cut, damaged])
def test_another_ending_of_slices_hides_none(tmp_path, harm, ending):
    last = series(tmp_path)[-1]
    last = last.rename(last.with_suffix(ending))
    assert read_volume(tmp_path).grid.size == SMALL.size
    harm(last)
    refused(tmp_path, "is named like the slices")


def test_archive_among_slices_is_named(tmp_path):
    files = series(tmp_path / "s")
    part = pack(tmp_path / "s" / "part2.bin", files[-2:])
    for file in files[-2:]:
        file.unlink()
    refused(tmp_path / "s", "part2.bin: is an archive among the slices.*Unpack it")
    refused(pack(tmp_path / "all.zip", [*files[:-2], part]), "part2.bin: is an archive among the slices")
    (tmp_path / "s" / "more").mkdir()
    part.rename(tmp_path / "s" / "more" / "part2.zip")
    refused(tmp_path / "s", "part2.zip: is an archive")


def test_packed_slice_is_named(tmp_path):
    last = series(tmp_path)[-1]
    last.with_suffix(".dcm.gz").write_bytes(gzip.compress(last.read_bytes()))
    last.unlink()
    refused(tmp_path, "dcm.gz: is an archive among the slices")


def test_link_to_a_folder_outside_is_named_and_one_inside_loses_nothing(tmp_path):
    files = series(tmp_path / "s")
    (tmp_path / "s" / "inside").mkdir()
    files[-1].rename(tmp_path / "s" / "inside" / files[-1].name)
    (tmp_path / "s" / "again").symlink_to(tmp_path / "s" / "inside")
    assert np.array_equal(read_volume(tmp_path / "s").array, noise(SMALL).array)
    (tmp_path / "s" / "inside").rename(tmp_path / "outside")
    (tmp_path / "s" / "again").unlink()
    (tmp_path / "s" / "part2").symlink_to(tmp_path / "outside")
    refused(tmp_path / "s", "part2: is a link to a folder, which is not followed.*Give the folder it points to")
    (tmp_path / "linked").symlink_to(tmp_path / "outside")
    files[0].rename(tmp_path / "outside" / files[0].name)
    assert read_volume(tmp_path / "linked").grid.size[0] == 2  # the folder that is given may be a link


COMPANIONS = ["DICOMDIR", ".DS_Store", "._IM0005.dcm", "Thumbs.db", "desktop.ini", "README"]
COMPANIONS += [f"IM0005{end}" for end in (".txt", ".XML", ".json", ".csv", ".html", ".pdf", ".log", ".md")]
COMPANIONS += [f"IM0005{end}" for end in (".jpg", ".PNG", ".exe", ".inf", ".dll", ".jar", ".docx")]


@pytest.mark.parametrize("content", [b"", b"text", b"PK\3\4" + bytes(200)])
def test_companions_are_passed_over(tmp_path, content):
    series(tmp_path / "s")
    for name in COMPANIONS:
        (tmp_path / "s" / name).write_bytes(content)
        (tmp_path / name).write_bytes(content)
    assert np.array_equal(read_volume(tmp_path).array, noise(SMALL).array)


def test_volumes_and_links_to_slices_are_passed_over(tmp_path):
    files = series(tmp_path / "a")
    (tmp_path / "s").mkdir()
    for file in files:
        (tmp_path / "s" / file.name).symlink_to(file)
    for suffix in (".nii.gz", ".nrrd", ".mha"):
        noise(SMALL).write(tmp_path / "s" / f"label{suffix}")
    (tmp_path / "s" / "dangling").symlink_to("nowhere")
    assert np.array_equal(read_volume(tmp_path / "s").array, noise(SMALL).array)


def test_tree_without_a_dicom_image_says_so(tmp_path):
    pack(tmp_path / "s.zip", series(tmp_path / "s"))
    (tmp_path / "t").mkdir()
    (tmp_path / "s.zip").rename(tmp_path / "t" / "s.zip")
    (tmp_path / "t" / "link").symlink_to(tmp_path / "s")
    (tmp_path / "t" / "IM0001.dcm").write_bytes(b"")
    refused(tmp_path / "t", "holds no DICOM image")
