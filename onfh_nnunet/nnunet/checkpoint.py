"""nnU-Net checkpoints, loaded without executing code from a pickle."""

from __future__ import annotations

import re
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


_WRAPPERS = re.compile(r"^(?:module\.|_orig_mod\.)+")
"""What ``DistributedDataParallel`` and ``torch.compile`` put before the name of each tensor of a network."""


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
        "network_weights": _unwrapped(content["network_weights"]),
        "init_args": {"configuration": str(content["init_args"]["configuration"])},
        "trainer_name": str(content["trainer_name"]),
        "inference_allowed_mirroring_axes": None if axes is None else tuple(map(int, axes)),
    }


def _unwrapped(weights: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors by the names that the bare network has, without those of its wrappers.

    Source: ``nnUNetTrainer.load_checkpoint``, which takes ``module.`` off.

    Raises:
        ValueError: Two of them get one name.
    """
    bare = {_WRAPPERS.sub("", str(name)): tensor.detach() for name, tensor in weights.items()}
    if len(bare) < len(weights):
        raise ValueError("a tensor is there twice, inside and outside of a wrapper of the network")
    return bare
