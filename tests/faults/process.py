"""``onfh`` in a process of its own that shares what is imported already, watched until it and all it started are gone.

The driver has one thread, imports what the commands import, and forks: a run then takes as long as its work. It drops
root's rights, which no disk refuses anything. Orphans become the driver's children (Linux), so none is overlooked.
"""

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from onfh_nnunet.core.no_telemetry import import_openvino

LIMIT_S = 600
"""A run that takes longer hangs; a calm one takes seconds."""

GRACE_S = 20
"""What a process has started may take so long to end with it."""

_SUBREAPER, _DROP_FROM_BOUNDS = 36, 24
_OVERRIDING = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""

_CAPABILITIES_3 = 0x20080522
_MODULES = "modules.txt"
_NOT_HERE = ("tests", "__main__", "__mp_main__", "torch.", "openvino_telemetry")
"""Of torch, the parts that others import come with them; by their own names some start threads."""


def drop_rights() -> None:
    """Be refused by permissions from here on, as root is not: without the capabilities that override them."""
    if os.getuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for right in _OVERRIDING:
        libc.prctl(_DROP_FROM_BOUNDS, right, 0, 0, 0)  # a program that it starts does not have it, either
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for place in range(3):  # effective, permitted, inheritable
        sets[place] &= ~sum(1 << right for right in _OVERRIDING)
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Args:
        code: Its exit code; minus the signal that ended it; None where it hung.
        said: What it printed.
        seconds: How long it took.
        survivors: What it had started and what went on without it.
    """

    code: int | None
    said: str
    seconds: float
    survivors: tuple[str, ...]


class Run:
    """A command that runs in the box.

    Args:
        box: Its folder.
        words: Its arguments.
        limit: Called in the new process before the command.
        number: Tells two runs at once apart.
        cold: Words before a new Python, such as ``faketime``, instead of a fork of the driver.
    """

    def __init__(
        self,
        box: Path,
        words: Sequence[str],
        limit: Callable[[], None] = lambda: None,
        number: int = 0,
        cold: Sequence[str] | None = None,
    ) -> None:
        self._log = box.parent / f"said{number}.txt"
        self._began = time.monotonic()
        environment = os.environ | {"TMPDIR": str(box / "tmp"), "HOME": str(box / "tmp"), "TZ": "UTC"}
        if cold is None:
            self.pid = os.fork()
            if self.pid == 0:
                _be_onfh(box, words, limit, self._log, environment)
            return

        def prepare() -> None:
            drop_rights()
            limit()

        command = [*cold, sys.executable, "-m", "onfh_nnunet", *words]
        with self._log.open("wb") as log:
            self.pid = subprocess.Popen(
                command, cwd=box, env=environment, stdout=log, stderr=log, preexec_fn=prepare, start_new_session=True
            ).pid

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, until_s: float | None = None) -> int | None:
        """Its exit code; None if it still runs at the time."""
        end = self._began + LIMIT_S if until_s is None else time.monotonic() + until_s
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        return None

    def ended(self, code: int | None) -> Ended:
        """What it left after `wait`; whatever still runs is killed."""
        seconds = time.monotonic() - self._began
        survivors = tuple(_survivors(0 if code is None else GRACE_S))
        return Ended(code, self._log.read_text(errors="replace"), seconds, survivors)


def _be_onfh(
    box: Path, words: Sequence[str], limit: Callable[[], None], log: Path, environment: dict[str, str]
) -> None:
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(out, 1), os.dup2(out, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
        names = os.open(box.parent / _MODULES, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        drop_rights()
        os.chdir(box)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["onfh", *words]
        sys.modules["__main__"] = types.ModuleType("__main__")  # new processes import the command, not this driver
        import tempfile

        tempfile.tempdir = None
        from onfh_nnunet import cli

        limit()
        try:
            cli.run()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        for number in (signal.SIGTERM, signal.SIGINT):  # from here on it is the driver's code that runs
            signal.signal(number, signal.SIG_IGN)
        threading._shutdown()  # type: ignore[attr-defined]
        os.write(names, "\n".join(sys.modules).encode())
    except BaseException:  # noqa: BLE001 - as Python does at its end
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            import atexit

            atexit._run_exitfuncs()
        os._exit(code)


def adopt_orphans() -> None:
    """Become the parent of processes whose own one is gone, and stay without further threads."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def import_what_it_imported(box: Path) -> None:
    """Import in the driver what the last forked run imported."""
    import warnings

    names = (box.parent / _MODULES).read_text().splitlines()
    if "openvino" in names:
        import_openvino()
    for name in names:
        if not name.startswith(_NOT_HERE) and name not in sys.modules:
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(name)
    assert threading.active_count() == 1, threading.enumerate()


def bounded_memory(extra: int) -> Callable[[], None]:
    """A limit on the address space: what the process has, and so many bytes more."""

    def limit() -> None:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + extra, taken + extra))

    return limit


def _survivors(grace_s: float) -> list[str]:
    end = time.monotonic() + grace_s
    while (left := _alive()) and time.monotonic() < end:
        time.sleep(0.05)
    said = []
    for one in left:
        with contextlib.suppress(psutil.Error):
            said.append(" ".join(one.cmdline())[-100:])
            one.kill()
    while _alive():
        time.sleep(0.02)
    return said


def _alive() -> list[psutil.Process]:
    """All processes that the driver's runs started and that are not gone; the dead ones are taken from the table."""
    found = psutil.Process().children(recursive=True)
    for one in found:
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if one.status() == psutil.STATUS_ZOMBIE and one.ppid() == os.getpid():
                os.waitpid(one.pid, os.WNOHANG)
    return [one for one in found if one.is_running() and _status(one) != psutil.STATUS_ZOMBIE]


def _status(one: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return one.status()
    return psutil.STATUS_ZOMBIE
