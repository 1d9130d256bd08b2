"""What libraries would do unasked when they are imported, and do not do here: send usage data, write into the home.

Looked at, with an audit hook in every command: OpenVINO imports `openvino_telemetry`, which sends an event to an
analytics server and keeps a client id in the user's home; matplotlib writes a font cache and a settings folder there.
nnU-Net, torch, timm, huggingface_hub, pydicom and the others ask for no network unless they are told to download.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from onfh_nnunet.core.scratch import private_folder


def import_openvino() -> Any:
    """The module `openvino`, imported with its telemetry package absent: it then takes a stub that does nothing."""
    # None in sys.modules is Python's own way to say that a module cannot be imported
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def home_untouched() -> dict[str, str]:
    """Environment variables that keep libraries from writing into the user's home; what the user set stays."""
    return {"MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR") or str(private_folder() / "matplotlib")}
