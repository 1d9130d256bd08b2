"""A small study, and the ways to speak to a server."""

import gc
import warnings

import pytest

from onfh_nnunet.core.grid import Grid
from onfh_nnunet.pacs.archive import archive_of
from onfh_nnunet.pacs.settings import read_settings
from onfh_nnunet.pacs.store import read_identity
from tests.helpers.dicom_files import AXIAL, noise, write_series
from tests.helpers.orthanc import write_settings

SLICES = Grid((4, 64, 64), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0), AXIAL)
STUDY = "1.2.826.0.1.3680043.8.498.90"
NAMES = {"StudyInstanceUID": STUDY, "PatientID": "P7", "StudyDate": "20260131", "AccessionNumber": "A1"}


@pytest.fixture(autouse=True)
def _sockets_collected():
    """Pynetdicom drops the socket of a connection that failed without closing it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def files(tmp_path):
    """The four slices of a study."""
    return write_series(tmp_path / "study", noise(SLICES), **NAMES)


@pytest.fixture
def identities(files):
    return [read_identity(file) for file in files]


@pytest.fixture
def settings_of(pacs, tmp_path):
    """The settings of the server in a protocol, where a port may be that of a wire to it."""

    def settings(protocol, wire=None, **changes):
        if wire is not None:
            changes["port" if protocol == "dimse" else "url"] = (
                wire.port if protocol == "dimse" else f"http://127.0.0.1:{wire.port}/dicom-web"
            )
        return write_settings(tmp_path / f"{protocol}.toml", pacs, protocol, **changes)

    return settings


@pytest.fixture
def archive_at(settings_of):
    def archive(protocol, wire=None, **changes):
        return archive_of(read_settings(settings_of(protocol, wire, **changes)))

    return archive


@pytest.fixture(params=["C-GET", "C-MOVE", "dicomweb"])
def archive(request, archive_at, pacs):
    if request.param == "dicomweb":
        return archive_at("dicomweb")
    return archive_at("dimse", move_port=pacs.move_port if request.param == "C-MOVE" else None)
