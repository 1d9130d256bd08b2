"""Run nnU-Net in a worker process with its own environment.

nnU-Net takes its folders and its number of processes from environment variables that it reads at import. They are set
for the child alone; the user's environment and this process stay as they are.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from onfh_nnunet.core.cores import thread_variables
from onfh_nnunet.core.errors import TrainingError, WorkspaceError
from onfh_nnunet.core.no_telemetry import home_untouched
from onfh_nnunet.core.parent_process import end_with_children
from onfh_nnunet.study.workspace import Workspace


@dataclass(frozen=True)
class Resources:
    """The resources of one worker process.

    Args:
        threads: Threads for arithmetic.
        workers: Processes for augmentation beside it; 0 augments in the training process.
        gpu: Index of the only GPU that it sees; None leaves all visible.
    """

    threads: int
    workers: int = 0
    gpu: int | None = None


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """Context manager: a pipe as standard input of workers; it closes with the block or when this process dies.

    A child that called `end_with_parent` then ends with all processes that it started itself.
    """
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(write)
        os.close(read)


def end_with_parent() -> None:
    """End this worker and the processes it started when its `lifeline` closes; called first in a worker."""

    def wait() -> None:
        os.read(0, 1)
        if hasattr(os, "killpg"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def reporter() -> Callable[[object], None]:
    """In a child: a writer of JSON lines to the parent; whatever nnU-Net prints goes to the log on standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def report(event: object) -> None:
        channel.write(json.dumps(event) + "\n")
        channel.flush()

    return report


def run_worker(
    workspace: Workspace, what: str, command: list[str], share: Resources, life: int, on_line: Callable[[str], None]
) -> None:
    """Run a module of `onfh_nnunet.nnunet` in a worker process, and call `on_line` with each line that it prints.

    Args:
        workspace: Where nnU-Net's folders and the log are.
        what: The worker's name in messages and of its log file, such as ``fold_0``.
        command: Module and arguments.
        share: What the worker may use.
        life: The end of a `lifeline`.
        on_line: Called with each line of standard output.

    Raises:
        TrainingError: The worker failed; the message ends with the last line of its log.
        WorkspaceError: The log cannot be written.
    """
    log = workspace.logs / f"{what}.log"
    arguments = [sys.executable, "-m", f"onfh_nnunet.nnunet.{command[0]}", *command[1:]]
    with (
        _opened(log) as errors,
        subprocess.Popen(
            arguments,
            env=_environment(workspace, share),
            stdin=life,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # a process group of its own, which can be ended as a whole
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                on_line(line)
        except BaseException:  # an interrupt, too: no training goes on behind the user's back
            end_with_children(child)
            raise
    if child.returncode != 0:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        last = lines[-1] if lines else "no output"
        raise TrainingError(what, f"stopped with exit code {child.returncode} ({last})", f"The log is {log}")


def _opened(log: Path) -> IO[str]:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return log.open("w", encoding="utf-8")
    except OSError as error:
        raise WorkspaceError(
            log, f"cannot be written ({error.strerror})", "Check that `work` may be written"
        ) from error


def _environment(workspace: Workspace, share: Resources) -> dict[str, str]:
    environment = (
        os.environ
        | home_untouched()
        | {
            "nnUNet_raw": str(workspace.nnunet_raw.resolve()),
            "nnUNet_preprocessed": str(workspace.nnunet_preprocessed.resolve()),
            "nnUNet_results": str(workspace.nnunet_results.resolve()),
            "nnUNet_n_proc_DA": str(share.workers),
            "nnUNet_def_n_proc": str(max(1, share.workers)),
            **thread_variables(share.threads),
            "PYTHONUNBUFFERED": "1",
        }
    )
    if share.gpu is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        environment["CUDA_VISIBLE_DEVICES"] = (
            visible[share.gpu] if share.gpu < len(visible) and visible[0] else str(share.gpu)
        )
    return environment
