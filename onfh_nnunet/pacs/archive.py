"""What is asked of the server of a PACS, whichever protocol it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from onfh_nnunet.core.errors import PacsSettingsError
from onfh_nnunet.pacs.settings import DimseServer, Server

if TYPE_CHECKING:
    from pydicom import Dataset

Level = Literal["STUDY", "SERIES", "IMAGE"]
"""Of a query (DICOM PS3.4, C.6.2: Study Root)."""


@dataclass(frozen=True)
class DicomFile:
    """A DICOM file and its identity.

    Args:
        path: The file.
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        uid: SOPInstanceUID.
        sop_class: SOPClassUID.
        transfer_syntax: TransferSyntaxUID.
    """

    path: Path
    study: str
    series: str
    uid: str
    sop_class: str
    transfer_syntax: str


class Archive(Protocol):
    """The server of a PACS. Each method asks this server alone, once, and raises a `PacsError` of the reason."""

    @property
    def name(self) -> str:
        """The server in messages."""

    def echo(self) -> None:
        """Ask whether it is there and accepts this program."""

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        """The studies, series or images that match.

        Args:
            level: What is searched. Of series and images, `keys` must name the study; of images the series, too.
            keys: Keywords of attributes and what they must match; an empty text asks for the value.
        """

    def retrieve(self, study: str, series: str, keep: Callable[[bytes], None]) -> None:
        """Fetch the objects of a series; `keep` is called with the bytes of each, as a DICOM file has them."""

    def store(self, files: Sequence[DicomFile]) -> None:
        """Send files, in their order, up to the first that is refused."""


def archive_of(server: Server) -> Archive:
    """The server that settings name.

    Raises:
        PacsSettingsError: The library that speaks its protocol is not installed.
    """
    try:
        if isinstance(server, DimseServer):
            from onfh_nnunet.pacs.dimse import DimseArchive

            return DimseArchive(server)
        from onfh_nnunet.pacs.dicomweb import WebArchive

        return WebArchive(server)
    except ModuleNotFoundError as absent:
        problem = f"cannot be asked: {absent.name} is not installed"
        raise PacsSettingsError(server, problem, "Run pip install 'onfh-nnunet[pacs]'") from absent
