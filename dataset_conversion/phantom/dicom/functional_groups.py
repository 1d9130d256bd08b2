"""Functional groups of an enhanced MR image (PS3.3, C.7.6.16 and C.8.13.5): shared and per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataset_conversion.phantom.dicom.classic_mr import orientation, position
from dataset_conversion.phantom.dicom.header import Examination, dataset, decimals, private
from dataset_conversion.phantom.mri.spgr_sequence import PROTON_MHZ_PER_T
from onfh_nnunet.core.grid import Grid

if TYPE_CHECKING:
    from pydicom import Dataset

_HIP = {"CodeValue": "29836001", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Hip"}
_SCALE_SLOPE = 0.00024  # (2005,100E): a stored value over it is what Philips calls the floating point value
_PRIVATE_GROUPS, _PRIVATE_FRAME = 0x20050014, 0x2005140F
IMAGE_TYPE = ["ORIGINAL", "PRIMARY", "T1", "NONE"]
LOOK = {
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
    "ComplexImageComponent": "MAGNITUDE",
    "AcquisitionContrast": "T1",
}
"""What the image and each of its frames say of themselves."""


def shared_groups(examination: Examination) -> dict[str, Any]:
    """The functional groups that all frames share."""
    sequence = examination.sequence
    timing = {
        "RepetitionTime": str(sequence.tr_ms),
        "FlipAngle": str(sequence.flip_deg),
        "EchoTrainLength": 1,
        "RFEchoTrainLength": 0,
        "GradientEchoTrainLength": 1,
    }
    modifier = {
        **dict.fromkeys(("InversionRecovery", "T2Preparation", "ParallelAcquisition", "PartialFourier"), "NO"),
        **dict.fromkeys(("FlowCompensation", "SpectrallySelectedExcitation", "SpatialPresaturation"), "NONE"),
        "Spoiling": "RF",
    }
    imaging = {
        **dict.fromkeys(("MagnetizationTransfer", "Tagging"), "NONE"),
        "BloodSignalNulling": "NO",
        "TransmitterFrequency": PROTON_MHZ_PER_T * sequence.field_t,
        "PixelBandwidth": f"{sequence.bandwidth_hz:g}",
    }
    return {
        "MRTimingAndRelatedParametersSequence": [timing],
        "MRFOVGeometrySequence": [{"InPlanePhaseEncodingDirection": "ROW", "PercentSampling": "100"}],
        "MRModifierSequence": [modifier],
        "MRImagingModifierSequence": [imaging],
        "MRReceiveCoilSequence": [{"ReceiveCoilName": "MULTI COIL", "ReceiveCoilType": "MULTICOIL"}],
        "MRTransmitCoilSequence": [{"TransmitCoilName": "B", "TransmitCoilType": "BODY"}],
        "MRAveragesSequence": [{"NumberOfAverages": "1"}],
        "FrameAnatomySequence": [{"AnatomicRegionSequence": [_HIP], "FrameLaterality": examination.side}],
    }


def frame_groups(grid: Grid, number: int, slope: float, examination: Examination) -> Dataset:
    """The functional groups of one frame.

    Args:
        grid: Of the volume.
        number: Of the slice, from 0.
        slope: That turns stored values into grey values.
        examination: How it was scanned.
    """
    step, *in_plane = grid.spacing_mm
    measures = {
        "PixelSpacing": decimals(in_plane),
        "SliceThickness": decimals([examination.protocol.thickness_mm])[0],
        "SpacingBetweenSlices": decimals([step])[0],
    }
    groups = dataset(
        {
            "MREchoSequence": [{"EffectiveEchoTime": examination.sequence.te_ms}],
            "MRImageFrameTypeSequence": [{"FrameType": IMAGE_TYPE, **LOOK}],
            "FrameContentSequence": [_content(number, examination)],
            "PlanePositionSequence": [{"ImagePositionPatient": position(grid, number)}],
            "PlaneOrientationSequence": [{"ImageOrientationPatient": orientation(grid)}],
            "PixelMeasuresSequence": [measures],
            "FrameVOILUTSequence": [{"WindowCenter": "500", "WindowWidth": "1000"}],
            "PixelValueTransformationSequence": [_transformation(slope)],
        }
    )
    groups.add_new(_PRIVATE_GROUPS, "LO", "Philips MR Imaging DD 005")
    groups.add_new(_PRIVATE_FRAME, "SQ", [_private_frame(number, slope)])
    return groups


def _content(number: int, examination: Examination) -> dict[str, Any]:
    started = f"{examination.day}101500"
    return {
        "FrameAcquisitionDateTime": started,
        "FrameReferenceDateTime": started,
        "FrameAcquisitionDuration": 180000.0,
        "StackID": "1",
        "InStackPositionNumber": number + 1,
        "DimensionIndexValues": [1, number + 1],
    }


def _transformation(slope: float) -> dict[str, Any]:
    return {"RescaleIntercept": "0", "RescaleSlope": decimals([slope])[0], "RescaleType": "US"}


def _private_frame(number: int, slope: float) -> Dataset:
    item = dataset({"InstanceNumber": number + 1, **_transformation(slope)})
    private(item, 0x2005, "Philips MR Imaging DD 001", [(0x0D, "FL", 0.0), (0x0E, "FL", _SCALE_SLOPE)])
    return item
