"""Imports of libraries without their side effects: usage data sent, files written into the home folder.

Looked at, with an audit hook in every command: OpenVINO imports `openvino_telemetry`, which sends an event to an
analytics server and keeps a client id in the user's home; matplotlib writes a font cache and a settings folder there.
nnU-Net, torch, timm, huggingface_hub, pydicom and the others ask for no network unless they are told to download.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.core.scratch import private_folder


def import_openvino() -> Any:
    """Import `openvino` with its telemetry package blocked; it then uses a stub that does nothing."""
    # None in sys.modules is Python's own way to say that a module cannot be imported
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def import_matplotlib() -> Any:
    """The module `matplotlib`, with its settings and its font cache in our temporary folder.

    It looks up both folders once: afterwards the environment is as it was. Where the caller has imported it before, or
    there is no temporary folder, they stay where they are.
    """
    if "matplotlib" not in sys.modules:
        chosen = os.environ.get("MPLCONFIGDIR")
        try:
            with contextlib.suppress(WorkspaceError):
                os.environ.update(home_untouched())
            import matplotlib

            matplotlib.get_configdir(), matplotlib.get_cachedir()
        finally:
            if chosen is None:
                os.environ.pop("MPLCONFIGDIR", None)
    import matplotlib

    return matplotlib


def home_untouched() -> dict[str, str]:
    """Environment variables that keep libraries from writing into the user's home; the user's own values stay."""
    return {"MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR") or str(private_folder() / "matplotlib")}
