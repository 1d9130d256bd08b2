"""Loaded by each Python that has this folder in its path: notes every attempt to reach a network.

And every fork once torch is loaded, which copies the locks of its threads in whatever state they are. With
``ONFH_START_METHOD`` processes are started so where a library does not say how; macOS and Windows know ``spawn`` alone.
"""

import os
import sys

_NAMES = ("urllib.Request", "http.client.connect", "smtplib.connect", "ftplib.connect", "webbrowser.open")
_LOG = os.open(os.environ["ONFH_AUDIT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def _hook(event, arguments):
    asked = event in _NAMES or event.startswith(("socket.gethostby", "socket.getaddrinfo"))
    # A Unix socket, of which processes of one machine make use, has a text as its address.
    sent = event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple)
    if event == "os.fork" and "torch" in sys.modules:
        os.write(_LOG, f"fork after torch in {sys.argv}\n".encode())
    if asked or sent:
        os.write(_LOG, f"{event} {arguments!r:.200} in {sys.argv}\n".encode())


sys.addaudithook(_hook)
if "ONFH_START_METHOD" in os.environ:
    import multiprocessing

    multiprocessing.set_start_method(os.environ["ONFH_START_METHOD"], force=True)
