"""nnU-Net's checkpoints, opened without running what a pickle may carry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from onfh_nnunet.errors import TrainingError

# What nnU-Net's own checkpoints hold beside tensors: numpy numbers in the training log.
_NUMBERS: list[Any] = [
    np.float64(0).__reduce__()[0],
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
]


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU.

    Raises:
        TrainingError: It is missing, damaged, or holds anything but tensors, numbers and text.
    """
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(path, f"cannot be opened safely ({reason})", "Train this fold again") from error
    return content
