"""Settings of a PACS: every key is checked before anything is sent, and passwords are kept from others."""

import pytest

from onfh_nnunet.core.errors import PacsSettingsError
from onfh_nnunet.pacs.settings import DimseServer, WebServer, read_settings

DIMSE = {"host": '"pacs"', "port": "104", "called_aet": '"PACS"', "calling_aet": '"ONFH"', "tls": "false"}
WEB = {"url": '"https://pacs/dicom-web/"', "tls": "true"}


@pytest.fixture
def settings(tmp_path):
    """Write a table with changes, and read it; a change to None leaves a key out."""

    def read(table, **changes):
        keys = (DIMSE if table == "dimse" else WEB) | changes
        lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        (tmp_path / "pacs.toml").write_text("\n".join([f"[{table}]", *lines]))
        return read_settings(tmp_path / "pacs.toml")

    return read


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").write_text("tell-nobody\n")
    (tmp_path / "secret").chmod(0o600)
    return tmp_path / "secret"


def test_what_is_written_is_what_is_meant(settings, secret):
    assert settings("dimse") == DimseServer("pacs", 104, "PACS", "ONFH", False)
    assert settings("dimse", move_port="11112").move_port == 11112
    assert settings("dicomweb") == WebServer("https://pacs/dicom-web", True)
    server = settings("dicomweb", user='"onfh"', password_file='"secret"', ca_file='"secret"')
    assert (server.user, server.password, server.ca_file) == ("onfh", "tell-nobody", secret)
    assert "tell-nobody" not in f"{server} {server!r}"


def test_a_password_comes_from_a_variable_or_a_private_file(settings, secret, monkeypatch):
    monkeypatch.setenv("PACS_PASSWORD", "of-the-shell")
    assert settings("dicomweb", user='"onfh"', password_env='"PACS_PASSWORD"').password == "of-the-shell"
    secret.chmod(0o640)
    with pytest.raises(PacsSettingsError, match=r"can be read by others than you.*chmod 600"):
        settings("dicomweb", user='"onfh"', password_file='"secret"')


@pytest.mark.parametrize(
    ("table", "changes", "match"),
    [
        ("dimse", {"host": None}, "host is missing"),
        ("dimse", {"tls": None}, "tls is missing"),
        ("dimse", {"tls": '"no"'}, "tls is 'no', expected true or false"),
        ("dimse", {"port": "0"}, "port is 0, expected a port"),
        ("dimse", {"port": "true"}, "port is True, expected a port"),
        ("dimse", {"called_aet": '"LONGER THAN SIXTEEN"'}, "called_aet is 'LONGER"),
        ("dimse", {"host": '"pacs/../x"'}, "host is"),
        ("dimse", {"hots": '"x"'}, "hots is unknown, expected ca_file"),
        ("dimse", {"cert_file": '"absent"'}, "cert_file is given with tls = false"),
        ("dimse", {"ca_file": '"absent"'}, "absent, which is not a file"),
        ("dicomweb", {"password": '"x"'}, "holds a password"),
        ("dicomweb", {"user": '"x"'}, "user and password are not both given"),
        ("dicomweb", {"user": '"x"', "password_env": '"ONFH_ABSENT"'}, "ONFH_ABSENT is not set"),
        ("dicomweb", {"user": '"x"', "password_env": '"A"', "password_file": '"b"'}, "are both given"),
        ("dicomweb", {"url": '"http://pacs"'}, "expected https://"),
        ("dicomweb", {"url": '"https://pacs"', "tls": "false"}, "expected http://"),
        ("dicomweb", {"url": '"https://u:p@pacs"'}, "holds more than a server and a path"),
        ("dicomweb", {"orthanc": '"http://pacs"'}, "orthanc is 'http://pacs', expected https"),
        ("smtp", {}, r"holds smtp, expected one table, \[dimse\] or \[dicomweb\]"),
        ("dimse", {"x": "1\n[dicomweb]"}, "holds dicomweb, dimse, expected one table"),
        ("dimse", {"x": "="}, "is not TOML"),
    ],
)
def test_what_is_wrong_is_refused_by_name(settings, table, changes, match):
    with pytest.raises(PacsSettingsError, match=match):
        settings(table, **changes)
