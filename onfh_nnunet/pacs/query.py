"""Studies of a PACS, as a query finds them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.pacs.archive import Archive
from onfh_nnunet.pacs.retry import retried

_DATE = re.compile(r"\d{8}|\d{8}-\d{0,8}|-\d{8}")
_TEXTS = ("PatientID", "StudyDate", "AccessionNumber", "StudyDescription")
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True)
class Query:
    """What studies must match; in texts ``*`` stands for any letters.

    Args:
        patient_id: The patient's id at the hospital.
        date: Of the study: 20260131, or a range 20260101-20260131, open at one end if wanted.
        accession: The number of the request.
        study: StudyInstanceUID.
        modality: Of at least one series.
    """

    patient_id: str = ""
    date: str = ""
    accession: str = ""
    study: str = ""
    modality: str = "MR"

    def __post_init__(self) -> None:
        if not any((self.patient_id, self.date, self.accession, self.study)):
            problem = "names no patient, date, accession number or study, expected one at least"
            raise OnfhError("the query", problem, "Give `patient`, `date`, `accession` or `study`")
        if self.date and not _DATE.fullmatch(self.date):
            problem = f"is {self.date!r}, expected 20260131 or 20260101-20260131"
            raise OnfhError("`date`", problem, "Correct it")
        if self.study:
            require_uid(self.study, "`study`")


@dataclass(frozen=True)
class Study:
    """A study that a server holds.

    Args:
        study: StudyInstanceUID.
        patient_id: The patient's id at the hospital.
        date: StudyDate.
        accession: AccessionNumber.
        modalities: Of its series.
        images: How many objects it has; None where the server does not say.
        description: StudyDescription.
    """

    study: str
    patient_id: str
    date: str
    accession: str
    modalities: tuple[str, ...]
    images: int | None
    description: str


def find_studies(archive: Archive, query: Query) -> list[Study]:
    """The studies that match, by date.

    Raises:
        PacsError: The server cannot be asked, or refuses.
    """
    keys = {
        "StudyInstanceUID": query.study,
        "PatientID": query.patient_id,
        "StudyDate": query.date,
        "AccessionNumber": query.accession,
        "ModalitiesInStudy": query.modality,
        "StudyDescription": "",
        "NumberOfStudyRelatedInstances": "",
    }
    studies = []
    for found in retried(lambda: archive.find("STUDY", keys)):
        said = found.get("ModalitiesInStudy") or ()
        modalities = (said,) if isinstance(said, str) else tuple(map(str, said))
        if query.modality and modalities and query.modality not in modalities:
            continue  # a server may not search by it
        patient, date, accession, described = (str(found.get(keyword) or "") for keyword in _TEXTS)
        number = found.get("NumberOfStudyRelatedInstances")
        images = None if number in (None, "") else int(number)
        uid = str(found.StudyInstanceUID)
        studies.append(Study(uid, patient, date, accession, modalities, images, described))
    return sorted(studies, key=lambda one: (one.date, one.study))


def require_uid(text: str, subject: str) -> str:
    """A UID, which may also be the name of a file.

    Raises:
        OnfhError: It is none: other characters, or too long (DICOM PS3.5, 9.1).
    """
    if not _UID.fullmatch(text) or text.strip(".") != text:
        raise OnfhError(subject, f"is {text!r}, expected a UID: digits and dots", "Correct it")
    return text
