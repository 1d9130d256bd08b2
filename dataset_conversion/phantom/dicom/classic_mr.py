"""Classic MR images (MR Image Storage, PS3.3, A.4), one file per slice, of a generic scanner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dataset_conversion.phantom.dicom.header import Examination, decimals, image_file, person_and_visit
from dataset_conversion.phantom.mri.spgr_sequence import PROTON_MHZ_PER_T
from onfh_nnunet.core.grid import Grid
from onfh_nnunet.core.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

Files = Iterator[tuple[str, "Dataset"]]
"""The name and the content of each file."""


def neutral_files(volume: Volume, examination: Examination) -> Files:
    """The slices of a uint16 volume, in order."""
    for number, image in enumerate(slices(volume, examination)):
        yield f"IM{number + 1:04d}.dcm", image


def slices(volume: Volume, examination: Examination) -> Iterator[Dataset]:
    """The slices of a uint16 volume as a generic scanner writes them, in order."""
    from pydicom.uid import MRImageStorage

    common = {
        **person_and_visit(examination),
        **_equipment(),
        "Laterality": examination.side.replace("B", ""),
        **_acquisition(examination),
        **_pixels(volume.grid, examination),
    }
    for number in range(volume.grid.size[0]):
        uid = examination.uid(examination.side, f"image {number}")
        yield image_file(common | _slice(volume, number), MRImageStorage, uid)


def orientation(grid: Grid) -> list[str]:
    """ImageOrientationPatient: the unit vectors along a row and along a column."""
    return decimals(np.array(grid.direction)[:, [2, 1]].T.ravel().tolist())


def position(grid: Grid, number: int) -> list[str]:
    """ImagePositionPatient of a slice."""
    return decimals(grid.to_mm((number, 0, 0)).tolist())


def _equipment() -> dict[str, Any]:
    return {
        "Manufacturer": "Phantom",
        "StationName": "PHANTOM1",
        "ManufacturerModelName": "SPGR phantom",
        "DeviceSerialNumber": "1",
        "SoftwareVersions": "1",
    }


def _acquisition(examination: Examination) -> dict[str, Any]:
    sequence = examination.sequence
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "ScanningSequence": "GR",
        "SequenceVariant": "SP",
        "ScanOptions": "",
        "MRAcquisitionType": examination.dimensions,
        "SequenceName": f"SPGR{examination.dimensions}",
        "AngioFlag": "N",
        "RepetitionTime": str(sequence.tr_ms),
        "EchoTime": str(sequence.te_ms),
        "FlipAngle": str(sequence.flip_deg),
        "EchoTrainLength": 1,
        "NumberOfAverages": "1",
        "ImagingFrequency": f"{PROTON_MHZ_PER_T * sequence.field_t:.2f}",
        "ImagedNucleus": "1H",
        "MagneticFieldStrength": f"{sequence.field_t:g}",
        "PixelBandwidth": f"{sequence.bandwidth_hz:g}",
        "InPlanePhaseEncodingDirection": "ROW",
    }


def _pixels(grid: Grid, examination: Examination) -> dict[str, Any]:
    _, rows, columns = grid.size
    step, *in_plane = grid.spacing_mm
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "WindowCenter": "500",
        "WindowWidth": "1000",
        "PixelSpacing": decimals(in_plane),
        "SliceThickness": decimals([examination.protocol.thickness_mm])[0],
        "SpacingBetweenSlices": decimals([step])[0],
        "ImageOrientationPatient": orientation(grid),
    }


def _slice(volume: Volume, number: int) -> dict[str, Any]:
    along = float(volume.grid.to_mm((number, 0, 0)) @ np.array(volume.grid.direction)[:, 0])
    return {
        "InstanceNumber": number + 1,
        "ImagePositionPatient": position(volume.grid, number),
        "SliceLocation": decimals([along])[0],
        "PixelData": np.ascontiguousarray(volume.array[number], "<u2").tobytes(),
    }
