"""Inference engines: torch on any device, or OpenVINO on a CPU, with one interface."""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.choices import EngineName
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.errors import DeviceError
from onfh_nnunet.models.model import Model


class Engine(Protocol):
    """An engine that runs the folds of a network."""

    @property
    def about(self) -> str:
        """The device and precision, for messages."""
        ...

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean of the folds' outputs.

        Args:
            patch: Preprocessed voxels (channel, z, y, x), of the plan's patch size.

        Returns:
            Logits (region, z, y, x).
        """
        ...


def engine_for(model: Model, device: Device, wanted: EngineName, *, exact: bool = False) -> Engine:
    """Choose the engine of a model on a resolved device: on a CPU OpenVINO where installed, else torch.

    Args:
        model: The network.
        device: A resolved device.
        wanted: An engine, or auto.
        exact: Whether to compute in single precision though the machine could be faster in half.

    Raises:
        DeviceError: OpenVINO is asked for and not installed, or on another device than a CPU.
        ModelError: The weights do not fit the plan, or the OpenVINO engine does not support a part of the network.
    """
    installed = importlib.util.find_spec("openvino") is not None
    if wanted is EngineName.OPENVINO and device is not Device.CPU:
        problem = f"runs on a CPU, got device {device}"
        raise DeviceError("engine openvino", problem, "Use `device` cpu or `engine` torch")
    if wanted is EngineName.OPENVINO and not installed:
        raise DeviceError("engine openvino", "is not installed", "Run pip install 'onfh-nnunet[cpu]'")
    if wanted is EngineName.TORCH or device is not Device.CPU or not installed:
        from onfh_nnunet.inference.engine.torch_engine import TorchEngine

        return TorchEngine(model, device, exact=exact)
    from onfh_nnunet.inference.engine.openvino_engine import OpenvinoEngine

    return OpenvinoEngine(model, exact=exact)
