"""Stored values of compressed and plain files, bit for bit."""

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from dataset_conversion.readers import read_volume
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume
from tests.helpers.dicom_files import AXIAL, write_enhanced, write_series

GRID = Grid((5, 40, 48), (2.5, 0.75, 1.25), (-12.5, 3.0, 40.25), AXIAL)
ENCODERS = {
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: lambda plane: imagecodecs.jpeg2k_encode(plane, codecformat="j2k", reversible=True, level=0),
    JPEGLosslessSV1: lambda plane: imagecodecs.ljpeg_encode(plane, bitspersample=16),
}


def packed(dataset, planes, syntax):
    if syntax == RLELossless:
        dataset.PixelData = planes.tobytes()
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    elif syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate([ENCODERS[syntax](plane) for plane in planes])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    else:
        dataset.PixelData = planes.tobytes()


@pytest.mark.parametrize("rescale", [(1, 0), (2, -5)])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("syntax", [None, RLELossless, *ENCODERS])
def test_overlay_in_unused_bits_is_no_part_of_a_value(tmp_path, syntax, signed, rescale):
    low, high = (-2048, 2047) if signed else (0, 4095)
    values = np.random.default_rng(5).integers(low, high, GRID.size, endpoint=True)
    stored = (values & 0x0FFF).astype(np.uint16)
    stored[:, 5:9, 3:30] |= 0x1000

    def change(dataset, number):
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, signed
        dataset.RescaleSlope, dataset.RescaleIntercept = map(str, rescale)
        packed(dataset, stored[number : number + 1], syntax)

    write_series(tmp_path, Volume(values.astype(np.int16), GRID), change=change)
    assert np.array_equal(read_volume(tmp_path).array, values * rescale[0] + rescale[1])


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_values_above_unused_bits_are_refused(tmp_path, syntax):
    values = Volume(np.arange(9600).reshape(GRID.size).astype(np.uint16), GRID)

    def change(dataset, number):
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 15, 0
        packed(dataset, values.array[number : number + 1], syntax)

    write_series(tmp_path, values, change=change)
    with pytest.raises(ReadError, match=r"pixels of 12 bits that end at bit 15 .HighBit., expected 11"):
        read_volume(tmp_path)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_compressed_frames_keep_their_own_slopes(tmp_path, syntax):
    array = np.random.default_rng(6).integers(0, 900, GRID.size).astype(np.int16)

    def change(dataset):
        dataset.PixelRepresentation = 0
        packed(dataset, array.astype(np.uint16), syntax)

    file = write_enhanced(
        tmp_path / "e.dcm", Volume(array, GRID), rescale=lambda number: (0.5 * (number + 1), number), change=change
    )
    slopes, intercepts = 0.5 * np.arange(1, 6)[:, None, None], np.arange(5)[:, None, None]
    assert np.array_equal(read_volume(file).array, array * slopes + intercepts)
