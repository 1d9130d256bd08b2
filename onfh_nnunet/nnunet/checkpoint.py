"""nnU-Net checkpoints, loaded without executing code from a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onfh_nnunet.core.errors import TrainingError

_SCALAR: Any = np.float64(0).__reduce__()[0]

# What nnU-Net's own checkpoints hold beside tensors: numpy numbers in the training log, by numpy's name before 2.0 too.
_NUMBERS: list[Any] = [
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),
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
        problem = "cannot be opened safely: it is damaged, or holds more than tensors, numbers and text"
        raise TrainingError(path, problem, "Train this fold again") from error
    return content


def foreign_names(path: Path) -> list[str]:
    """The functions that a checkpoint would call when loaded, beyond tensors, numbers and text; none is called.

    Raises:
        TrainingError: It is missing or damaged.
    """
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception as error:
        problem = "cannot be read: it is missing, damaged, or not a file of torch.save"
        raise TrainingError(path, problem, "Give a whole file, as torch.save writes it") from error


def essentials(content: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a checkpoint that nnU-Net needs to predict: tensors, text and numbers.

    Raises:
        KeyError: It lacks one of them.
        TypeError: One of them is of another kind.
    """
    axes = content.get("inference_allowed_mirroring_axes")
    return {
        "network_weights": {str(name): tensor.detach() for name, tensor in content["network_weights"].items()},
        "init_args": {"configuration": str(content["init_args"]["configuration"])},
        "trainer_name": str(content["trainer_name"]),
        "inference_allowed_mirroring_axes": None if axes is None else tuple(map(int, axes)),
    }
