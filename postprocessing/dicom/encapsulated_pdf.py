"""The page of a patient as DICOM Encapsulated PDF, beside Segmentation and Structured Report.

Source: DICOM PS3.3, A.45.1 (Encapsulated PDF), C.24.2 (Encapsulated Document module).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.source_series import SourceSeries
from postprocessing.dicom.codes import MEASUREMENT_REPORT
from postprocessing.dicom.origin import SERIES_NUMBERS, Origin, concept
from postprocessing.dicom.source_images import instances, nameless_header, reference_to, repeat_identity

if TYPE_CHECKING:
    from pydicom import Dataset

_PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
TITLE = "Osteonecrosis of the femoral head: one page (automatic)"


def encapsulated_pdf(content: bytes, report: Dataset, source: SourceSeries, origin: Origin, *, pictures: int) -> Any:
    """A PDF as a DICOM object, with patient and study of its source.

    The page itself names nobody: BurnedInAnnotation is NO. Its UID follows from the report, which says the same, and
    from the pictures.

    Args:
        content: The PDF.
        report: The Structured Report of the same hips.
        source: The scan.
        origin: What made it.
        pictures: How many hips it shows pictures of.
    """
    import highdicom
    from pydicom import Dataset
    from pydicom.uid import UID

    header = nameless_header(source)
    said = str(report.SOPInstanceUID), f"{pictures}"
    made = highdicom.base.SOPClass(
        study_instance_uid=header.StudyInstanceUID,
        series_instance_uid=origin.uid(source, "DOC series", *said),
        series_number=SERIES_NUMBERS["DOC"],
        sop_instance_uid=origin.uid(source, "DOC", *said),
        sop_class_uid=_PDF_CLASS,
        instance_number=1,
        modality="DOC",
        transfer_syntax_uid=UID(_EXPLICIT_LITTLE_ENDIAN),
        series_description="Osteonecrosis of the femoral head: page",
        patient_id="",
        patient_name="",
        patient_birth_date="",
        patient_sex="",
        **origin.equipment(),
    )
    document = Dataset()
    document.ConversionType = "WSD"
    document.AcquisitionDateTime = ""
    document.BurnedInAnnotation = document.RecognizableVisualFeatures = "NO"
    document.VerificationFlag = "UNVERIFIED"
    document.SourceInstanceSequence = [
        *(reference_to(frame.sop_class, frame.sop_instance) for frame in instances(source)),
        reference_to(report.SOPClassUID, report.SOPInstanceUID),
    ]
    document.DocumentTitle = TITLE
    document.ConceptNameCodeSequence = [concept(MEASUREMENT_REPORT)]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocument = content + b"\n" * (len(content) % 2)
    document.EncapsulatedDocumentLength = len(content)
    made.update(document)
    repeat_identity(made, source)
    origin.stamp(made)
    return made
