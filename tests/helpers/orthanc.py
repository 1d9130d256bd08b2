"""A real Orthanc on loopback: free ports, a password, a store of its own; ended by its process id.

And a wire in front of it that can be cut after some bytes, to see what a connection that breaks half-way leaves.
"""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
MISSING = "needs Orthanc and its DICOMweb plugin: apt-get install orthanc orthanc-dicomweb"
USER, PASSWORD, AET = "onfh", "tell-nobody", "ARCHIVE"
LONGEST_START_S = 60


def installed():
    return PROGRAM is not None and PLUGIN.is_file()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    http_port: int
    dicom_port: int
    move_port: int

    @property
    def rest(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def web(self):
        return f"{self.rest}/dicom-web"

    def ask(self, path, method="GET", body=None):
        """What its own REST interface answers, as JSON: a way apart from DIMSE and DICOMweb."""
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        asked = urllib.request.Request(self.rest + path, body, {"Authorization": f"Basic {secret}"}, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def put(self, *files):
        """Give it files by its own REST interface."""
        for file in files:
            self.ask("/instances", "POST", Path(file).read_bytes())

    def clear(self):
        for study in self.ask("/studies"):
            self.ask(f"/studies/{study}", "DELETE")

    def stored(self):
        """The SOPInstanceUID of each object that it holds."""
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in self.ask("/instances?expand"))

    def file_of(self, uid):
        """The bytes of an object."""
        (found,) = [one for one in self.ask("/instances?expand") if one["MainDicomTags"]["SOPInstanceUID"] == uid]
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        path = f"{self.rest}/instances/{found['ID']}/file"
        asked = urllib.request.Request(path, headers={"Authorization": f"Basic {secret}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.read()


@contextlib.contextmanager
def running(folder, **changes):
    """Start it with its data in a folder; end it by its process id."""
    server = Orthanc(free_port(), free_port(), free_port())
    (folder / "orthanc.json").write_text(json.dumps(_configuration(folder, server) | changes))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([PROGRAM, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(server.dicom_port, process, folder)
            _wait_for(server.http_port, process, folder)
            yield server
        finally:
            process.kill()  # its store goes with the folder
            process.wait()


def write_settings(file, server, protocol="dicomweb", **changes):
    """A settings file that names a server; a change to None leaves a key out."""
    secret = file.with_name("password")
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    dimse = {"host": "127.0.0.1", "port": server.dicom_port, "called_aet": AET, "calling_aet": "ONFH", "tls": False}
    web = {"url": server.web, "tls": False, "user": USER, "password_file": "password", "orthanc": server.rest}
    keys = {"dimse": dimse, "dicomweb": web}[protocol] | changes
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items() if value is not None]
    file.write_text("\n".join([f"[{protocol}]", *lines, ""]))
    return file


def _configuration(folder, server):
    return {
        "Name": "test",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": server.http_port,
        "DicomPort": server.dicom_port,
        "DicomAet": AET,
        "DicomCheckCalledAet": True,
        "DicomModalities": {"onfh": ["ONFH", "127.0.0.1", server.move_port]},
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "OverwriteInstances": False,
        "StableAge": 1,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _wait_for(port, process, folder):
    end = time.monotonic() + LONGEST_START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, (folder / "orthanc.log").read_text()
        assert time.monotonic() < end, "Orthanc did not start"
        time.sleep(0.05)


class Wire:
    """A port that passes all on to another one, until it is cut.

    Args:
        port: Where it leads.
        cuts: After how many bytes from the server each connection breaks, in their order; later ones do not.
        sent_cuts: The same of bytes to the server.
        tls: How it encrypts what passes on its side; Debian's Orthanc ends when it is asked by HTTPS itself.
    """

    def __init__(self, port, cuts=(), sent_cuts=(), tls=None):
        self._tls = tls
        self._target, self._cuts, self._sent_cuts = port, list(cuts), list(sent_cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._open = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                client = self._tls.wrap_socket(client, server_side=True) if self._tls else client
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            back = self._cuts.pop(0) if self._cuts else None
            there = self._sent_cuts.pop(0) if self._sent_cuts else None
            for source, target, limit in ((server, client, back), (client, server, there)):
                threading.Thread(target=_pump, args=(source, target, limit), daemon=True).start()


def _pump(source, target, limit):
    passed = 0
    with contextlib.suppress(OSError):
        while content := source.recv(4096):
            passed += len(content)
            if limit is not None and passed > limit:
                break
            target.sendall(content)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
