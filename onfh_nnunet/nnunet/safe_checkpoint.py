"""Checkpoints from elsewhere, loaded without executing code, or, when the user trusts them, in a separate process.

A checkpoint of nnU-Net is a pickle, and a pickle may run code when it is opened. torch's restricted unpickler makes
tensors, numbers and text and refuses to call anything else; nnU-Net's own checkpoints hold nothing more. One that does
is refused, unless the user trusts who made it: then it is opened once, in the child process `sandboxed_load`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from onfh_nnunet.core.errors import ModelError, TrainingError
from onfh_nnunet.core.scratch import scratch_folder
from onfh_nnunet.nnunet.checkpoint import essentials, foreign_names, load_checkpoint

_REMEDY = "Ask who made it for a checkpoint as nnUNetv2_train writes it"


def open_checkpoint(path: Path, *, trust_pickle: bool) -> dict[str, Any]:
    """The `essentials` of a checkpoint.

    Args:
        path: The checkpoint.
        trust_pickle: Whether it may call more than makes tensors, numbers and text, in a child process.

    Raises:
        ModelError: It is missing, damaged, no checkpoint of nnU-Net, or asks for trust.
    """
    try:
        names = foreign_names(path)
        if names and not trust_pickle:
            problem = f"is a pickle that calls {', '.join(names)} when it is loaded, expected tensors, numbers and text"
            remedy = "Only if you trust who made it to run code on this machine, give `trust_pickle`"
            raise ModelError(path, problem, remedy)
        return _opened_apart(path) if names else essentials(load_checkpoint(path))
    except TrainingError as error:
        raise ModelError(path, error.problem, _REMEDY) from error
    except KeyError as error:
        raise ModelError(path, f"is not an nnU-Net checkpoint: it lacks {error.args[0]}", _REMEDY) from error
    except ValueError as error:
        raise ModelError(path, f"is not an nnU-Net checkpoint: {error}", _REMEDY) from error
    except (TypeError, AttributeError, OverflowError) as error:
        problem = "is not an nnU-Net checkpoint: its weights, trainer or configuration are of another kind"
        raise ModelError(path, problem, _REMEDY) from error


def _opened_apart(path: Path) -> dict[str, Any]:
    """The same, from a child process with a minimal environment."""
    with scratch_folder() as folder:
        clean = folder / "clean.pth"
        known = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT") if name in os.environ}
        environment = known | {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "onfh_nnunet.nnunet.sandboxed_load", str(path), str(clean)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise ModelError(path, f"cannot be opened ({last})", _REMEDY)
        return load_checkpoint(clean)
