"""Torch engine: half precision where the device computes faster in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.devices import Device
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.network import build_network


class TorchEngine:
    """One network that loads the weights of each fold in turn, so that all folds share its memory.

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
        self._network = build_network(model, first).to(torch.device(device))
        self._device = torch.device(device)
        self._half = None if exact else _half_precision(self._device)
        precision = "single precision" if self._half is None else str(self._half).removeprefix("torch.")
        self.about = f"torch on {device}, {precision}"
        if self._half is None and device is Device.CPU and not exact:
            self.about += ": this CPU has no bfloat16 arithmetic"

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
        import torch

        if len(self._folds) > 1:
            self._network.load_state_dict(weights, assign=True)
        # Inside: a fold's weights in half precision are kept until the block ends.
        with torch.autocast(self._device.type, self._half, enabled=self._half is not None):
            return self._network(data)[0].float()


def _half_precision(device: Any) -> Any:
    """Float16 on an NVIDIA GPU, bfloat16 on a CPU with such instructions, else None."""
    import torch

    if device.type == "cuda":
        return torch.float16
    native = device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.bfloat16 if native else None
