"""HTTP to one server: no redirect is followed, no proxy and no password is taken from elsewhere."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any

import requests

from onfh_nnunet.core.errors import (
    OnfhError,
    PacsError,
    PacsLoginError,
    PacsTlsError,
    PacsUnreachable,
)
from onfh_nnunet.pacs.settings import WebServer
from onfh_nnunet.pacs.tls import tls_context

TIMEOUT_S = (10.0, 60.0)
"""How long a connection and an answer may take."""

_AGAIN = "Check that the server runs, and run again: what was done stays"
_MAY_PASS = (408, 429, 500, 502, 503, 504)
"""What a server answers that is busy, or behind one that cannot reach it."""


class OneServer(requests.Session):
    """A session with the server that the settings name, and no other."""

    def __init__(self, server: WebServer) -> None:
        super().__init__()
        self.trust_env = False  # proxies, .netrc and certificates of the environment would name others
        if server.user is not None:
            self.auth = (server.user, server.password or "")
        if server.tls:
            tls_context(server.ca_file, server.cert_file)  # refuses files that are no certificates
        self.verify = str(server.ca_file) if server.ca_file else True
        self.cert = str(server.cert_file) if server.cert_file else None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """As any session does; an answer of several parts is watched for its end."""
        request.url = (request.url or "").replace("%2A", "*")  # Orthanc takes an escaped wildcard for a letter
        answer = super().send(request, **options)
        kind = Message()
        kind["content-type"] = answer.headers.get("content-type", "")
        if boundary := kind.get_boundary():
            answer.iter_content = _to_its_end(answer.iter_content, f"--{boundary}--".encode())  # type: ignore[method-assign]
        return answer

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer leads.

        Raises:
            PacsError: It leads anywhere: what is sent would go to a server that nobody named.
        """
        if (target := super().get_redirect_target(resp)) is not None:
            problem = f"redirects to {target}, and only the server that the settings name is spoken to"
            raise PacsError(resp.url.partition("?")[0], problem, "Correct url in the settings")
        return None


def _to_its_end(chunks_of: Callable[..., Iterator[bytes]], end: bytes) -> Callable[..., Iterator[bytes]]:
    """The chunks of an answer; one that was cut off would pass as a whole one with fewer parts."""

    def chunks(*size: Any, **options: Any) -> Iterator[bytes]:
        last = b""
        for chunk in chunks_of(*size, **options):
            last = (last + chunk)[-len(end) - 4 :]
            yield chunk
        if end not in last:
            raise requests.ConnectionError("the answer was cut off")

    return chunks


@contextmanager
def web_errors(server: WebServer) -> Iterator[None]:
    """Turn what goes wrong during a request into a `PacsError` of the reason."""
    try:
        yield
    except OnfhError:
        raise
    except requests.exceptions.SSLError as error:
        problem = f"does not complete the TLS connection ({_reason(error)})"
        raise PacsTlsError(server, problem, "Check its port and ca_file; nothing was sent without TLS") from error
    except requests.HTTPError as error:
        raise _refusal(server, error.response) from error
    except requests.RequestException as error:
        raise PacsUnreachable(server, f"cannot be reached, or stopped answering ({_reason(error)})", _AGAIN) from error
    except Exception as error:  # libraries promise nothing about answers that are no DICOM
        refusal = PacsError(server, "gave an answer that is not DICOMweb", "Check the url in the settings")
        refusal.trace = "".join(traceback.format_exception(error))
        raise refusal from error


def _refusal(server: WebServer, answer: requests.Response | None) -> PacsError:
    code = 0 if answer is None else answer.status_code
    if code in (401, 403):
        who = "the password" if server.user else "a request without a password"
        problem = f"does not accept {who} (HTTP {code})"
        return PacsLoginError(server, problem, "Correct user and password in the settings")
    if code in _MAY_PASS:
        return PacsUnreachable(server, f"is busy or broken (HTTP {code})", _AGAIN)
    return PacsError(server, f"refuses the request (HTTP {code})", "Check the url in the settings, and what is asked")


def _reason(error: BaseException) -> str:
    """The innermost reason of an error, in its own words."""
    inner = [one for one in (getattr(error, "reason", None), *error.args) if isinstance(one, Exception)]
    return _reason(inner[0]) if inner else str(getattr(error, "strerror", None) or error)
