"""The network of a plan: layers, sizes and work within `bounds`, as nnU-Net's planners write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from onfh_nnunet.models.bounds import (
    CONVOLUTIONS,
    FEATURE_VALUES,
    FEATURES,
    PATCH,
    SPACING_MM,
    STAGES,
    TILE_STEP,
    TILED_VOXELS,
)
from onfh_nnunet.models.schema import Check, any_value, listed, record, same, shown, whole, wrong

_UNETS = "dynamic_network_architectures.architectures.unet"
NETWORKS = {f"{_UNETS}.PlainConvUNet": "n_conv_per_stage", f"{_UNETS}.ResidualEncoderUNet": "n_blocks_per_stage"}
_CONVOLUTION, _NORM = "torch.nn.modules.conv.Conv3d", "torch.nn.modules.instancenorm.InstanceNorm3d"
_NONLINEARITIES = ("torch.nn.LeakyReLU", "torch.nn.modules.activation.LeakyReLU")
LAYERS = (None, _CONVOLUTION, _NORM, *_NONLINEARITIES)


def require_sizes(patch: Any, spacing: Any) -> None:
    """Refuse a patch (voxels) or a spacing (mm) that is not three numbers within bounds."""
    (fewest, most), (low, high) = PATCH, SPACING_MM
    three = all(isinstance(each, list | tuple) and len(each) == 3 for each in (patch, spacing))
    if not three or not all(type(n) is int and fewest <= n <= most for n in patch):
        got = f"has patch {shown(patch)} and spacing {shown(spacing)}"
        raise ValueError(f"{got}, expected three of each, the patch of {fewest} to {most} voxels")
    if not all(type(mm) in (int, float) and low <= mm <= high for mm in spacing):
        raise wrong("spacing", spacing, f"above 0, from {low:g} to {high:g} mm")


def require_network(network: Mapping[str, Any], patch: list[int]) -> None:
    """Refuse a U-Net whose stages, layers or strides no planner writes, or that the patch does not fit."""
    imported = ["conv_op", "norm_op", "dropout_op", "nonlin"]
    keys = ("network_class_name", "arch_kwargs")
    record("architecture", network, {"_kw_requires_import": same(imported), **dict.fromkeys(keys, any_value)})
    arguments, blocks = network["arch_kwargs"], NETWORKS[network["network_class_name"]]
    stages = whole(*STAGES)
    stages("n_stages", arguments.get("n_stages"))
    n = arguments["n_stages"]
    convolutions = whole(*CONVOLUTIONS)
    stagewise = {
        "features_per_stage": listed(whole(*FEATURES), n, n),
        "kernel_sizes": listed(listed(same(1, 3), 3, 3), n, n),
        "strides": listed(listed(same(1, 2), 3, 3), n, n),
        blocks: listed(convolutions, n, n),
        "n_conv_per_stage_decoder": listed(convolutions, n - 1, n - 1),
    }
    record("arch_kwargs", arguments, {"n_stages": stages, **stagewise, **_LAYER_ARGUMENTS})
    strides = arguments["strides"]
    same([1, 1, 1])("first stride", strides[0])  # the output has the patch's voxels
    steps = [math.prod(axis) for axis in zip(*strides, strict=True)]
    if any(edge % step for edge, step in zip(patch, steps, strict=True)) or math.prod(patch) == math.prod(steps):
        raise wrong("patch", patch, f"a multiple of the strides {steps}, and more than one voxel in the last stage")


_LAYER_ARGUMENTS: dict[str, Check] = {
    "conv_op": same(_CONVOLUTION),
    "conv_bias": same(True),
    "norm_op": same(_NORM),
    "norm_op_kwargs": same({"eps": 1e-5, "affine": True}),
    "dropout_op": same(None),
    "dropout_op_kwargs": same(None),
    "nonlin": same(*_NONLINEARITIES),
    "nonlin_kwargs": same({"inplace": True}),
}
"""As every planner of nnU-Net writes them."""


def require_tiles(configuration: Mapping[str, Any], box_mm: float) -> None:
    """Refuse plans where the patches that cover one hip need too much work."""
    patch, spacing = configuration["patch_size"], configuration["spacing"]
    features = configuration["architecture"]["arch_kwargs"]["features_per_stage"][0]
    box = [math.ceil(box_mm / mm) for mm in spacing]
    if any(edge > max(2 * n, 32) for edge, n in zip(patch, box, strict=True)):
        raise wrong("patch", patch, f"no more than twice the box of a hip, {box} voxels of {spacing} mm")
    if (values := math.prod(patch) * features) > FEATURE_VALUES:
        raise wrong("patch", patch, f"up to {FEATURE_VALUES} values in its {features} features, not {values}")
    tiles = math.prod(
        max(math.ceil((n - edge) / (edge * TILE_STEP)), 0) + 1 for n, edge in zip(box, patch, strict=True)
    )
    if (voxels := tiles * math.prod(patch)) > TILED_VOXELS:
        work = f"{tiles} patches for a hip of {box} voxels of {spacing} mm, {voxels} voxels in all"
        raise ValueError(f"needs {work}, expected up to {TILED_VOXELS}")
