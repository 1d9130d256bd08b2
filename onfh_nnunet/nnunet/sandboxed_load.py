"""Worker process: load one checkpoint that may execute code, and keep only tensors, text and numbers.

From before the checkpoint is opened until the process ends, Python's audit hook (PEP 578) refuses network, programs,
libraries, and every change of a file outside the folder of the result. That stops what is written in Python; it is no
prison, since code that calls the C library past Python is not seen. Hence only with the user's word.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from onfh_nnunet.core.parent_process import killed_with_parent
from onfh_nnunet.nnunet.checkpoint import essentials

_REFUSED = (
    *("socket.", "subprocess.", "ctypes.", "winreg.", "webbrowser.", "urllib.", "http.", "ftplib.", "smtplib."),
    *("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "os.kill", "pty.spawn"),
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"),
    *("os.truncate", "os.utime", "os.setxattr", "os.removexattr", "shutil.", "tempfile.", "sqlite3."),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main(checkpoint: Path, clean: Path) -> None:
    """Write the essentials of a checkpoint as a file that `load_checkpoint` accepts."""
    killed_with_parent()
    sys.addaudithook(_guard(clean.parent.resolve()))
    torch.save(essentials(torch.load(checkpoint, map_location="cpu", weights_only=False)), clean)


def _guard(folder: Path) -> Callable[[str, tuple[Any, ...]], None]:
    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(_REFUSED) or (event == "open" and _writes_outside(folder, *arguments)):
            raise PermissionError(f"the checkpoint calls {event}{arguments!r:.200}, which is refused")

    return guard


def _writes_outside(folder: Path, path: Any, _mode: Any, flags: int) -> bool:
    if not flags & _WRITING or isinstance(path, int):
        return False
    return folder not in Path(os.fsdecode(path)).resolve().parents


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
