"""The folds on OpenVINO, for a CPU: bfloat16 where the CPU has it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.engine.network import network_of
from onfh_nnunet.model import Model
from onfh_nnunet.preset import CONFIGURATION


class OpenvinoEngine:
    """The folds, each compiled for patches of the plan's size.

    Args:
        model: The network.
        exact: Single precision.

    Raises:
        ModelError: The weights do not fit the plan, or the network has a layer that `graph_of` does not know.
    """

    def __init__(self, model: Model, *, exact: bool = False) -> None:
        import openvino as ov

        from onfh_nnunet.engine.graph import graph_of

        core = ov.Core()
        half = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") and not exact
        settings = {"INFERENCE_PRECISION_HINT": "bf16" if half else "f32", "PERFORMANCE_HINT": "LATENCY"}
        size = model.plans["configurations"][CONFIGURATION]["patch_size"]
        shape = (1, len(model.dataset["channel_names"]), *size)
        self._folds: list[Any] = [
            core.compile_model(graph_of(network_of(model, weights), shape), "CPU", settings)
            for weights in model.weights.values()
        ]

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean over the folds; see `Engine`."""
        total = np.array(self._folds[0](patch[None])[0][0], np.float32)
        for fold in self._folds[1:]:
            total += fold(patch[None])[0][0]
        return total / np.float32(len(self._folds))
