"""Patient, clinic and visit in the header of each scan: all invented; every UID follows from the seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataset_conversion.phantom.mri.protocol import ScanProtocol
from dataset_conversion.phantom.mri.spgr_sequence import Sequence

if TYPE_CHECKING:
    from pydicom import Dataset

Attributes = Mapping[str, Any]
"""Values by DICOM keyword; a list of such mappings is a sequence."""

_FAMILY = ("Yamada", "Hoffmann", "Okafor", "Lindqvist", "Moreau", "Sato", "Petrov", "Almeida", "Novak", "Costa")
_GIVEN = {"M": ("Ken", "Jonas", "Emeka", "Luc", "Pavel"), "F": ("Aiko", "Greta", "Ngozi", "Marie", "Olga")}


@dataclass(frozen=True)
class Examination:
    """Who was scanned and how, as a scanner records it.

    Args:
        patient_id: The clinic's number.
        patient: Number in the cohort, from 1.
        male: Sex.
        side: ``L`` or ``R``, or ``B`` for both hips; unique among the patient's scans.
        seed: The cohort's seed; all UIDs follow from it.
        sequence: The spoiled gradient echo.
        protocol: Plane, slices and scanner.
    """

    patient_id: str
    patient: int
    male: bool
    side: str
    seed: int
    sequence: Sequence
    protocol: ScanProtocol

    @property
    def patient_name(self) -> str:
        """Family name and given name."""
        given = _GIVEN["M" if self.male else "F"]
        family = _FAMILY[(self.patient * 3 + self.seed) % len(_FAMILY)]
        return f"{family}^{given[(self.patient + self.seed) % len(given)]}"

    @property
    def day(self) -> str:
        """The date of the examination, as DICOM writes dates."""
        return f"2021{1 + self.patient % 12:02d}{1 + self.patient % 28:02d}"

    @property
    def dimensions(self) -> str:
        """How the volume was encoded: 2D or 3D."""
        return "2D" if self.protocol.thick else "3D"

    def uid(self, *what: str) -> str:
        """The UID of an object of this patient."""
        from pydicom.uid import generate_uid

        return generate_uid(entropy_srcs=["onfh phantom", str(self.seed), str(self.patient), *what])


def person_and_visit(examination: Examination) -> dict[str, Any]:
    """The modules of patient, study, series and frame of reference, without the equipment."""
    age = 25 + (examination.patient * 7 + examination.seed) % 45
    dates = dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), examination.day)
    times = dict.fromkeys(("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"), "101500")
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": examination.patient_name,
        "PatientID": examination.patient_id,
        "PatientBirthDate": f"{2021 - age}{1 + examination.patient % 12:02d}{1 + examination.patient % 28:02d}",
        "PatientSex": "M" if examination.male else "F",
        "PatientAge": f"{age:03d}Y",
        "PatientWeight": "64",
        "PatientPosition": "HFS",
        **dates,
        **times,
        "InstanceCreationDate": examination.day,
        "InstanceCreationTime": "101500",
        "Modality": "MR",
        "BodyPartExamined": "HIP",
        "InstitutionName": "Invented Clinic",
        "ReferringPhysicianName": "Nobody^Invented",
        "StudyInstanceUID": examination.uid("study"),
        "SeriesInstanceUID": examination.uid(examination.side),
        "FrameOfReferenceUID": examination.uid("frame of reference"),
        "PositionReferenceIndicator": "",
        "StudyID": str(examination.patient),
        "AccessionNumber": f"A{examination.patient:06d}",
        "StudyDescription": "MRI hip",
        "SeriesDescription": f"{examination.dimensions} SPGR {examination.side}",
        "SeriesNumber": "RLB".index(examination.side) + 1,
        "AcquisitionNumber": 1,
    }


def dataset(attributes: Attributes) -> Dataset:
    """A DICOM data set of attributes, with nested sequences."""
    from pydicom import Dataset

    made = Dataset()
    for keyword, value in attributes.items():
        nested = isinstance(value, list) and value and isinstance(value[0], Mapping)
        setattr(made, keyword, [dataset(item) for item in value] if nested else value)
    return made


def image_file(attributes: Attributes, sop_class: str, sop_instance: str) -> Dataset:
    """A data set with the meta information that makes it a file: explicit VR little endian."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    made = dataset({**attributes, "SOPClassUID": sop_class, "SOPInstanceUID": sop_instance})
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    made.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    return made


def private(holder: Dataset, group: int, creator: str, elements: Iterable[tuple[int, str, Any]]) -> None:
    """Add a private block: its elements are (offset in the block, value representation, value)."""
    block = holder.private_block(group, creator, create=True)
    for offset, representation, value in elements:
        block.add_new(offset, representation, value)


def decimals(values: Iterable[float]) -> list[str]:
    """Decimal strings, which hold 16 characters at most."""
    return [f"{value:.9f}".rstrip("0").rstrip(".")[:16] for value in values]
