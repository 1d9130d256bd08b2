"""Networks of plans, built by nnU-Net in torch, with the weights of one fold."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.labels import Region
from onfh_nnunet.models.model import Model, Weights
from onfh_nnunet.study.preset import CONFIGURATION


def build_network(model: Model, weights: Weights) -> Any:
    """Build a torch module in evaluation mode, without deep supervision, that shares the weights' memory.

    Raises:
        ModelError: The weights do not fit the plan.
    """
    network = _empty(_architecture(model))
    try:
        network.load_state_dict(dict(weights), assign=True)  # they become the network's: nothing is drawn or copied
    except RuntimeError as error:
        raise ModelError("the model", "has weights that do not fit its plan", "Export it again") from error
    return network.eval()


def named_parameters(model: Model) -> dict[str, Any]:
    """The network's parameters under all their names, without values; aliases are one object."""
    return _parameters(json.dumps(_architecture(model)))


@lru_cache(maxsize=8)
def _parameters(architecture: str) -> dict[str, Any]:
    return dict(_empty(json.loads(architecture)).state_dict(keep_vars=True))


def _architecture(model: Model) -> dict[str, Any]:
    architecture: dict[str, Any] = model.plans["configurations"][CONFIGURATION]["architecture"]
    return architecture


def _empty(architecture: dict[str, Any]) -> Any:
    """The network of one channel and two regions on torch's meta device: shapes without values."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    with torch.device("meta"):
        return get_network_from_plans(
            architecture["network_class_name"],
            architecture["arch_kwargs"],
            architecture["_kw_requires_import"],
            1,
            len(Region),
            allow_init=False,
            deep_supervision=False,
        )
