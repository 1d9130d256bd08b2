"""A volume as a DICOM series: MR Image Storage (PS3.3, A.4), one file a slice; person and clinic are invented."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset_conversion.phantom.signal import Sequence
from onfh_nnunet.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

_FAMILY = ("Yamada", "Hoffmann", "Okafor", "Lindqvist", "Moreau", "Sato", "Petrov", "Almeida", "Novak", "Costa")
_GIVEN = {"M": ("Ken", "Jonas", "Emeka", "Luc", "Pavel"), "F": ("Aiko", "Greta", "Ngozi", "Marie", "Olga")}
_FREQUENCY_MHZ = "63.87"  # protons at 1.5 T


@dataclass(frozen=True)
class Examination:
    """Who was scanned and how, as a scanner writes it down.

    Args:
        patient_id: The clinic's number.
        patient: Number in the cohort, from 1.
        male: Sex.
        side: ``L`` or ``R``, or ``B`` for both hips; unique among the patient's scans.
        sequence: The spoiled gradient echo.
        seed: The cohort's seed; all UIDs follow from it.
    """

    patient_id: str
    patient: int
    male: bool
    side: str
    sequence: Sequence
    seed: int


def write_series(volume: Volume, examination: Examination, folder: Path) -> None:
    """Write a uint16 volume into a new folder, explicit VR little endian, a file a slice."""
    folder.mkdir(parents=True)
    common = _patient(examination) | _equipment() | _study(examination) | _acquisition(examination) | _pixels(volume)
    for number in range(volume.grid.size[0]):
        uid = _uid(examination, examination.side, f"image {number}")
        dataset = _dataset(common | _slice(volume, number) | {"SOPInstanceUID": uid})
        dataset.save_as(folder / f"IM{number + 1:04d}.dcm", enforce_file_format=True)


def _dataset(attributes: dict[str, object]) -> Dataset:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _patient(examination: Examination) -> dict[str, object]:
    number, sex = examination.patient, "M" if examination.male else "F"
    given = _GIVEN[sex][(number + examination.seed) % len(_GIVEN[sex])]
    age = 25 + (number * 7 + examination.seed) % 45
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": f"{_FAMILY[(number * 3 + examination.seed) % len(_FAMILY)]}^{given}",
        "PatientID": examination.patient_id,
        "PatientBirthDate": f"{2021 - age}{1 + number % 12:02d}{1 + number % 28:02d}",
        "PatientSex": sex,
        "PatientAge": f"{age:03d}Y",
        "PatientWeight": "64",
        "PatientPosition": "HFS",
    }


def _equipment() -> dict[str, object]:
    return {
        "Manufacturer": "Phantom",
        "InstitutionName": "Invented Clinic",
        "StationName": "PHANTOM1",
        "ManufacturerModelName": "SPGR phantom",
        "DeviceSerialNumber": "1",
        "SoftwareVersions": "1",
        "ReferringPhysicianName": "Nobody^Invented",
    }


def _study(examination: Examination) -> dict[str, object]:
    day = f"2021{1 + examination.patient % 12:02d}{1 + examination.patient % 28:02d}"
    dates: dict[str, object] = dict.fromkeys(
        ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"), day
    )
    times: dict[str, object] = dict.fromkeys(
        ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime"), "101500"
    )
    return {
        **dates,
        **times,
        "StudyInstanceUID": _uid(examination, "study"),
        "SeriesInstanceUID": _uid(examination, examination.side),
        "FrameOfReferenceUID": _uid(examination, "frame of reference"),
        "PositionReferenceIndicator": "",
        "StudyID": str(examination.patient),
        "AccessionNumber": f"A{examination.patient:06d}",
        "StudyDescription": "MRI hip",
        "SeriesDescription": f"3D SPGR {examination.side}",
        "SeriesNumber": "RLB".index(examination.side) + 1,
        "Laterality": examination.side.replace("B", ""),
        "AcquisitionNumber": 1,
    }


def _acquisition(examination: Examination) -> dict[str, object]:
    sequence = examination.sequence
    return {
        "Modality": "MR",
        "BodyPartExamined": "HIP",
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "ScanningSequence": "GR",
        "SequenceVariant": "SP",
        "ScanOptions": "",
        "MRAcquisitionType": "3D",
        "SequenceName": "SPGR3D",
        "AngioFlag": "N",
        "RepetitionTime": str(sequence.tr_ms),
        "EchoTime": str(sequence.te_ms),
        "FlipAngle": str(sequence.flip_deg),
        "EchoTrainLength": 1,
        "NumberOfAverages": "1",
        "ImagingFrequency": _FREQUENCY_MHZ,
        "ImagedNucleus": "1H",
        "MagneticFieldStrength": "1.5",
        "InPlanePhaseEncodingDirection": "ROW",
    }


def _pixels(volume: Volume) -> dict[str, object]:
    _, rows, columns = volume.grid.size
    step, *in_plane = volume.grid.spacing_mm
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
        "PixelSpacing": _decimals(in_plane),
        "SliceThickness": _decimals([step])[0],
        "SpacingBetweenSlices": _decimals([step])[0],
        "ImageOrientationPatient": _decimals(np.array(volume.grid.direction)[:, [2, 1]].T.ravel().tolist()),
    }


def _slice(volume: Volume, number: int) -> dict[str, object]:
    position = volume.grid.to_mm((number, 0, 0))
    return {
        "InstanceNumber": number + 1,
        "ImagePositionPatient": _decimals(position.tolist()),
        "SliceLocation": _decimals([float(position @ np.array(volume.grid.direction)[:, 0])])[0],
        "PixelData": np.ascontiguousarray(volume.array[number], "<u2").tobytes(),
    }


def _uid(examination: Examination, *what: str) -> str:
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["onfh phantom", str(examination.seed), str(examination.patient), *what])


def _decimals(values: Items[float]) -> list[str]:
    """Decimal strings, which hold 16 characters at most."""
    return [f"{value:.9f}".rstrip("0").rstrip(".")[:16] for value in values]
