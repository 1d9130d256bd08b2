"""Classic files in the style of Siemens scanners: numbered against the normal, UIDs as names, 12 bits, CSA headers.

The shape of a CSA2 header ("SV10") is that which nibabel and dcm2niix read. As in real ones, the protocol in it holds
what identifies the patient, beyond the reach of whoever empties PatientName.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dataset_conversion.phantom.dicom.classic_mr import Files, slices
from dataset_conversion.phantom.dicom.header import Examination, private
from onfh_nnunet.core.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

_CHECK = 77  # stands after each entry of a CSA2 header


def siemens_files(volume: Volume, examination: Examination) -> Files:
    """The slices of a uint16 volume, numbered from the last one; file names have no order."""
    count = volume.grid.size[0]
    for number, image in enumerate(slices(volume, examination)):
        image.InstanceNumber = count - number
        _describe(image, examination)
        _annotate(image, examination)
        yield f"MR.{image.SOPInstanceUID}.IMA", image


def csa_header(tags: Mapping[str, tuple[str, Sequence[str]]]) -> bytes:
    """A CSA2 header of named tags, each with its value representation and its values."""
    parts = [b"SV10\x04\x03\x02\x01", struct.pack("<2I", len(tags), _CHECK)]
    for name, (representation, values) in tags.items():
        entry = name.encode(), len(values), representation.encode(), 0, len(values), _CHECK
        parts.append(struct.pack("<64si4s3i", *entry))
        for value in values:
            data = value.encode("ascii") + b"\0"
            parts += [struct.pack("<4i", len(data), len(data), _CHECK, len(data)), data, bytes(-len(data) % 4)]
    return b"".join(parts)


def _describe(image: Dataset, examination: Examination) -> None:
    """The standard attributes in which a Siemens header differs."""
    image.Manufacturer = "SIEMENS"
    image.ManufacturerModelName = "Aera" if examination.sequence.field_t < 3 else "Skyra"
    image.SoftwareVersions = "syngo MR E11"
    image.ProtocolName = image.SeriesDescription = f"t1_fl{examination.dimensions.lower()}_hip_{examination.side}"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM", f"DIS{examination.dimensions}"]
    image.SequenceVariant, image.SequenceName = ["SP", "OSP"], f"*fl{examination.dimensions.lower()}1"
    image.BitsStored, image.HighBit = 12, 11
    image.ImageComments = f"{examination.patient_name.replace('^', ' ')}, hip {examination.side}"
    if not examination.protocol.thick:
        del image.SpacingBetweenSlices  # a VIBE header has none


def _annotate(image: Dataset, examination: Examination) -> None:
    """The private blocks."""
    matrix = f"{image.Columns}*{image.Rows}"
    where = [float(value) for value in image.ImagePositionPatient]
    protocol = f'### ASCCONV BEGIN ###\ntPatientName = "{examination.patient_name}"\n### ASCCONV END ###'
    of_image = {
        "ProtocolSliceNumber": ("IS", [str(image.InstanceNumber - 1)]),
        "PixelSpacing": ("DS", [str(value) for value in image.PixelSpacing]),
        "RealDwellTime": ("IS", ["8000"]),
        "NumberOfImagesInMosaic": ("US", []),
    }
    kind, version = (0x08, "CS", "IMAGE NUM 4"), (0x09, "LO", "1.0")
    mr = [kind, version, (0x0F, "SH", "Fast"), (0x15, "FD", where), (0x18, "IS", 8000)]
    private(image, 0x0019, "SIEMENS MR HEADER", mr)
    csa = [
        kind,
        (0x09, "LO", examination.day),
        (0x10, "OB", _even(csa_header(of_image))),
        (0x18, "CS", "MR"),
        (0x19, "LO", examination.day),
        (0x20, "OB", _even(csa_header({"MrPhoenixProtocol": ("UN", [protocol])}))),
    ]
    private(image, 0x0029, "SIEMENS CSA HEADER", csa)
    private(image, 0x0029, "SIEMENS MEDCOM HEADER2", [(0x60, "LO", "com")])
    text = [kind, version, (0x0B, "LO", matrix), (0x0F, "LO", "BO1,2;SP3,4"), (0x13, "SH", "+LPH")]
    private(image, 0x0051, "SIEMENS MR HEADER", text)


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)
