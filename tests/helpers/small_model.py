"""A network of nnU-Net that is whole, and so small that its file has a few kilobytes."""

import copy

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

from onfh_nnunet.models.model import Model

PATCH = (8, 8, 16)
RESAMPLED = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}
NETWORK = {
    "network_class_name": f"{PlainConvUNet.__module__}.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [2, 3],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[1, 3, 3], [3, 3, 3]],
        "strides": [[1, 1, 1], [2, 2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    },
    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
}
CONFIGURATION = {
    "preprocessor_name": "DefaultPreprocessor",
    "patch_size": list(PATCH),
    "spacing": [2.0, 1.5, 1.0],
    "normalization_schemes": ["ZScoreNormalization"],
    "use_mask_for_norm": [False],
    **{f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in RESAMPLED},
    **{
        f"resampling_fn_{what}_kwargs": {"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}
        for what, (is_seg, order) in RESAMPLED.items()
    },
    "architecture": NETWORK,
}
PLANS = {
    "plans_name": "small",
    "image_reader_writer": "SimpleITKIO",
    "label_manager": "LabelManager",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "foreground_intensity_properties_per_channel": {"0": {}},
    "configurations": {"3d_fullres": CONFIGURATION},
}
DATASET = {
    "channel_names": {"0": "MR"},
    "labels": {"background": 0, "femoral_head": [1, 2], "necrosis": 2},
    "regions_class_order": [1, 2],
    "numTraining": 7,
    "file_ending": ".nii.gz",
}


def small_model(*folds, **changes):
    """A model of random folds; a change names a key of the plan's 3d_fullres, its network or that one's arguments."""
    plans = copy.deepcopy(PLANS)
    configuration = plans["configurations"]["3d_fullres"]
    for level in (configuration, configuration["architecture"], configuration["architecture"]["arch_kwargs"]):
        level |= {key: value for key, value in changes.items() if key in level}
    return Model(plans, copy.deepcopy(DATASET), (0, 1), {fold: random_weights(fold) for fold in folds})


def random_weights(seed):
    kind, arguments, named = NETWORK.values()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_network_from_plans(kind, arguments, named, 1, 2, deep_supervision=False).state_dict()
