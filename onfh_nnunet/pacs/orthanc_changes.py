"""What arrives at an Orthanc, by its REST interface: ``/changes`` numbers whatever happens there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onfh_nnunet.core.errors import PacsError, PacsSettingsError
from onfh_nnunet.pacs.query import require_uid
from onfh_nnunet.pacs.retry import retried
from onfh_nnunet.pacs.settings import Server, WebServer
from onfh_nnunet.pacs.web_session import TIMEOUT_S, OneServer, web_errors

_PAGE = 1000


@dataclass(frozen=True)
class Changes:
    """What happened since a change.

    Args:
        studies: StudyInstanceUID of each study that is complete: Orthanc got nothing of it for a while (StableAge).
        last: The number of the last change.
        more: Whether later ones wait.
    """

    studies: tuple[str, ...]
    last: int
    more: bool


class OrthancChanges:
    """The changes of an Orthanc.

    Raises:
        PacsSettingsError: The settings name none.
    """

    def __init__(self, server: Server) -> None:
        if not isinstance(server, WebServer) or server.orthanc is None:
            problem = "does not name the REST interface of an Orthanc, which tells what arrives"
            raise PacsSettingsError(server, problem, "Add orthanc to [dicomweb] in the settings, or watch a `folder`")
        self._server, self._root = server, server.orthanc
        self._session = OneServer(server)

    def last(self) -> int:
        """The number of the last change so far."""
        return int(retried(lambda: self._ask("/changes?last"))["Last"])

    def since(self, number: int) -> Changes:
        """What happened after a change.

        Raises:
            PacsError: The server has not come to this number: it is another one, or its database is new.
        """
        if (last := self.last()) < number:
            problem = f"has {last} changes, and {number} were seen before: it is another server, or its database is new"
            raise PacsError(self._root, problem, "Give another `out`, which begins anew")
        page = retried(lambda: self._ask(f"/changes?since={number}&limit={_PAGE}"))
        stable = dict.fromkeys(one["ID"] for one in page["Changes"] if one["ChangeType"] == "StableStudy")
        found = (self._uid(one) for one in stable)
        return Changes(tuple(uid for uid in found if uid), int(page["Last"]), not page["Done"])

    def _uid(self, study: str) -> str | None:
        """StudyInstanceUID of a study; None of one that was deleted since."""
        said = retried(lambda: self._ask(f"/studies/{study}", may_be_gone=True))
        return None if said is None else require_uid(said["MainDicomTags"]["StudyInstanceUID"], "a study")

    def _ask(self, path: str, *, may_be_gone: bool = False) -> Any:
        with web_errors(self._server):
            answer = self._session.get(self._root + path, timeout=TIMEOUT_S)
            if may_be_gone and answer.status_code == 404:
                return None
            answer.raise_for_status()
            return answer.json()
