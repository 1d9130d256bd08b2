"""DIMSE and DICOMweb against a real Orthanc: what is stored, found and fetched, and what a refusal says."""

import shutil
import ssl
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydicom import dcmread

from onfh_nnunet.core.errors import (
    AssociationRejected,
    DuplicateInstance,
    OnfhError,
    PacsError,
    PacsLoginError,
    PacsTlsError,
    PacsUnreachable,
)
from onfh_nnunet.pacs.archive import archive_of
from onfh_nnunet.pacs.fetch import NothingToFetch, fetch_study
from onfh_nnunet.pacs.query import Query, find_studies
from onfh_nnunet.pacs.retry import retried
from onfh_nnunet.pacs.settings import read_settings
from onfh_nnunet.pacs.store import read_identity, store_files
from tests.helpers.orthanc import AET, Wire, free_port, running, write_settings
from tests.pacs.conftest import STUDY

pytestmark = [pytest.mark.xdist_group("orthanc"), pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

BOTH = pytest.mark.parametrize("protocol", ["dimse", "dicomweb"])
FETCH_BREAKS_AT = 20_000
"""Bytes: two of the four slices; no answer to a query is as long."""


def uids(files):
    return sorted(file.uid for file in files)


def entries(folder):
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_a_study_is_stored_found_and_fetched_as_it_was(archive, pacs, identities, tmp_path):
    archive.echo()
    assert store_files(archive, identities).sent == tuple(identities)
    assert pacs.stored() == uids(identities)
    (found,) = find_studies(archive, Query(patient_id="P7", date="20260101-20260201"))
    assert (found.study, found.accession, found.modalities, found.images) == (STUDY, "A1", ("MR",), 4)
    assert find_studies(archive, Query(patient_id="P8")) == []
    assert find_studies(archive, Query(patient_id="P7", modality="CT")) == []
    fetched = fetch_study(archive, STUDY, tmp_path / "out", ["MR"])
    assert (fetched.files, fetched.new) == (4, True)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == stat.S_IMODE(fetched.folder.stat().st_mode) == 0o700
    for file in identities:
        assert dcmread(fetched.folder / file.series / f"{file.uid}.dcm") == dcmread(file.path)


def test_what_the_server_holds_is_not_sent_again(archive, pacs, identities):
    assert len(store_files(archive, identities[:1]).sent) == 1
    stored = store_files(archive, [*identities, identities[0]])
    assert (stored.sent, stored.already) == (tuple(identities[1:]), tuple(identities[:1]))
    assert store_files(archive, identities).sent == ()
    assert pacs.stored() == uids(identities)


def test_a_study_that_lies_there_is_not_fetched_again(archive_at, pacs, files, tmp_path):
    pacs.put(*files)
    archive = archive_at("dimse")
    first = fetch_study(archive, STUDY, tmp_path / "out", ["MR"])
    pacs.clear()
    assert fetch_study(archive, STUDY, tmp_path / "out", ["MR"]).folder == first.folder


@BOTH
def test_what_is_not_there_is_refused(archive_at, pacs, files, tmp_path, protocol):
    archive = archive_at(protocol)
    with pytest.raises(NothingToFetch, match="lacks it"):
        fetch_study(archive, STUDY, tmp_path / "out", ["MR"])
    pacs.put(*files)
    with pytest.raises(NothingToFetch, match=rf"no series of SEG: .* holds the study {STUDY} with MR alone"):
        fetch_study(archive, STUDY, tmp_path / "out", ["SEG"])
    assert entries(tmp_path / "out") == []


@BOTH
def test_a_broken_connection_is_repeated_and_leaves_nothing_half(archive_at, pacs, files, tmp_path, protocol):
    pacs.put(*files)
    once = [FETCH_BREAKS_AT] if protocol == "dicomweb" else [None, None, FETCH_BREAKS_AT]
    with Wire(pacs.dicom_port if protocol == "dimse" else pacs.http_port, once) as wire:
        assert fetch_study(archive_at(protocol, wire), STUDY, tmp_path / "once", ["MR"]).files == 4
    with (
        Wire(pacs.dicom_port if protocol == "dimse" else pacs.http_port, [FETCH_BREAKS_AT] * 20) as wire,
        pytest.raises(PacsUnreachable, match=r"stopped answering|sent . of the 4"),
    ):
        fetch_study(archive_at(protocol, wire), STUDY, tmp_path / "never", ["MR"])
    assert entries(tmp_path / "never") == []


@BOTH
def test_a_store_that_breaks_goes_on_where_it_stopped(archive_at, pacs, identities, protocol):
    breaks = [FETCH_BREAKS_AT] if protocol == "dicomweb" else [None, FETCH_BREAKS_AT]
    with Wire(pacs.dicom_port if protocol == "dimse" else pacs.http_port, sent_cuts=breaks) as wire:
        stored = store_files(archive_at(protocol, wire), identities)
        assert wire.connections > 1
    assert stored.sent == tuple(identities)
    assert pacs.stored() == uids(identities)


@BOTH
def test_a_server_that_is_away_is_asked_three_times(archive_at, pacs, protocol):
    with Wire(free_port(), [0] * 9) as wire, pytest.raises(PacsUnreachable, match="Check that the server runs"):
        retried(archive_at(protocol, wire).echo)
    assert wire.connections >= 3


def test_an_unknown_title_is_rejected_and_not_asked_again(archive_at, pacs):
    with Wire(pacs.dicom_port) as wire:
        archive = archive_at("dimse", wire, called_aet="OTHER")
        with pytest.raises(AssociationRejected, match=r"Called AE title not recognised .*Correct called_aet 'OTHER'"):
            retried(archive.echo)
        assert wire.connections == 1


def test_a_wrong_password_is_refused_and_not_asked_again(archive_at, pacs, tmp_path, monkeypatch):
    monkeypatch.setenv("ONFH_TEST_PASSWORD", "guessed")
    with Wire(pacs.http_port) as wire:
        archive = archive_at("dicomweb", wire, password_file=None, password_env="ONFH_TEST_PASSWORD")
        with pytest.raises(PacsLoginError, match="does not accept the password"):
            retried(archive.echo)
        assert wire.connections == 1
    with pytest.raises(PacsLoginError, match="without a password"):
        archive_at("dicomweb", password_file=None, user=None).echo()


@BOTH
def test_where_tls_is_asked_nothing_goes_without_it(archive_at, pacs, identities, protocol):
    changes = {"url": pacs.web.replace("http:", "https:"), "orthanc": None} if protocol == "dicomweb" else {}
    archive = archive_at(protocol, tls=True, **changes)
    with pytest.raises(PacsTlsError, match="nothing was sent without TLS"):
        store_files(archive, identities)
    assert pacs.stored() == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_over_tls_a_study_goes_there_and_back_and_a_stranger_is_not_trusted(identities, tmp_path, running_orthanc):
    certificate, key = (tmp_path / name for name in ("certificate.pem", "key.pem"))
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {certificate}"
    made += " -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:TRUE"
    subprocess.run(made.split(), check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    folder = tmp_path / "orthanc"
    folder.mkdir()
    dicom = {"DicomTlsCertificate": str(certificate), "DicomTlsPrivateKey": str(key), "DicomTlsEnabled": True}
    trusted = {"DicomTlsTrustedCertificates": str(certificate), "DicomTlsRemoteCertificateRequired": True}
    shown = {"tls": True, "ca_file": "certificate.pem", "cert_file": "both.pem"}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    with running(folder, **dicom, **trusted) as server, Wire(server.http_port, tls=context) as wire:

        def archive(protocol, **changes):
            if protocol == "dicomweb":
                changes |= {"url": f"https://127.0.0.1:{wire.port}/dicom-web", "orthanc": None}
            return archive_of(read_settings(write_settings(tmp_path / "tls.toml", server, protocol, **changes)))

        for protocol in ("dimse", "dicomweb"):
            assert len(store_files(archive(protocol, **shown), identities).sent) == 4
            assert fetch_study(archive(protocol, **shown), STUDY, tmp_path / protocol, ["MR"]).files == 4
            server.clear()
            with pytest.raises(PacsTlsError, match="certificate"):
                archive(protocol, tls=True).echo()
        with pytest.raises(PacsUnreachable, match="if its port is one for TLS, say tls = true"):
            archive("dimse").echo()


def test_two_objects_of_one_uid_are_refused_before_anything_is_sent(archive_at, pacs, identities, tmp_path):
    other = dcmread(identities[1].path)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = identities[0].uid
    other.save_as(tmp_path / "other.dcm")
    with pytest.raises(DuplicateInstance, match=r"other\.dcm: has the SOPInstanceUID of"):
        store_files(archive_at("dimse"), [*identities, read_identity(tmp_path / "other.dcm")])
    assert pacs.stored() == []


def test_a_class_that_the_server_does_not_take_is_refused(archive_at, pacs, files, tmp_path):
    strange = dcmread(files[0])
    strange.SOPClassUID = strange.file_meta.MediaStorageSOPClassUID = "1.2.826.0.1.3680043.8.498.1"
    strange.save_as(tmp_path / "strange.dcm")
    with pytest.raises(PacsError, match="does not"):
        store_files(archive_at("dimse"), [read_identity(tmp_path / "strange.dcm")])


@pytest.mark.parametrize("text", ["../1.2", "1.2/3", "", ".1", "1.2\n"])
def test_a_uid_that_would_lead_elsewhere_is_none(archive_at, tmp_path, text):
    with pytest.raises(OnfhError, match="expected a UID"):
        fetch_study(archive_at("dimse"), text, tmp_path, ["MR"])


def test_a_redirect_is_not_followed(archive_at, identities):
    """Neither a password nor a patient goes to a server that nobody named."""
    asked = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 the name that http.server calls

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        archive = archive_at("dicomweb", url=f"http://127.0.0.1:{server.server_port}/named")
        for request in (archive.echo, lambda: archive.store(identities)):
            with pytest.raises(PacsError, match=r"redirects to .*elsewhere, and only the server that"):
                request()
        server.shutdown()
    assert len(asked) == 2
    assert not any("elsewhere" in path for path in asked)


def test_c_move_takes_objects_of_the_named_server_alone(archive_at, pacs, files, tmp_path):
    """Another title that sends to the port is rejected while a fetch listens."""
    from pynetdicom import AE

    pacs.put(*files)
    archive = archive_at("dimse", move_port=pacs.move_port)
    rejected = []

    def intrude(content):
        intruder = AE("INTRUDER")
        intruder.add_requested_context("1.2.840.10008.5.1.4.1.1.4")
        asked = intruder.associate("127.0.0.1", pacs.move_port, ae_title="ONFH")
        rejected.append(asked.is_rejected)

    archive.retrieve(STUDY, read_identity(files[0]).series, intrude)
    assert rejected == [True] * 4
    assert AET != "INTRUDER"
