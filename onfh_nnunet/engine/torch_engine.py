"""The folds on torch: half precision where the device computes faster in it."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.devices import Device
from onfh_nnunet.engine.network import network_of
from onfh_nnunet.model import Model


class TorchEngine:
    """One network; the folds' weights are put into it in turn, so that they share its memory.

    Args:
        model: The network.
        device: A resolved device.
        exact: Single precision.

    Raises:
        ModelError: The weights do not fit the plan.
    """

    def __init__(self, model: Model, device: Device, *, exact: bool = False) -> None:
        import torch

        first, *_ = self._folds = [dict(weights) for weights in model.weights.values()]
        self._network = network_of(model, first).to(torch.device(device))
        self._device = torch.device(device)
        self._precision = contextlib.nullcontext if exact else self._half

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean over the folds; see `Engine`."""
        import torch

        with torch.inference_mode():
            data = torch.from_numpy(patch[None]).to(self._device)
            total = self._fold(self._folds[0], data)
            for weights in self._folds[1:]:
                total += self._fold(weights, data)
            total /= len(self._folds)
        mean: NDArray[np.float32] = total.cpu().numpy()
        return mean

    def _fold(self, weights: dict[str, Any], data: Any) -> Any:
        if len(self._folds) > 1:
            self._network.load_state_dict(weights, assign=True)
        with self._precision():  # a fold's weights in half precision are kept until it ends
            return self._network(data)[0].float()

    def _half(self) -> contextlib.AbstractContextManager[Any]:
        """Float16 on a GPU, bfloat16 on a CPU that has it in its instructions."""
        import torch

        if self._device.type == "cuda":
            return torch.autocast("cuda")
        native = self._device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
        return torch.autocast("cpu", torch.bfloat16) if native else contextlib.nullcontext()
