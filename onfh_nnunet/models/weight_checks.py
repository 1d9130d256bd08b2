"""Weights that fit a plan's network: names, shapes, types and finite values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onfh_nnunet.models.bounds import PARAMETERS, WEIGHT
from onfh_nnunet.models.model import Model, Weights
from onfh_nnunet.models.schema import refused, shown, wrong

_OTHER_NETWORK = "Give the plans that it was trained by; a network changed by its trainer is not run"


def require_fitting_weights(model: Model, fold: int, case: object) -> None:
    """Refuse weights whose names, shapes or types differ from the plan's network; values are not read.

    Args:
        model: A model that `require_supported` accepts.
        fold: The fold whose weights are meant.
        case: The fold's name, for the message.

    Raises:
        ModelError: The network is too large; or a tensor is missing, unknown, or of another shape or type.
    """
    expected, weights = _parameters(model), model.weights[fold]
    with refused(case, _OTHER_NETWORK):
        names = _distinct(expected, weights)
        if (count := sum(expected[name].numel() for name in names)) > PARAMETERS:
            raise wrong("parameters", count, f"up to {PARAMETERS}")
        for name, parameter in expected.items():
            _require_tensor(name, weights[name], tuple(parameter.shape))


def require_sound_values(model: Model, fold: int, case: object) -> None:
    """Refuse fitting weights whose values are not finite or too large.

    Raises:
        ModelError: A value is not finite, or two names of one tensor of the network hold different values.
    """
    expected, weights = _parameters(model), model.weights[fold]
    with refused(case, _OTHER_NETWORK):
        _require_shared(expected, weights)
    with refused(case, "Train it again"):
        for name in _distinct(expected, weights):
            _require_finite(name, weights[name])


def require_sound_weights(model: Model, fold: int, case: object) -> None:
    """Refuse weights that `require_fitting_weights` or `require_sound_values` refuses.

    Raises:
        ModelError: They are refused.
    """
    require_fitting_weights(model, fold, case)
    require_sound_values(model, fold, case)


def _parameters(model: Model) -> Weights:
    from onfh_nnunet.models.network import named_parameters

    return named_parameters(model)


def _distinct(expected: Weights, weights: Weights) -> list[str]:
    """One name for each tensor of the network; the names must equal those of the weights."""
    if odd := sorted(expected.keys() ^ weights.keys(), key=str):
        verb = "lacks" if odd[0] in expected else "has"
        raise ValueError(f"has weights that do not fit its plan: it {verb} {shown(odd[0])}")
    first: dict[int, str] = {}
    for name, parameter in expected.items():
        first.setdefault(id(parameter), name)
    return list(first.values())


def _require_tensor(name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    import torch

    if tuple(tensor.shape) != shape:
        raise ValueError(f"has weights that do not fit its plan: {name} is {tuple(tensor.shape)}, expected {shape}")
    if (tensor.dtype, tensor.layout, tensor.device.type) != (torch.float32, torch.strided, "cpu"):
        raise ValueError(f"has weights of another type: {name} is {tensor.dtype}, expected torch.float32")


def _require_shared(expected: Weights, weights: Weights) -> None:
    """Refuse weights where tensors that the network shares differ, or separate tensors are shared."""
    import torch

    first: dict[int, str] = {}
    for name, parameter in expected.items():
        one, other = weights[first.setdefault(id(parameter), name)], weights[name]
        if one.data_ptr() != other.data_ptr() and not torch.equal(one, other):
            raise ValueError(f"has weights that do not fit its plan: {name} and {first[id(parameter)]} differ")
    if len({weights[name].data_ptr() for name in first.values()}) < len(first):
        raise ValueError("has weights that do not fit its plan: two of its tensors are stored as one")


def _require_finite(name: str, tensor: Any) -> None:
    values = tensor.numpy()  # torch would wake its threads for each tensor
    with np.errstate(invalid="ignore"):
        low, high = float(values.min()), float(values.max())  # NaN where any value is
    if not math.isfinite(high - low):
        raise ValueError(f"has weights that are not finite, in {name}")
    if max(-low, high) > WEIGHT:
        raise ValueError(f"has weights up to {max(-low, high):g} in {name}, expected up to {WEIGHT:g}")
