"""DICOMweb (DICOM PS3.18), by dicomweb-client: QIDO-RS, WADO-RS, STOW-RS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from dicomweb_client import DICOMwebClient

from onfh_nnunet.core.errors import DuplicateInstance, PacsError
from onfh_nnunet.pacs.archive import DicomFile, Level
from onfh_nnunet.pacs.settings import WebServer
from onfh_nnunet.pacs.web_session import TIMEOUT_S, OneServer, web_errors

if TYPE_CHECKING:
    from pydicom import Dataset

_DUPLICATE = 0x0111
"""PS3.7, C.5.6: duplicate SOP instance."""

_UID = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
"""What tells two answers of a query apart."""

_AS_STORED = (("application/dicom", "*"),)
"""In the transfer syntax in which the server has it."""


@dataclass(frozen=True)
class WebArchive:
    """A server that is spoken to by DICOMweb; see `archive.Archive`."""

    server: WebServer

    @property
    def name(self) -> str:
        """The server in messages."""
        return str(self.server)

    def echo(self) -> None:
        """See `archive.Archive`."""
        with web_errors(self.server):
            self._client.search_for_studies(limit=1)

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        """See `archive.Archive`."""
        from pydicom import Dataset

        path = {"STUDY": (), "SERIES": ("StudyInstanceUID",), "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID")}[level]
        search: Any = {
            "STUDY": self._client.search_for_studies,
            "SERIES": self._client.search_for_series,
            "IMAGE": self._client.search_for_instances,
        }[level]
        filters = {keyword: value for keyword, value in keys.items() if value and keyword not in path}
        fields = [keyword for keyword in keys if keyword not in path]
        found: dict[str, Dataset] = {}
        with web_errors(self.server):
            while True:  # page by page; a server that takes no offset repeats the first one
                page = search(
                    *(keys[keyword] for keyword in path), fields=fields, search_filters=filters, offset=len(found)
                )
                answers = {str(one[_UID[level]].value): one for one in map(Dataset.from_json, page)}
                if answers.keys() <= found.keys():
                    return list(found.values())
                found |= answers

    def retrieve(self, study: str, series: str, keep: Callable[[bytes], None]) -> None:
        """See `archive.Archive`."""
        with web_errors(self.server):
            for dataset in self._client.iter_series(study, series, media_types=_AS_STORED):
                content = BytesIO()
                dataset.save_as(content, enforce_file_format=True)
                keep(content.getvalue())

    def store(self, files: Sequence[DicomFile]) -> None:
        """See `archive.Archive`. One file a request: a refusal then names it."""
        from pydicom import dcmread

        for file in files:
            with web_errors(self.server):
                answer = self._client.store_instances([dcmread(file.path)], file.study)
            for refused in answer.get("FailedSOPSequence", ()):
                self._refuse(file, int(refused.FailureReason))

    def _refuse(self, file: DicomFile, reason: int) -> None:
        if reason == _DUPLICATE:
            problem = f"refuses the object as a duplicate: {self.name} holds another one of its UID {file.uid}"
            raise DuplicateInstance(file.path, problem, "Find out which is right; nothing was replaced")
        problem = f"refuses to store {file.path} (status {reason:04X})"
        raise PacsError(self.name, problem, "Ask who runs it to accept this object")

    @cached_property
    def _client(self) -> DICOMwebClient:
        client = DICOMwebClient(self.server.url, OneServer(self.server), timeout=TIMEOUT_S)
        client.set_http_retry_params(retry=False)  # `retry.retried` does so, for both protocols alike
        return client
