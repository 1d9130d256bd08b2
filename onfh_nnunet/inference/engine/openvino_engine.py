"""OpenVINO engine for a CPU: bfloat16 where the CPU supports it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.no_telemetry import import_openvino
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.network import build_network
from onfh_nnunet.study.preset import CONFIGURATION


class OpenvinoEngine:
    """The folds, each compiled for patches of the plan's size.

    Args:
        model: The network.
        exact: Single precision.

    Raises:
        ModelError: The weights do not fit the plan, or the network has a layer that `build_graph` does not know.
    """

    def __init__(self, model: Model, *, exact: bool = False) -> None:
        from onfh_nnunet.inference.engine.graph import build_graph

        core = import_openvino().Core()
        half = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") and not exact
        self.about = f"OpenVINO, {'bfloat16' if half else 'single precision'}"
        if not half and not exact:
            self.about += ": this CPU has no bfloat16 arithmetic"
        settings = {"INFERENCE_PRECISION_HINT": "bf16" if half else "f32", "PERFORMANCE_HINT": "LATENCY"}
        size = model.plans["configurations"][CONFIGURATION]["patch_size"]
        shape = (1, len(model.dataset["channel_names"]), *size)
        self._folds: list[Any] = [
            core.compile_model(build_graph(build_network(model, weights), shape), "CPU", settings)
            for weights in model.weights.values()
        ]

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean over the folds; see `Engine`."""
        total = self._of_fold(self._folds[0], patch)
        for fold in self._folds[1:]:
            total += self._of_fold(fold, patch)
        total /= np.float32(len(self._folds))
        return total

    @staticmethod
    def _of_fold(fold: Any, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output of one fold; its working memory, as large as all weights, is free for the next fold."""
        logits: NDArray[np.float32] = fold.create_infer_request().infer(patch[None])[0][0]
        fold.release_memory()
        return logits
