"""Enhanced multi-frame MR: one file holds all slices, each with its place, in any order."""

import numpy as np
import pytest

from dataset_conversion.readers import read_scan, read_volume
from onfh_nnunet.core.errors import GeometryError, ReadError
from onfh_nnunet.core.grid import Grid, same_grid
from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import item, write_enhanced

TURN = np.deg2rad(20)
OBLIQUE = ((np.sin(TURN), 0.0, np.cos(TURN)), (0.0, 1.0, 0.0), (np.cos(TURN), 0.0, -np.sin(TURN)))


def small(direction=OBLIQUE):
    grid = Grid((5, 6, 7), (2.5, 0.75, 1.25), (-12.5, 3.0, 40.25), direction)
    return Volume(np.random.default_rng(3).integers(0, 900, grid.size).astype(np.int16), grid)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_frames_in_any_order_are_one_volume(tmp_path, order):
    file = write_enhanced(tmp_path / "scan" / "no_suffix", small(), order=order)
    for place in (file, file.parent):
        volume = read_volume(place)
        same_grid("enhanced", volume.grid, small().grid)
        assert np.array_equal(volume.array, small().array)


def test_rescale_of_each_frame_is_applied(tmp_path):
    file = write_enhanced(tmp_path / "e.dcm", small(), rescale=lambda number: (0.5 * (number + 1), number))
    slopes = 0.5 * np.arange(1, 6)[:, None, None]
    assert np.array_equal(read_volume(file).array, small().array * slopes + np.arange(5)[:, None, None])


def test_side_and_technique_of_the_header_are_told(tmp_path):
    def left(dataset):
        dataset.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [item(FrameLaterality="L")]

    scan = read_scan(write_enhanced(tmp_path / "e.dcm", small(), change=left))
    assert scan.laterality is Side.LEFT
    assert scan.acquisition.technique == "GR 3D"


def without_places(dataset):
    del dataset.PerFrameFunctionalGroupsSequence


def without_spacing(dataset):
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence


def at(frame, position):
    def move(dataset):
        dataset.PerFrameFunctionalGroupsSequence[frame].PlanePositionSequence[0].ImagePositionPatient = position

    return move


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        (without_places, ReadError, "has 5 frames and the places of 0"),
        (without_spacing, ReadError, "lacks PixelSpacing of frame 1"),
        (at(1, [-12.5, 3, 40.25]), ReadError, "1 images at the position of another.*frame 1 of e.dcm and frame 2"),
        (at(4, [-3.9495, 3, 63.7423]), GeometryError, r"17\.50\d mm between frame 4 of e.dcm and frame 5"),
        (at(2, None), ReadError, "lacks ImagePositionPatient of frame 3"),
        (at(2, [1, 2]), ReadError, "unusable position.* .ImagePositionPatient has 2 numbers, not 3., expected numbers"),
    ],
)
def test_frames_that_are_no_single_stack_are_refused(tmp_path, change, kind, match):
    with pytest.raises(kind, match=match):
        read_volume(write_enhanced(tmp_path / "e.dcm", small(), change=change))


def test_truncated_pixels_are_refused(tmp_path):
    file = write_enhanced(tmp_path / "e.dcm", small())
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ReadError, match=r"e\.dcm"):
        read_volume(file)


def test_two_files_of_one_series_are_one_stack(tmp_path):
    def series(dataset):
        dataset.SeriesInstanceUID = "1.2.3"

    volume = small()
    for number, part in enumerate(([0, 1], [2, 3, 4])):
        write_enhanced(tmp_path / f"{number}.dcm", volume, order=part, change=series)
    assert np.array_equal(read_volume(tmp_path).array, volume.array)
