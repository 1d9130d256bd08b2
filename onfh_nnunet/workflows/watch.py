"""Studies as they arrive: each is predicted once, and its results are stored back."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.atomic_files import require_output_apart
from onfh_nnunet.core.choices import AnyPath
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import OnfhError, PacsUnreachable, ReadError, WorkspaceError
from onfh_nnunet.core.folder_lock import locked_output
from onfh_nnunet.core.folder_record import require_no_other
from onfh_nnunet.core.parent_process import end_with_children
from onfh_nnunet.core.private_folder import write_private
from onfh_nnunet.core.run_log import LOGGER, log_into
from onfh_nnunet.nnunet.worker_process import lifeline
from onfh_nnunet.pacs.archive import archive_of
from onfh_nnunet.pacs.orthanc_changes import OrthancChanges
from onfh_nnunet.pacs.retry import retried
from onfh_nnunet.pacs.settings import read_settings
from onfh_nnunet.pacs.study_queue import State, StudyQueue
from onfh_nnunet.workflows.arrivals import Arrivals, FolderArrivals, OrthancArrivals
from onfh_nnunet.workflows.study_job import Report, StudyJob, incoming

__all__ = ["State", "Watch", "watch", "watching"]

LOOK_EVERY_S = 10.0
SETTLE_S = 60.0
"""How long a study in a folder must not change to be complete; Orthanc's own StableAge is as long by default."""

WORKER = "onfh_nnunet.workflows.watched_study"
"""The module that works on a study."""

OnStudy = Callable[[str, State, str], None]
"""Called with a study, where it stands now, and why."""


@dataclass(frozen=True)
class Watch:
    """What is watched, and how.

    Args:
        server: The settings file of the server that results are stored to, and at which studies arrive.
        out: OUT: masks, tables, and the queue in ``private/queue.sqlite``.
        folder: Where studies arrive instead; each entry is one.
        model: The model file; None takes the bundled demo model.
        device: What computes.
        worker: The module that works on a study.
        settle_s: How long a study in the folder must not change to be complete.
        clock: The time, in seconds since 1970.
    """

    server: Path
    out: Path
    folder: Path | None = None
    model: Path | None = None
    device: Device = Device.AUTO
    worker: str = WORKER
    settle_s: float = SETTLE_S
    clock: Callable[[], float] = time.time

    def job(self, study: str) -> StudyJob:
        """The work on a study."""
        return StudyJob(study, self.out, self.server, self.folder, self.model, self.device)


def watch(
    server: AnyPath,
    out: AnyPath,
    on_study: OnStudy = lambda _study, _state, _reason: None,
    *,
    folder: AnyPath | None = None,
    model: AnyPath | None = None,
    device: Device = Device.AUTO,
    once: bool = False,
) -> None:
    """Predict studies as they arrive, and store DICOM SEG, SR and PDF of each; until it is interrupted.

    Each study is worked on once, also where this process or the work on it is killed: a queue on disk says where each
    stands. A study whose work ends twice with its process is set aside.

    Args:
        server: The settings file of the server; ``[dicomweb]`` with ``orthanc`` unless a folder is watched.
        out: OUT of ``onfh predict``, one for all studies.
        on_study: Called whenever the state of a study changes.
        folder: A folder in which studies arrive instead; each entry is one.
        model: The model file; default: the bundled demo model.
        device: What computes.
        once: Whether to look once, work on what waits, and end.

    Raises:
        PacsError: The settings cannot be used, or the server refuses; or, with `once`, it cannot be reached.
        OnfhError: The model, the device or `out` cannot be used.
    """
    incoming_folder, model_file = (None if one is None else Path(one) for one in (folder, model))
    watched = Watch(Path(server), Path(out), incoming_folder, model_file, device)
    with watching(watched, on_study) as look:
        while True:
            try:
                look()
            except PacsUnreachable as error:
                if once:
                    raise
                LOGGER.warning("%s", error)
            if once:
                return
            time.sleep(LOOK_EVERY_S)


@contextlib.contextmanager
def watching(watched: Watch, on_study: OnStudy) -> Iterator[Callable[[], None]]:
    """Hold OUT; what is yielded looks once and works on all that waits.

    Raises:
        OnfhError: See `watch`.
    """
    settings = read_settings(watched.server)
    arrivals: Arrivals
    if watched.folder is None:
        arrivals = OrthancArrivals(OrthancChanges(settings))
    else:
        arrivals = FolderArrivals(watched.folder, watched.settle_s, watched.clock)
        if not watched.folder.is_dir():
            raise ReadError(watched.folder, "is not a folder", "Give the folder in which studies arrive")
    require_output_apart(watched.out, [watched.folder] if watched.folder else [])
    require_no_other(watched.out, "results of onfh predict")
    queue_file = _private(watched.out) / "queue.sqlite"
    with locked_output(queue_file, "onfh watch"), StudyQueue.open(queue_file) as queue, lifeline() as life:
        retried(archive_of(settings).echo)
        log_into(watched.out)
        for study, state in queue.recover():
            on_study(study, state, queue.states()[study][1])

        def look() -> None:
            arrivals.look(queue)
            while (study := queue.begin()) is not None:
                if not _work_on(study, watched, queue, on_study, life):
                    return

        yield look


def _work_on(study: str, watched: Watch, queue: StudyQueue, on_study: OnStudy, life: int) -> bool:
    """Work on a study; whether the server could be reached."""
    _forget_fetched(watched.out)
    try:
        report = _in_process(watched.job(study), watched.worker, life)
    except BaseException:  # an interrupt: it waits for the next start
        queue.put_back(study)
        raise
    finally:
        _forget_fetched(watched.out)
    if isinstance(report, str):
        state, reason = queue.died(study, report), report
    elif report.state is State.WAITING:
        queue.put_back(study)
        if report.stop:
            raise OnfhError(*report.stop)
        state, reason = State.WAITING, report.reason
    else:
        state, reason = report.state, report.reason
        queue.end(study, state, reason)
    LOGGER.info("%s is %s: %s", study, state, reason)
    on_study(study, state, reason)
    return state is not State.WAITING or isinstance(report, str)


def _in_process(job: StudyJob, worker: str, life: int) -> Report | str:
    """Work on a study in a process of its own, which ends with this one; its report, or how it ended without one."""
    place, log = (job.out / "private" / name for name in ("job.json", "worker.log"))
    write_private(place, job.text.encode())
    write_private(log, b"")
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, "-m", worker, str(place)],
            stdin=life,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # a process group of its own, which can be ended as a whole
        ) as child,
    ):
        try:
            said = child.communicate()[0]
        except BaseException:
            end_with_children(child)
            raise
    if lines := said.splitlines():
        return Report.of(json.loads(lines[-1]))
    how = f"exit code {child.returncode}" if child.returncode >= 0 else signal.Signals(-child.returncode).name
    last = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()][-1:]
    return ": ".join([how, *last])


def _forget_fetched(out: Path) -> None:
    """Remove what was fetched of a study: it lies at the server."""
    shutil.rmtree(incoming(out), ignore_errors=True)


def _private(out: Path) -> Path:
    place = out / "private"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created ({error.strerror})"
        raise WorkspaceError(place, problem, "Check that you may write to the folder") from error
    return place
