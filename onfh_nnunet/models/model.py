"""Trained models in memory: nnU-Net's plans, the dataset's labels and the weights of one or more folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.hip_crop import HIP_BOX_ELSEWHERE_MM, HIP_BOX_KEY
from onfh_nnunet.study.preset import CONFIGURATION

if TYPE_CHECKING:
    import torch

Weights = Mapping[str, "torch.Tensor"]

_MEANINGFUL = (
    *("patch_size", "spacing", "normalization_schemes", "use_mask_for_norm"),
    *(f"resampling_fn_{what}{end}" for what in ("data", "probabilities") for end in ("", "_kwargs")),
)


@dataclass(frozen=True)
class Model:
    """Everything that prediction needs; data only, no code.

    Args:
        plans: nnU-Net's plans.
        dataset: nnU-Net's dataset.json.
        mirroring_axes: Array axes along which training mirrored, for test-time augmentation; None when it did not.
        weights: The network's weights by fold.
    """

    plans: Mapping[str, Any]
    dataset: Mapping[str, Any]
    mirroring_axes: tuple[int, ...] | None
    weights: Mapping[int, Weights]

    @property
    def hip_box_mm(self) -> float:
        """Edge of the training cube around a head, in mm."""
        return float(self.dataset.get(HIP_BOX_KEY, HIP_BOX_ELSEWHERE_MM))

    @property
    def data_format(self) -> dict[str, Any]:
        """The parts of plans and dataset that define the input and output of the weights.

        Array axes are z, y, x: to the patient's head, back and left.
        """
        plan = self.plans["configurations"][CONFIGURATION]
        return {
            "axes": ["head", "back", "left"],
            "folds": sorted(self.weights),
            "channels": list(self.dataset["channel_names"].values()),
            "regions": [name for name in self.dataset["labels"] if name not in ("background", "ignore")],
            HIP_BOX_KEY: self.hip_box_mm,
            "mirroring_axes": None if self.mirroring_axes is None else list(self.mirroring_axes),
            **{name: self.plans[name] for name in ("transpose_forward", "transpose_backward")},
            **{name: plan[name] for name in _MEANINGFUL},
        }

    def of_folds(self, folds: tuple[int, ...] | None) -> Model:
        """The model with some of its folds only; None keeps all.

        Raises:
            ModelError: It has no such fold.
        """
        if folds is None:
            return self
        if absent := [fold for fold in folds if fold not in self.weights]:
            problem = f"has folds {sorted(self.weights)}, and fold {absent[0]} is asked for"
            raise ModelError("the model", problem, "Name folds that it has")
        return Model(self.plans, self.dataset, self.mirroring_axes, {fold: self.weights[fold] for fold in folds})


def stored_names(weights: Weights) -> dict[str, str]:
    """Map each tensor name to the first name of the same memory; nnU-Net lists most under up to four names."""
    first: dict[tuple[int, tuple[int, ...]], str] = {}
    return {name: first.setdefault((tensor.data_ptr(), tensor.shape), name) for name, tensor in weights.items()}


def n_parameters(weights: Weights) -> int:
    """The number of parameters of a network."""
    return sum(weights[name].numel() for name in set(stored_names(weights).values()))
