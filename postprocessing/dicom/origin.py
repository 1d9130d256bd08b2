"""What made a DICOM object and when, and the UIDs that follow from its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.source_series import SourceSeries
from postprocessing.dicom.codes import ARTIFICIAL_INTELLIGENCE, Term

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PROGRAM = "onfh-nnunet"
SERIES_NUMBERS = {"SEG": 9701, "SR": 9702, "DOC": 9703}
"""SeriesNumber by modality: far above those of a scanner, so that they stand last in a list."""


@dataclass(frozen=True)
class Origin:
    """What made an object.

    Args:
        version: Of the program.
        model_sha256: The digest of the model file; empty where masks come from elsewhere.
        made: When.
    """

    version: str
    model_sha256: str
    made: datetime

    @property
    def parameters(self) -> dict[str, str]:
        """What the algorithm was run with, by name."""
        return {"model_sha256": self.model_sha256} if self.model_sha256 else {}

    def equipment(self) -> dict[str, Any]:
        """Arguments of highdicom's objects for the equipment module; the model is its serial number."""
        return {
            "manufacturer": PROGRAM,
            "manufacturer_model_name": PROGRAM,
            "software_versions": self.version,
            "device_serial_number": self.model_sha256 or "none",
            "content_date": self.made.date(),
            "content_time": self.made.time(),
            "series_date": self.made.date(),
            "series_time": self.made.time(),
        }

    def uid(self, source: SourceSeries, *content: str | bytes) -> str:
        """A UID that follows from program, model, source and content, whenever it is made.

        So an object that is made again bears the UID of the first one, and an archive keeps one of them.
        """
        from pydicom.uid import generate_uid

        frames = (f"{one.sop_instance} {one.number}" for one in source.frames)
        parts = (PROGRAM, self.version, self.model_sha256, *frames, *content)
        return str(generate_uid(entropy_srcs=[_digest(parts)]))

    @property
    def device_uid(self) -> str:
        """The UID of this version of the program with this model, as an observer."""
        from pydicom.uid import generate_uid

        return str(generate_uid(entropy_srcs=[PROGRAM, self.version, self.model_sha256]))

    def stamp(self, dataset: Any) -> None:
        """State when an object was made, in place of the moment in which highdicom ran."""
        dataset.InstanceCreationDate = self.made.strftime("%Y%m%d")
        dataset.InstanceCreationTime = self.made.strftime("%H%M%S")
        for equipment in dataset.get("ContributingEquipmentSequence", ()):  # the scanner, which did its part long ago
            equipment.pop("ContributionDateTime", None)

    def algorithm(self) -> Any:
        """The algorithm as a segment states it."""
        import highdicom

        family = concept(ARTIFICIAL_INTELLIGENCE)
        return highdicom.AlgorithmIdentificationSequence(
            PROGRAM, family, self.version, source=PROGRAM, parameters=self.parameters or None
        )


def concept(term: Term) -> CodedConcept:
    """A term as highdicom has it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(*term)


def in_ascii(text: str) -> str:
    """A text that every character set of DICOM holds: an object has that of its source."""
    return text.encode("ascii", "backslashreplace").decode()


def _digest(parts: Iterable[str | bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()
