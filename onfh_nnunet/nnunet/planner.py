"""nnU-Net experiment planners with a fixed number of stages."""

from __future__ import annotations

from typing import Any

import numpy as np
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (
    nnUNetPlannerResEncM,
)

from onfh_nnunet.core.errors import TrainingError
from onfh_nnunet.core.hip_crop import HIP_BOX_KEY, HIP_BOX_MM

__all__ = ["FiveStagePlanner", "LaptopPlanner", "QuickPlanner", "nnUNetPlannerResEncM"]


class FiveStagePlanner(ExperimentPlanner):
    """Plans a 3D U-Net of exactly `n_stages` stages.

    nnU-Net takes the number of stages from patch size and spacing. Here its own topology is cut off after the last
    wanted stage: strides, kernels and features keep belonging together, and a patch that could be halved more often
    can be halved this often. When the scans are so thin that there are too few stages, the smallest feature map may
    shrink from 4 to 2 voxels.
    """

    n_stages = 5

    def get_plans_for_configuration(self, spacing: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """nnU-Net's plan of a configuration with the fixed stages; a 2D configuration is unchanged."""
        plan: dict[str, Any] = super().get_plans_for_configuration(spacing, *args, **kwargs)
        if len(spacing) == 2:
            return plan
        if self._stages(plan) < self.n_stages:
            self.UNet_featuremap_min_edge_length = 2
            plan = super().get_plans_for_configuration(spacing, *args, **kwargs)
        if self._stages(plan) < self.n_stages:
            problem = (
                f"allows {self._stages(plan)} stages with a patch of {plan['patch_size']}, expected {self.n_stages}"
            )
            raise TrainingError("plan", problem, "Give scans with more voxels around the head")
        return self._held(plan)

    @staticmethod
    def _stages(plan: dict[str, Any]) -> int:
        return int(plan["architecture"]["arch_kwargs"]["n_stages"])

    def _held(self, plan: dict[str, Any]) -> dict[str, Any]:
        network = plan["architecture"]["arch_kwargs"]
        network["n_stages"] = self.n_stages
        for stagewise in ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage"):
            network[stagewise] = network[stagewise][: self.n_stages]
        network["n_conv_per_stage_decoder"] = network["n_conv_per_stage_decoder"][: self.n_stages - 1]
        return plan


class QuickPlanner(FiveStagePlanner):
    """A U-Net of four stages and half the features: four folds train on two cores within minutes."""

    n_stages = 4

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.UNet_base_num_features = 16


class LaptopPlanner(FiveStagePlanner):
    """The study's five stages for a CPU: half of nnU-Net's features, and one network and patch for every cohort.

    What nnU-Net plans for cubes of the box of `onfh convert`, whatever the scans are: 16, 32, 64, 128 and 160 features,
    and 48 voxels halved four times. So a model of one cohort can be trained further on any other one. The way up has
    one convolution a stage: it is at the highest resolutions that a CPU spends its time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.UNet_base_num_features = 16
        self.UNet_max_features_3d = 160
        self.UNet_featuremap_min_edge_length = 3
        self.UNet_blocks_per_stage_decoder = (1,) * (self.n_stages - 1)

    def get_plans_for_configuration(self, spacing: Any, size: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The one plan of every cohort in 3D; a 2D configuration is nnU-Net's own.

        Raises:
            TrainingError: The dataset's hips lie in boxes of another size, which the patch would cut or not fill.
        """
        if len(spacing) == 2:
            return super().get_plans_for_configuration(spacing, size, *args, **kwargs)
        if (box_mm := self.dataset_json.get(HIP_BOX_KEY)) != HIP_BOX_MM:
            problem = f"has hips in boxes of {box_mm} mm, expected {HIP_BOX_MM:g}, which its one patch holds"
            raise TrainingError("the dataset", problem, "Run onfh convert again, or plan with another preset")
        box = np.rint(HIP_BOX_MM / np.asarray(spacing)).astype(int)
        plan = super().get_plans_for_configuration(spacing, box, *args, **kwargs)
        return plan | {"batch_size": self.UNet_min_batch_size, "median_image_size_in_voxels": size}

    def determine_normalization_scheme_and_whether_mask_is_used_for_norm(self) -> Any:
        """nnU-Net's scheme, by all voxels even where scans have much empty space around the patient."""
        schemes, _ = super().determine_normalization_scheme_and_whether_mask_is_used_for_norm()
        return schemes, [False] * len(schemes)
