"""Experimental inference methods that `onfh predict` does not offer, to measure their gain and cost."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onfh_nnunet.core.labels import Region
from onfh_nnunet.core.volume import Volume
from onfh_nnunet.inference.engine import Engine
from onfh_nnunet.inference.segmenter import HipSegmenter

if TYPE_CHECKING:
    from onfh_nnunet.models.model import Model


BACKGROUND = np.float32(-20)
"""The logit of a voxel that the network is not asked about."""


@dataclass(frozen=True)
class RegionEngine:
    """An engine that runs the network on the middle of a patch only: fewer voxels than in training.

    Args:
        engine: One that takes any size.
        size: Voxels of the middle (z, y, x).
    """

    engine: Engine
    size: tuple[int, ...]

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Background around the middle; see `Engine`."""
        starts = [(n - edge) // 2 for n, edge in zip(patch.shape[1:], self.size, strict=True)]
        middle = (slice(None), *(slice(start, start + n) for start, n in zip(starts, self.size, strict=True)))
        total = np.full((len(Region), *patch.shape[1:]), BACKGROUND)
        total[middle] = self.engine.logits(np.ascontiguousarray(patch[middle]))
        return total


@dataclass(frozen=True)
class Int8Engine:
    """One fold in 8-bit integers on OpenVINO, quantised by NNCF after training, on patches of training hips."""

    compiled: Any

    @classmethod
    def of(cls, model: Model, hips: Sequence[Volume]) -> Int8Engine:
        """The only fold of a model; ranges are those of some hips' patches."""
        from onfh_nnunet.core.no_telemetry import import_openvino
        from onfh_nnunet.inference.engine.graph import build_graph
        from onfh_nnunet.models.network import build_network

        ov = import_openvino()
        import nncf  # type: ignore[import-untyped]

        seen = _Recorder()
        for hip in hips:
            HipSegmenter(model, seen).probabilities(hip)
        (weights,) = model.weights.values()
        graph = build_graph(build_network(model, weights), seen.patches[0].shape)
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
            quantised = nncf.quantize(graph, nncf.Dataset(seen.patches), subset_size=len(seen.patches))
        return cls(ov.Core().compile_model(quantised, "CPU", {"PERFORMANCE_HINT": "LATENCY"}))

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine`."""
        logits: NDArray[np.float32] = self.compiled(patch[None])[0][0].astype(np.float32)
        return logits


@dataclass(frozen=True)
class _Recorder:
    patches: list[NDArray[np.float32]] = field(default_factory=list)

    def logits(self, patch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.patches.append(patch[None].copy())
        return np.zeros((len(Region), *patch.shape[1:]), np.float32)
