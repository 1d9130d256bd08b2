"""What a reader returns."""

from __future__ import annotations

from dataclasses import dataclass

from onfh_nnunet.core.hip import Side
from onfh_nnunet.core.volume import Volume


@dataclass(frozen=True)
class Acquisition:
    """What a DICOM header says about a scan beside its geometry.

    Args:
        study_uid: StudyInstanceUID (0020,000D); one examination of one patient.
        frame_of_reference: FrameOfReferenceUID (0020,0052), which a DICOM SEG repeats; none where it is not stated.
        laterality: The side that it states; none where it states no single side.
        technique: Kind of echo and 2D or 3D, such as ``GR 3D``; empty where it is not stated.
        burned_in: Whether it says that the pixels show annotations, which may name the patient.
    """

    study_uid: str
    frame_of_reference: str | None
    laterality: Side | None
    technique: str
    burned_in: bool


@dataclass(frozen=True)
class Scan:
    """A scan and what its header says.

    Args:
        volume: Its voxels.
        acquisition: What its header says; none for a file that is not DICOM.
        passed_over: What lay beside it and was passed over, such as a localizer or a capture; a line each, which may
            name the patient.
    """

    volume: Volume
    acquisition: Acquisition | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def laterality(self) -> Side | None:
        """The side that the header states."""
        return self.acquisition.laterality if self.acquisition else None
