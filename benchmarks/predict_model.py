"""A model file of a network as `--preset paper` plans it for hips of 0.59 mm in plane, with random weights.

    python -m benchmarks.predict_model FILE

Time and memory do not depend on the weights, and no trained model of this size comes with the project.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from onfh_nnunet.bundle import write_bundle
from onfh_nnunet.card import Card
from onfh_nnunet.model import Model

PATCH = (96, 128, 128)
SPACING_MM = (1.0, 0.78, 0.78)
FOLDS = 4


def main() -> None:
    """Write it to the file that the only argument names, and print how many parameters a fold has."""
    from onfh_nnunet.weights import n_parameters

    model = _model()
    write_bundle(Path(sys.argv[1]), model, Card())
    print(n_parameters(model.weights[0]))


def _model() -> Model:
    """Four folds of a plain U-Net of five stages, with random weights."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    network = _architecture()
    kind, arguments, named = network.values()
    folds = {}
    for fold in range(FOLDS):
        torch.manual_seed(fold)
        folds[fold] = get_network_from_plans(kind, arguments, named, 1, 2, deep_supervision=False).state_dict()
    plans = {
        "dataset_name": "Dataset711_ONFH",
        "plans_name": "paper",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {"3d_fullres": _configuration(network)},
    }
    dataset = {
        "channel_names": {"0": "MR"},
        "labels": {"background": 0, "femoral_head": [1, 2], "necrosis": 2},
        "regions_class_order": [1, 2],
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    return Model(plans, dataset, (0, 1, 2), folds)


def _architecture() -> dict[str, Any]:
    features = [32, 64, 128, 256, 320]
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": len(features),
            "features_per_stage": features,
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * len(features),
            "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]],
            "n_conv_per_stage": [2] * len(features),
            "n_conv_per_stage_decoder": [2] * (len(features) - 1),
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


def _configuration(network: dict[str, Any]) -> dict[str, Any]:
    orders = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}
    resampling = {
        f"resampling_fn_{what}_kwargs": {"is_seg": seg, "order": order, "order_z": 0, "force_separate_z": None}
        for what, (seg, order) in orders.items()
    }
    return {
        "data_identifier": "paper_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "batch_dice": False,
        "patch_size": list(PATCH),
        "spacing": list(SPACING_MM),
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        **{f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in orders},
        **resampling,
        "architecture": network,
    }


if __name__ == "__main__":
    main()
