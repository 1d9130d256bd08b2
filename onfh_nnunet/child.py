"""Run nnU-Net in a child process, with an environment of its own.

nnU-Net takes its folders and its number of processes from environment variables that it reads at import. They are set
for the child alone; the user's environment and this process stay as they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from onfh_nnunet.errors import TrainingError, WorkspaceError
from onfh_nnunet.workspace import Workspace


@dataclass(frozen=True)
class Share:
    """What one child may use of the machine.

    Args:
        threads: Threads for arithmetic.
        workers: Processes for augmentation beside it; 0 augments in the training process.
        gpu: Index of the only GPU that it sees; None leaves all visible.
    """

    threads: int
    workers: int = 0
    gpu: int | None = None


def run_child(
    workspace: Workspace, what: str, command: list[str], share: Share, on_line: Callable[[str], None]
) -> None:
    """Run a module of `onfh_nnunet.nnunet` and hand over each line that it prints.

    Args:
        workspace: Where nnU-Net's folders and the log are.
        what: The child's name in messages and of its log file, such as ``fold_0``.
        command: Module and arguments.
        share: What the child may use.
        on_line: Called with each line of standard output.

    Raises:
        TrainingError: The child failed; the message ends with the last line of its log.
        WorkspaceError: The log cannot be written.
    """
    log = workspace.logs / f"{what}.log"
    arguments = [sys.executable, "-m", f"onfh_nnunet.nnunet.{command[0]}", *command[1:]]
    with (
        _opened(log) as errors,
        subprocess.Popen(
            arguments, env=_environment(workspace, share), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                on_line(line)
        except BaseException:  # an interrupt, too: no training goes on behind the user's back
            child.kill()
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
            log, f"cannot be written ({error.strerror})", "Check that --work may be written"
        ) from error


def _environment(workspace: Workspace, share: Share) -> dict[str, str]:
    environment = os.environ | {
        "nnUNet_raw": str(workspace.nnunet_raw.resolve()),
        "nnUNet_preprocessed": str(workspace.nnunet_preprocessed.resolve()),
        "nnUNet_results": str(workspace.nnunet_results.resolve()),
        "nnUNet_n_proc_DA": str(share.workers),
        "nnUNet_def_n_proc": str(max(1, share.workers)),
        "OMP_NUM_THREADS": str(share.threads),
        "PYTHONUNBUFFERED": "1",
    }
    if share.gpu is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        environment["CUDA_VISIBLE_DEVICES"] = (
            visible[share.gpu] if share.gpu < len(visible) and visible[0] else str(share.gpu)
        )
    return environment
