"""Which nnU-Net models can be loaded: one channel, 3d_fullres, head and necrosis as regions, unmodified plans.

nnU-Net builds a network by calling what the plan names, and takes whatever sizes the plan states. A plan is text: it
may name any function of any module, and sizes without end. So each name is looked up here, each value must be one that
nnU-Net plans, within `bounds`, and the values must fit each other. The checks work on parsed JSON and on
tensors, whatever file they come from, and take no memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.hip_crop import HIP_BOX_ELSEWHERE_MM, HIP_BOX_KEY
from onfh_nnunet.models.bounds import (
    CONVOLUTIONS,
    FEATURE_VALUES,
    FEATURES,
    HIP_BOXES_MM,
    LINE,
    PARAMETERS,
    PATCH,
    SPACING_MM,
    STAGES,
    TILE_STEP,
    TILED_VOXELS,
    WEIGHT,
)
from onfh_nnunet.models.model import Model, Weights
from onfh_nnunet.models.schema import (
    Check,
    any_value,
    identical,
    line,
    listed,
    number,
    record,
    refused,
    same,
    shown,
    whole,
    wrong,
)
from onfh_nnunet.study.preset import CONFIGURATION

LABELS: dict[str, Any] = {"background": 0, "femoral_head": [1, 2], "necrosis": 2}
"""As `onfh convert` writes them; an ignored value may follow."""

TRANSPOSES = {(0, 1, 2): [0, 1, 2], (1, 0, 2): [1, 0, 2], (2, 0, 1): [1, 2, 0]}
"""The orders of axes that nnU-Net plans, with their inverses: the axis of the largest spacing comes first, the others
follow as they are. No planner of nnU-Net makes another order."""

MIRRORS = [None, *([*axes] for count in range(4) for axes in itertools.combinations(range(3), count))]
"""The axes along which a training may mirror; None for a training without mirroring."""

_ORDER = [1, 2]
_IGNORED = 3  # nnU-Net wants it to be the highest value
_UNETS = "dynamic_network_architectures.architectures.unet"
_BLOCKS = {f"{_UNETS}.PlainConvUNet": "n_conv_per_stage", f"{_UNETS}.ResidualEncoderUNet": "n_blocks_per_stage"}
_CONVOLUTION, _NORM = "torch.nn.modules.conv.Conv3d", "torch.nn.modules.instancenorm.InstanceNorm3d"
_NONLINEARITIES = ("torch.nn.LeakyReLU", "torch.nn.modules.activation.LeakyReLU")
_LAYERS = (None, _CONVOLUTION, _NORM, *_NONLINEARITIES)
_DEFAULT_RESAMPLING, _TORCH_RESAMPLING = "resample_data_or_seg_to_shape", "resample_torch_fornnunet"
_RESAMPLED = {"data": (False, 3), "seg": (True, 1), "probabilities": (False, 1)}  # is_seg, order of the spline
_NORMALISATIONS = {
    "ct": "CTNormalization",
    "nonorm": "NoNormalization",
    "rescale_to_0_1": "RescaleTo01Normalization",
    "zscore": "ZScoreNormalization",
}
_CT_INTENSITIES = ("mean", "std", "percentile_00_5", "percentile_99_5")
_CONFIGURATION: dict[str, Check] = dict.fromkeys(
    (
        *("preprocessor_name", "patch_size", "spacing", "normalization_schemes", "use_mask_for_norm", "architecture"),
        *(f"resampling_fn_{what}{end}" for what in _RESAMPLED for end in ("", "_kwargs")),
    ),
    any_value,
)
_OF_TRAINING = ("data_identifier", "batch_size", "batch_dice", "median_image_size_in_voxels")
_OTHER_NETWORK = "Give the plans that it was trained by; a network changed by its trainer is not run"


def require_supported(model: Model, case: object) -> None:
    """Refuse a model that cannot be loaded, or whose plans, labels or mirror axes differ from nnU-Net's.

    Args:
        model: The model; its weights are not looked at.
        case: The file or folder that it is from.

    Raises:
        ModelError: A value is unknown, beyond `bounds`, or does not fit another one.
    """
    if not model.weights:
        raise ModelError(case, "has no fold, expected one or more", "Export it again")
    with refused(case, "Train it on one MR image a hip"):
        _require_channel(model.dataset)
    with refused(case, "Train it by these, as onfh convert writes them; plain labels 0, 1, 2 are not regions"):
        _require_labels(model.dataset)
    with refused(case, "Export it again from where it was trained"):
        _require_box(model.dataset)
        same(*MIRRORS)("mirroring axes", model.mirroring_axes)
    configurations = model.plans.get("configurations")
    configuration = configurations.get(CONFIGURATION) if isinstance(configurations, Mapping) else None
    if not isinstance(configuration, Mapping):
        problem = f"has no configuration {CONFIGURATION} in its plans"
        raise ModelError(case, problem, f"Train one: nnUNetv2_train DATASET {CONFIGURATION} FOLD")
    with refused(case, "Only nnU-Net's own U-Nets are run: train one of these"):
        _require_known_names(model.plans, configuration)
    with refused(case, "Plan and train it with nnU-Net 2.8"):
        record("configuration", configuration, _CONFIGURATION, _OF_TRAINING)
        _require_sizes(configuration["patch_size"], configuration["spacing"])
        _require_network(configuration["architecture"], configuration["patch_size"])
        _require_resampling(configuration)
        _require_normalisation(model, configuration)
        _require_transposes(model.plans, configuration["spacing"])
        _require_tiles(configuration, model.hip_box_mm)


def require_fitting_weights(model: Model, fold: int, case: object) -> None:
    """Refuse weights whose names, shapes or types differ from the plan's network; values are not read.

    Args:
        model: A model that `require_supported` accepts.
        fold: The fold whose weights are meant.
        case: The fold's name, for the message.

    Raises:
        ModelError: The network is too large; or a tensor is missing, unknown, or of another shape or type.
    """
    expected, weights = _parameters(model), model.weights[fold]
    with refused(case, _OTHER_NETWORK):
        names = _distinct(expected, weights)
        if (count := sum(expected[name].numel() for name in names)) > PARAMETERS:
            raise wrong("parameters", count, f"up to {PARAMETERS}")
        for name, parameter in expected.items():
            _require_tensor(name, weights[name], tuple(parameter.shape))


def require_sound_values(model: Model, fold: int, case: object) -> None:
    """Refuse fitting weights whose values are not finite or too large.

    Raises:
        ModelError: A value is not finite, or two names of one tensor of the network hold different values.
    """
    expected, weights = _parameters(model), model.weights[fold]
    with refused(case, _OTHER_NETWORK):
        _require_shared(expected, weights)
    with refused(case, "Train it again"):
        for name in _distinct(expected, weights):
            _require_finite(name, weights[name])


def require_sound_weights(model: Model, fold: int, case: object) -> None:
    """Refuse weights that `require_fitting_weights` or `require_sound_values` refuses.

    Raises:
        ModelError: They are refused.
    """
    require_fitting_weights(model, fold, case)
    require_sound_values(model, fold, case)


def _parameters(model: Model) -> Weights:
    from onfh_nnunet.models.network import named_parameters

    return named_parameters(model)


def _distinct(expected: Weights, weights: Weights) -> list[str]:
    """One name for each tensor of the network; the names must equal those of the weights."""
    if odd := sorted(expected.keys() ^ weights.keys(), key=str):
        verb = "lacks" if odd[0] in expected else "has"
        raise ValueError(f"has weights that do not fit its plan: it {verb} {shown(odd[0])}")
    first: dict[int, str] = {}
    for name, parameter in expected.items():
        first.setdefault(id(parameter), name)
    return list(first.values())


def _require_tensor(name: str, tensor: Any, shape: tuple[int, ...]) -> None:
    import torch

    if tuple(tensor.shape) != shape:
        raise ValueError(f"has weights that do not fit its plan: {name} is {tuple(tensor.shape)}, expected {shape}")
    if (tensor.dtype, tensor.layout, tensor.device.type) != (torch.float32, torch.strided, "cpu"):
        raise ValueError(f"has weights of another type: {name} is {tensor.dtype}, expected torch.float32")


def _require_shared(expected: Weights, weights: Weights) -> None:
    """Refuse weights where tensors that the network shares differ, or separate tensors are shared."""
    import torch

    first: dict[int, str] = {}
    for name, parameter in expected.items():
        one, other = weights[first.setdefault(id(parameter), name)], weights[name]
        if one.data_ptr() != other.data_ptr() and not torch.equal(one, other):
            raise ValueError(f"has weights that do not fit its plan: {name} and {first[id(parameter)]} differ")
    if len({weights[name].data_ptr() for name in first.values()}) < len(first):
        raise ValueError("has weights that do not fit its plan: two of its tensors are stored as one")


def _require_finite(name: str, tensor: Any) -> None:
    values = tensor.numpy()  # torch would wake its threads for each tensor
    with np.errstate(invalid="ignore"):
        low, high = float(values.min()), float(values.max())  # NaN where any value is
    if not math.isfinite(high - low):
        raise ValueError(f"has weights that are not finite, in {name}")
    if max(-low, high) > WEIGHT:
        raise ValueError(f"has weights up to {max(-low, high):g} in {name}, expected up to {WEIGHT:g}")


def _require_channel(dataset: Mapping[str, Any]) -> None:
    channels = dataset.get("channel_names")
    if not isinstance(channels, Mapping) or list(channels) != ["0"]:
        raise ValueError(f"takes the channels {shown(channels)}, expected one")
    line(LINE)("channel", channels["0"])


def _require_labels(dataset: Mapping[str, Any]) -> None:
    labels, order = dataset.get("labels"), dataset.get("regions_class_order")
    items = [*labels.items()] if isinstance(labels, Mapping) else []  # the outputs come in the order of the regions
    known = [*LABELS.items()], [*LABELS.items(), ("ignore", _IGNORED)]
    if not any(identical(items, each) for each in known) or not identical(order, _ORDER):
        got = f"has labels {shown(labels)} in the order {shown(order)}"
        raise ValueError(f"{got}, expected regions {LABELS} in the order {_ORDER}")


def _require_box(dataset: Mapping[str, Any]) -> None:
    low, high = HIP_BOXES_MM
    box = dataset.get(HIP_BOX_KEY, HIP_BOX_ELSEWHERE_MM)
    if type(box) not in (int, float) or not low <= box <= high:
        raise wrong(HIP_BOX_KEY, box, f"from {low:g} to {high:g} mm")


def _require_known_names(plans: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    try:
        named = list(_named(plans, configuration))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"has plans of another form ({shown(error)})") from error
    for what, name, known in named:
        if name not in known:
            raise wrong(what, name, " or ".join(map(str, known)))


def _named(plans: Mapping[str, Any], configuration: Mapping[str, Any]) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """The names in the plans: for each purpose, its name and the known names."""
    network = configuration["architecture"]
    yield "network", network["network_class_name"], (*_BLOCKS,)
    for argument in network["_kw_requires_import"]:
        yield argument, network["arch_kwargs"][argument], _LAYERS
    yield "label manager", plans.get("label_manager", "LabelManager"), ("LabelManager",)
    yield "preprocessor", configuration["preprocessor_name"], ("DefaultPreprocessor",)
    for what in _RESAMPLED:
        yield f"resampling of {what}", configuration[f"resampling_fn_{what}"], (_DEFAULT_RESAMPLING, _TORCH_RESAMPLING)
    for name in configuration["normalization_schemes"]:
        yield "normalisation", name, (*_NORMALISATIONS.values(),)


def _require_sizes(patch: Any, spacing: Any) -> None:
    (fewest, most), (low, high) = PATCH, SPACING_MM
    three = all(isinstance(each, list | tuple) and len(each) == 3 for each in (patch, spacing))
    if not three or not all(type(n) is int and fewest <= n <= most for n in patch):
        got = f"has patch {shown(patch)} and spacing {shown(spacing)}"
        raise ValueError(f"{got}, expected three of each, the patch of {fewest} to {most} voxels")
    if not all(type(mm) in (int, float) and low <= mm <= high for mm in spacing):
        raise wrong("spacing", spacing, f"above 0, from {low:g} to {high:g} mm")


def _require_network(network: Mapping[str, Any], patch: list[int]) -> None:
    imported = ["conv_op", "norm_op", "dropout_op", "nonlin"]
    keys = ("network_class_name", "arch_kwargs")
    record("architecture", network, {"_kw_requires_import": same(imported), **dict.fromkeys(keys, any_value)})
    arguments, blocks = network["arch_kwargs"], _BLOCKS[network["network_class_name"]]
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


def _require_resampling(configuration: Mapping[str, Any]) -> None:
    for what, (is_seg, order) in _RESAMPLED.items():
        torch = {"is_seg": is_seg, "force_separate_z": False, "memefficient_seg_resampling": False}
        known: dict[str, list[Any]] = {
            _DEFAULT_RESAMPLING: [{"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}],
            _TORCH_RESAMPLING: [torch, torch | {"force_separate_z": None, "separate_z_anisotropy_threshold": 3}],
        }
        name = f"resampling_fn_{what}"
        same(*known[configuration[name]])(f"{name}_kwargs", configuration[f"{name}_kwargs"])


def _require_normalisation(model: Model, configuration: Mapping[str, Any]) -> None:
    """Refuse another normalisation than nnU-Net's for the channel's name: z-score with few exceptions."""
    channel = model.dataset["channel_names"]["0"]
    scheme = _NORMALISATIONS.get(channel.casefold(), _NORMALISATIONS["zscore"])
    same([scheme])(f"normalisation of channel {channel}", configuration["normalization_schemes"])
    same([True], [False])("use_mask_for_norm", configuration["use_mask_for_norm"])
    key = "foreground_intensity_properties_per_channel"
    intensities = model.plans.get(key, model.plans.get("foreground_intensity_properties_by_modality"))
    if not isinstance(intensities, Mapping) or not isinstance(intensities.get("0"), Mapping):
        raise wrong(key, intensities, "those of channel 0")
    if scheme == _NORMALISATIONS["ct"]:
        for name in _CT_INTENSITIES:
            number(-1e6, 1e6)(name, intensities["0"].get(name))


def _require_transposes(plans: Mapping[str, Any], spacing: list[float]) -> None:
    """Refuse transposes that are not inverse, or in an order that nnU-Net does not plan for this spacing."""
    forward: Any = plans.get("transpose_forward")
    backward: Any = plans.get("transpose_backward")
    same(*[list(order) for order in TRANSPOSES])("transpose_forward", forward)
    same(TRANSPOSES[tuple(forward)])("transpose_backward", backward)
    untransposed = [spacing[axis] for axis in backward]
    if forward != [0, 1, 2] and untransposed.index(max(untransposed)) != forward[0]:
        raise wrong("transpose_forward", forward, f"the axis of the largest of {untransposed} mm first")


def _require_tiles(configuration: Mapping[str, Any], box_mm: float) -> None:
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
