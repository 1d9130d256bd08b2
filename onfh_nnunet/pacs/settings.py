"""Settings of the server of a PACS: a small TOML file with one table, ``[dimse]`` or ``[dicomweb]``.

All keys are checked before anything is sent, and whether the connection is encrypted must be stated. A password never
stands in the file, nor on the command line: the file names an environment variable, or a file that its owner alone may
read.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from onfh_nnunet.core.errors import PacsSettingsError
from onfh_nnunet.core.user_files import read_text, refused_whole

_AE_TITLE = re.compile(r"(?! +$)[\x20-\x5b\x5d-\x7e]{1,16}")
"""DICOM PS3.5, 6.2: up to 16 printable characters without backslash, not only spaces."""

_HOST = re.compile(r"[A-Za-z0-9._:-]+")


@dataclass(frozen=True)
class DimseServer:
    """A server that is spoken to by DIMSE.

    Args:
        host: Its name or address.
        port: Its port.
        called_aet: Its application entity title.
        calling_aet: The title of this program, which the server must know.
        tls: Whether the connection is encrypted.
        ca_file: Certificates that its own must follow from; None takes the system's.
        cert_file: Certificate and private key of this program (PEM), where the server asks for one.
        move_port: Where this program listens while it fetches by C-MOVE; None fetches by C-GET.
    """

    host: str
    port: int
    called_aet: str
    calling_aet: str
    tls: bool
    ca_file: Path | None = None
    cert_file: Path | None = None
    move_port: int | None = None

    def __str__(self) -> str:
        """The server in messages."""
        return f"{self.called_aet} at {self.host}:{self.port}"


@dataclass(frozen=True)
class WebServer:
    """A server that is spoken to by DICOMweb.

    Args:
        url: The root of its services; with ``https`` where `tls` is true.
        tls: Whether the connection is encrypted.
        user: Who logs in; None where nobody must.
        password: The user's; it is in no message and no `repr`.
        ca_file: Certificates that its own must follow from; None takes the system's.
        cert_file: Certificate and private key of this program (PEM), where the server asks for one.
        orthanc: The root of the REST interface of an Orthanc, which tells what arrives.
    """

    url: str
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    orthanc: str | None = None

    def __str__(self) -> str:
        """The server in messages."""
        return self.url


Server = DimseServer | WebServer


def read_settings(path: Path) -> Server:
    """Read and check the settings of a server.

    Files that it names are relative to it.

    Raises:
        PacsSettingsError: A key is missing, unknown or wrong, or a password is open to others.
        ReadError: The file cannot be read.
    """
    try:
        with refused_whole(path):
            text = _text(path)
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PacsSettingsError(path, f"is not TOML ({error})", "Write it as docs/pacs.md shows") from error
    names = sorted(tables)
    if names not in (["dimse"], ["dicomweb"]) or not isinstance(tables[names[0]], dict):
        got = ", ".join(names) or "nothing"
        raise PacsSettingsError(path, f"holds {got}, expected one table, [dimse] or [dicomweb]", "Name one server")
    keys = _Keys(path, f"[{names[0]}]", dict(tables[names[0]]))
    return keys.dimse() if names == ["dimse"] else keys.dicomweb()


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        raise PacsSettingsError(path, "is not UTF-8", "Save it as UTF-8") from error


Kind = TypeVar("Kind", str, int, bool)


@dataclass(frozen=True)
class _Keys:
    """The keys of a table, each checked when it is taken."""

    path: Path
    table: str
    given: dict[str, Any]

    def dimse(self) -> DimseServer:
        self.require_known(DimseServer, set())
        if self.given.get("cert_file") and not self.required("tls", bool):
            raise self.error("cert_file is given with tls = false", "Say tls = true, or leave it out")
        return DimseServer(
            self.required("host", str, _HOST.fullmatch),
            self.required("port", int, _is_port),
            self.required("called_aet", str, _AE_TITLE.fullmatch).strip(),
            self.required("calling_aet", str, _AE_TITLE.fullmatch).strip(),
            self.required("tls", bool),
            self.file("ca_file"),
            self.file("cert_file"),
            self.optional("move_port", int, _is_port),
        )

    def dicomweb(self) -> WebServer:
        self.require_known(WebServer, {"password_env", "password_file"})
        tls = self.required("tls", bool)
        user, password = self.optional("user", str, bool), self.password()
        if (user is None) != (password is None):
            raise self.error("user and password are not both given", "Give user, and password_env or password_file")
        return WebServer(
            self.url("url", tls) or "",
            tls,
            user,
            password,
            self.file("ca_file"),
            self.file("cert_file"),
            self.url("orthanc", tls) if "orthanc" in self.given else None,
        )

    def require_known(self, kind: type[Server], more: set[str]) -> None:
        if "password" in self.given:
            problem = "holds a password, which whoever reads the file could read"
            raise self.error(problem, "Take it out; name a variable by password_env, or a file by password_file")
        known = {one.name for one in fields(kind)} - {"password"} | more
        if unknown := sorted(set(self.given) - known):
            raise self.error(f"{unknown[0]} is unknown, expected {', '.join(sorted(known))}", "Correct it")
        needed = [one.name for one in fields(kind) if one.default is MISSING and one.name not in self.given]
        if needed:
            raise self.error(f"{needed[0]} is missing", "Add it, as docs/pacs.md shows")

    def required(self, key: str, kind: type[Kind], fits: Callable[[Kind], object] = lambda _value: True) -> Kind:
        value = self.given[key]
        if type(value) is not kind or not fits(value):
            expected = {str: "a text that is valid there", int: "a port, 1 to 65535", bool: "true or false"}[kind]
            raise self.error(f"{key} is {value!r}, expected {expected}", "Correct it")
        return value

    def optional(self, key: str, kind: type[Kind], fits: Callable[[Kind], object]) -> Kind | None:
        return self.required(key, kind, fits) if key in self.given else None

    def url(self, key: str, tls: bool) -> str:
        value = self.required(key, str)
        scheme = "https" if tls else "http"
        parts = urlsplit(value)
        if parts.scheme != scheme or not parts.hostname:
            raise self.error(f"{key} is {value!r}, expected {scheme}://... with tls = {str(tls).lower()}", "Correct it")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise self.error(f"{key} holds more than a server and a path", "Give user and password apart")
        return value.rstrip("/")

    def file(self, key: str) -> Path | None:
        if key not in self.given:
            return None
        file = self.path.parent / self.required(key, str, bool)
        if not file.is_file():
            raise self.error(f"{key} is {file}, which is not a file", "Correct it")
        return file

    def password(self) -> str | None:
        if {"password_env", "password_file"} <= set(self.given):
            raise self.error("password_env and password_file are both given", "Leave one out")
        if name := self.optional("password_env", str, bool):
            if not (password := os.environ.get(name)):
                raise self.error(f"the environment variable {name} is not set", f"Set {name} to the password")
            return password
        file = self.file("password_file")
        return self.private_text(file) if file else None

    def private_text(self, file: Path) -> str:
        with refused_whole(file):
            found = file.stat()
            others = stat.S_IMODE(found.st_mode) & 0o077
            if hasattr(os, "getuid") and (others or found.st_uid not in (os.getuid(), 0)):
                problem = f"{file} can be read by others than you, expected a password for you alone"
                raise self.error(problem, f"Run chmod 600 {file}")
            text = _text(file).strip("\r\n")
        if not text:
            raise self.error(f"{file} is empty, expected a password", "Write the password into it")
        return text

    def error(self, problem: str, remedy: str) -> PacsSettingsError:
        return PacsSettingsError(f"{self.path} {self.table}", problem, remedy)


def _is_port(value: int) -> bool:
    return 1 <= value <= 65535
