"""Enhanced multi-frame files in the style of Philips scanners (Enhanced MR Image Storage, PS3.3, A.36).

Values are stored in 12 bits with a rescale slope, frames in no spatial order; `DimensionIndexValues` tells it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dataset_conversion.phantom.dicom.classic_mr import Files
from dataset_conversion.phantom.dicom.functional_groups import IMAGE_TYPE, LOOK, frame_groups, shared_groups
from dataset_conversion.phantom.dicom.header import Examination, decimals, image_file, person_and_visit, private
from onfh_nnunet.core.volume import Volume

_LARGEST_STORED = 4095
_STACK, _IN_STACK, _FRAME_CONTENT = 0x00209056, 0x00209057, 0x00209111


def philips_files(volume: Volume, examination: Examination) -> Files:
    """The single file of a uint16 volume below 4096; rescaling and rounding restore the volume."""
    from pydicom.uid import EnhancedMRImageStorage

    order = np.random.default_rng([examination.seed, examination.patient]).permutation(volume.grid.size[0]).tolist()
    slope = float(decimals([max(1, int(volume.array.max())) / _LARGEST_STORED])[0])
    stored = np.minimum(np.rint(volume.array[order] / slope), _LARGEST_STORED).astype("<u2")
    attributes = {
        **person_and_visit(examination),
        **_equipment(examination),
        **_acquisition(examination),
        **_dimensions(examination),
        **_pixels(volume, stored),
        "SharedFunctionalGroupsSequence": [shared_groups(examination)],
    }
    image = image_file(attributes, EnhancedMRImageStorage, examination.uid(examination.side, "image"))
    image.PerFrameFunctionalGroupsSequence = [frame_groups(volume.grid, number, slope, examination) for number in order]
    stack = [(0x18, "SL", len(order)), (0x20, "LO", "T1FFE"), (0xC8, "LO", examination.patient_name)]
    private(image, 0x2001, "Philips Imaging DD 001", stack)
    yield "IM_0001", image


def _equipment(examination: Examination) -> dict[str, Any]:
    return {
        "Manufacturer": "Philips",
        "StationName": "PHANTOM1",
        "ManufacturerModelName": "Ingenia",
        "DeviceSerialNumber": "1",
        "SoftwareVersions": ["5.7.1", "5.7.1.1"],
        "ProtocolName": f"T1FFE hip {examination.side}",
    }


def _acquisition(examination: Examination) -> dict[str, Any]:
    """The modules Enhanced MR Image and MR Pulse Sequence."""
    absent = (
        "MultipleSpinEcho",
        "MultiPlanarExcitation",
        "PhaseContrast",
        "TimeOfFlightContrast",
        "SaturationRecovery",
    )
    return {
        "ImageType": IMAGE_TYPE,
        **LOOK,
        "AcquisitionDateTime": f"{examination.day}101500",
        "AcquisitionDuration": 180.0,
        "ContentQualification": "PRODUCT",
        "ResonantNucleus": "1H",
        "KSpaceFiltering": "RIESZ",
        "MagneticFieldStrength": f"{examination.sequence.field_t:g}",
        "ApplicableSafetyStandardAgency": "IEC",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "PulseSequenceName": "T1FFE",
        "MRAcquisitionType": examination.dimensions,
        "EchoPulseSequence": "GRADIENT",
        "EchoPlanarPulseSequence": "NO",
        **dict.fromkeys(absent, "NO"),
        "SteadyStatePulseSequence": "LONGITUDINAL",
        "SpectrallySelectedSuppression": "NONE",
        "OversamplingPhase": "NONE",
        "GeometryOfKSpaceTraversal": "RECTILINEAR",
        "SegmentedKSpaceTraversal": "SINGLE",
        "RectilinearPhaseEncodeReordering": "LINEAR",
        "NumberOfKSpaceTrajectories": 1,
        "AcquisitionContextSequence": [],
        "ImageComments": "",
    }


def _dimensions(examination: Examination) -> dict[str, Any]:
    organization = examination.uid(examination.side, "dimensions")
    pointers = ((_STACK, "Stack ID"), (_IN_STACK, "In-Stack Position Number"))
    index = [
        {
            "DimensionOrganizationUID": organization,
            "DimensionIndexPointer": pointer,
            "FunctionalGroupPointer": _FRAME_CONTENT,
            "DimensionDescriptionLabel": label,
        }
        for pointer, label in pointers
    ]
    return {
        "DimensionOrganizationSequence": [{"DimensionOrganizationUID": organization}],
        "DimensionIndexSequence": index,
    }


def _pixels(volume: Volume, stored: Any) -> dict[str, Any]:
    slices, rows, columns = volume.grid.size
    return {
        "InstanceNumber": 1,
        "NumberOfFrames": slices,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": stored.tobytes(),
    }
