"""DIMSE, the protocol of DICOM itself (PS3.7), by pynetdicom: C-ECHO, C-FIND, C-GET or C-MOVE, C-STORE."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from onfh_nnunet.core.errors import (
    AssociationRejected,
    DuplicateInstance,
    OnfhError,
    PacsError,
    PacsTlsError,
    PacsUnreachable,
)
from onfh_nnunet.pacs.archive import DicomFile, Level
from onfh_nnunet.pacs.settings import DimseServer
from onfh_nnunet.pacs.storage_classes import STORAGE
from onfh_nnunet.pacs.tls import tls_context

if TYPE_CHECKING:
    from pydicom import Dataset

VERIFICATION = "1.2.840.10008.1.1"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
"""Study Root (PS3.4, C.6.2)."""

CONNECT_S, ANSWER_S = 10.0, 60.0
"""How long a connection and an answer may take."""

_PENDING = (0xFF00, 0xFF01)
_DUPLICATE = 0x0111
"""PS3.7, C.5.6: duplicate SOP instance."""

_AGAIN = "Check that the server runs, and run again: what was done stays"


@dataclass(frozen=True)
class DimseArchive:
    """A server that is spoken to by DIMSE; see `archive.Archive`."""

    server: DimseServer

    @property
    def name(self) -> str:
        """The server in messages."""
        return str(self.server)

    def echo(self) -> None:
        """See `archive.Archive`."""
        with self._association([build_context(VERIFICATION)]) as asked:
            self._require_success(asked.send_c_echo(), "C-ECHO")

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        """See `archive.Archive`."""
        found = []
        with self._association([build_context(FIND)]) as asked:
            for status, answer in asked.send_c_find(_identifier(level, keys), FIND):
                if status.get("Status") in _PENDING and answer is not None:
                    found.append(answer)
                else:
                    self._require_success(status, "C-FIND")
        return found

    def retrieve(self, study: str, series: str, keep: Callable[[bytes], None]) -> None:
        """See `archive.Archive`. By C-MOVE where the settings have a port for it, otherwise by C-GET."""
        wanted = _identifier("SERIES", {"StudyInstanceUID": study, "SeriesInstanceUID": series})
        received = _Received(keep)
        storage = [build_context(kind, syntax) for kind, syntaxes in STORAGE.items() for syntax in syntaxes]
        if self.server.move_port is None:
            roles = [build_role(kind, scp_role=True) for kind in STORAGE]
            with self._association([build_context(GET), *storage], roles, received.handlers) as asked:
                self._follow(asked.send_c_get(wanted, GET), "C-GET", received)
            return
        with self._listening(self.server.move_port, received), self._association([build_context(MOVE)]) as asked:
            self._follow(asked.send_c_move(wanted, self.server.calling_aet, MOVE), "C-MOVE", received)

    def store(self, files: Sequence[DicomFile]) -> None:
        """See `archive.Archive`."""
        kinds = sorted({(file.sop_class, file.transfer_syntax) for file in files})
        with self._association([build_context(*kind) for kind in kinds]) as asked:
            accepted = {(one.abstract_syntax, one.transfer_syntax[0]) for one in asked.accepted_contexts}
            for file in files:
                if (file.sop_class, file.transfer_syntax) not in accepted:
                    problem = f"does not take objects of the class {file.sop_class}, such as {file.path}"
                    raise PacsError(self.name, problem, "Have it accept this class")
            for file in files:
                self._require_success(asked.send_c_store(file.path), "C-STORE", file)

    def _follow(self, answers: Iterable[tuple[Dataset, Any]], request: str, received: _Received) -> None:
        """Require that a retrieval succeeds, with all that it is made of."""
        for status, _ in answers:
            if received.error is not None:
                raise received.error
            if status.get("Status") not in _PENDING:
                self._require_success(status, request)
                if failed := status.get("NumberOfFailedSuboperations"):
                    raise PacsError(self.name, f"could not send {failed} objects", _AGAIN)

    def _require_success(self, status: Dataset, request: str, file: DicomFile | None = None) -> None:
        if "Status" not in status:  # pynetdicom's sign of a connection that broke
            raise PacsUnreachable(self.name, f"stopped answering during {request}", _AGAIN)
        code = int(status.Status)
        if code == _DUPLICATE and file is not None:
            problem = f"refuses the object as a duplicate: {self.name} holds another one of its UID {file.uid}"
            raise DuplicateInstance(file.path, problem, "Find out which is right; nothing was replaced")
        if code != 0 and code >> 12 != 0xB:  # Bxxx: done, with a warning
            said = f", {status.ErrorComment}" if status.get("ErrorComment") else ""
            subject = f" of {file.path}" if file else ""
            problem = f"refuses {request}{subject} (status {code:04X}{said})"
            raise PacsError(self.name, problem, "Ask who runs it to allow this to the title of this program")

    @contextmanager
    def _association(
        self,
        contexts: list[PresentationContext],
        roles: Sequence[Any] = (),
        handlers: Sequence[tuple[Any, ...]] = (),
    ) -> Iterator[Association]:
        server = self.server
        entity = AE(server.calling_aet)
        entity.connection_timeout, entity.acse_timeout = CONNECT_S, CONNECT_S
        entity.dimse_timeout, entity.network_timeout = ANSWER_S, ANSWER_S
        tls = (tls_context(server.ca_file, server.cert_file), server.host) if server.tls else None
        place, more = (server.host, server.port), (list(roles), list(handlers))
        try:
            asked = entity.associate(
                *place, contexts, server.called_aet, ext_neg=more[0], evt_handlers=more[1], tls_args=tls
            )
        except OSError as error:  # its name is not known
            raise self._unreachable(error) from error
        try:
            if not asked.is_established:
                raise self._refusal(asked)
            yield asked
            asked.release()
        finally:
            if not asked.is_released:
                asked.abort()

    def _refusal(self, asked: Association) -> OnfhError:
        """Why there is no association."""
        said = asked.acceptor.primitive
        if asked.is_rejected and said is not None:
            problem = f"rejects the association: {said.reason_str} ({said.result_str})"
            if said.result == 2:  # rejected transient, PS3.8, 9.3.4
                return PacsUnreachable(self.name, problem, _AGAIN)
            titles = f"called_aet {self.server.called_aet!r}, calling_aet {self.server.calling_aet!r}"
            return AssociationRejected(self.name, problem, f"Correct {titles}, or have the server know this program")
        if asked.rejected_contexts:
            services = ", ".join(
                str(one.abstract_syntax.name) for one in asked.rejected_contexts if one.abstract_syntax
            )
            return PacsError(self.name, f"does not offer {services}", "Have who runs it allow it to this program")
        return self._not_connected()

    def _not_connected(self) -> OnfhError:
        """What a connection comes to that carries no request."""
        server = self.server
        try:
            with socket.create_connection((server.host, server.port), CONNECT_S) as plain:
                if server.tls:
                    tls_context(server.ca_file, server.cert_file).wrap_socket(
                        plain, server_hostname=server.host
                    ).close()
        except (ssl.SSLError, ConnectionResetError) as error:
            problem = f"does not complete the TLS connection ({error.strerror or error})"
            return PacsTlsError(self.name, problem, "Check its port and ca_file; nothing was sent without TLS")
        except OSError as error:
            return self._unreachable(error)
        remedy = _AGAIN if server.tls else f"{_AGAIN}; if its port is one for TLS, say tls = true"
        return PacsUnreachable(self.name, "ended the connection without an answer", remedy)

    def _unreachable(self, error: OSError) -> PacsUnreachable:
        return PacsUnreachable(self.name, f"cannot be reached ({error.strerror or error})", _AGAIN)

    @contextmanager
    def _listening(self, port: int, received: _Received) -> Iterator[None]:
        """Listen for what C-MOVE sends: from this server and for the title of this program alone."""
        server = self.server
        entity = AE(server.calling_aet)
        entity.require_called_aet, entity.require_calling_aet = True, [server.called_aet]
        for kind, syntaxes in STORAGE.items():
            entity.add_supported_context(kind, list(syntaxes))
        tls = tls_context(server.ca_file, server.cert_file, listens=True) if server.tls else None
        try:
            listener = entity.start_server(("", port), block=False, ssl_context=tls, evt_handlers=received.handlers)
        except OSError as error:
            problem = f"cannot be listened at ({error.strerror or error})"
            raise PacsError(f"move_port {port}", problem, "Name a free port, which the server knows") from error
        with nullcontext(listener):
            try:
                yield
            finally:
                if listener is not None:
                    listener.shutdown()


class _Received:
    """What arrives by C-STORE, handed on by one thread at a time.

    Attributes:
        error: Why an object was not kept.
    """

    def __init__(self, keep: Callable[[bytes], None]) -> None:
        self._keep, self._one_at_a_time = keep, threading.Lock()
        self.error: OnfhError | None = None
        self.handlers: list[Any] = [(evt.EVT_C_STORE, self._store)]

    def _store(self, event: evt.Event) -> int:
        with self._one_at_a_time:
            if self.error is None:
                try:
                    self._keep(event.encoded_dataset())
                except OnfhError as error:  # pynetdicom would log it, and go on
                    self.error = error
        return 0x0000 if self.error is None else 0xA700


def _identifier(level: Level, keys: Mapping[str, str]) -> Dataset:
    from pydicom import Dataset

    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier
