"""nnU-Net plans of a plain U-Net with regions for head and necrosis, and the network that nnU-Net builds from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onfh_nnunet.models.validation import LABELS
from onfh_nnunet.study.preset import CONFIGURATION

DATASET: dict[str, Any] = {
    "channel_names": {"0": "MR"},
    "labels": LABELS,
    "regions_class_order": [1, 2],
    "numTraining": 1,
    "file_ending": ".nii.gz",
}


def plans(
    name: str,
    patch: Sequence[int],
    spacing_mm: Sequence[float],
    features: Sequence[int],
    strides: Sequence[Sequence[int]],
    decoder: int,
) -> dict[str, Any]:
    """The plans of one configuration.

    Args:
        name: Of the plans.
        patch: Voxels (z, y, x).
        spacing_mm: Of the voxels (z, y, x).
        features: Of each stage.
        strides: Into each stage.
        decoder: Convolutions of a stage on the way up.
    """
    orders = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}
    configuration: dict[str, Any] = {
        "data_identifier": f"{name}_{CONFIGURATION}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "batch_dice": False,
        "patch_size": list(patch),
        "spacing": list(spacing_mm),
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "architecture": _architecture(features, strides, decoder),
    }
    for what, (is_seg, order) in orders.items():
        arguments = {"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}
        configuration[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        configuration[f"resampling_fn_{what}_kwargs"] = arguments
    return {
        "dataset_name": "Dataset711_ONFH",
        "plans_name": name,
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {CONFIGURATION: configuration},
    }


def network(plan: dict[str, Any]) -> Any:
    """The torch module of plans, with random weights."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    architecture = plan["configurations"][CONFIGURATION]["architecture"]
    return get_network_from_plans(*architecture.values(), 1, 2, deep_supervision=False)


def _architecture(features: Sequence[int], strides: Sequence[Sequence[int]], decoder: int) -> dict[str, Any]:
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": len(features),
            "features_per_stage": list(features),
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * len(features),
            "strides": [list(stride) for stride in strides],
            "n_conv_per_stage": [2] * len(features),
            "n_conv_per_stage_decoder": [decoder] * (len(features) - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
