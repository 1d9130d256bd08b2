"""Which of nnU-Net's models are ours to run: one channel, 3d_fullres, head and necrosis as regions, known parts.

nnU-Net builds a network by calling what the plan names. A plan is text, and yet may name any function of any module:
so each name is looked up here first, and a plan from elsewhere runs nothing but the network's own parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onfh_nnunet.cut import HIP_BOX_ELSEWHERE_MM, HIP_BOX_KEY
from onfh_nnunet.errors import ModelError
from onfh_nnunet.model import Model
from onfh_nnunet.preset import CONFIGURATION

LABELS: dict[str, Any] = {"background": 0, "femoral_head": [1, 2], "necrosis": 2}
"""As `onfh convert` writes them; an ignored value may follow."""

HIP_BOXES_MM = (40.0, 300.0)
"""Edges of a box around a head that make sense: from a small head alone to both hips."""

_ORDER = [1, 2]
_UNETS = "dynamic_network_architectures.architectures.unet"
_NETWORKS = (f"{_UNETS}.PlainConvUNet", f"{_UNETS}.ResidualEncoderUNet")
_LAYERS = (
    None,
    "torch.nn.modules.conv.Conv3d",
    "torch.nn.modules.instancenorm.InstanceNorm3d",
    "torch.nn.LeakyReLU",
    "torch.nn.modules.activation.LeakyReLU",
)
_RESAMPLING = ("resample_data_or_seg_to_shape", "resample_torch_fornnunet", "resample_torch_simple")
_NORMALISATIONS = ("ZScoreNormalization", "CTNormalization", "NoNormalization", "RescaleTo01Normalization")


def require_supported(model: Model, case: object) -> None:
    """Refuse a model that `predict` cannot run, or that names what is no part of a network.

    Args:
        model: The model.
        case: The file or folder that it is from.

    Raises:
        ModelError: It is of another configuration, channel count or labels, or names an unknown part.
    """
    if not model.weights:
        raise ModelError(case, "has no fold, expected one or more", "Export it again")
    _require_labels(model.dataset, case)
    _require_box(model.dataset, case)
    if not isinstance(model.plans.get("configurations"), Mapping) or CONFIGURATION not in model.plans["configurations"]:
        problem = f"has no configuration {CONFIGURATION} in its plans"
        raise ModelError(case, problem, f"Train one: nnUNetv2_train DATASET {CONFIGURATION} FOLD")
    try:
        named = list(_named(model.plans, model.plans["configurations"][CONFIGURATION]))
        _require_sizes(model.plans["configurations"][CONFIGURATION])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelError(
            case, f"has plans of another form ({error!r})", "Plan and train it with nnU-Net 2.8"
        ) from error
    for what, name, known in named:
        if name not in known:
            problem = f"has {what} {name!r}, expected {' or '.join(map(str, known))}"
            raise ModelError(case, problem, "Only nnU-Net's own U-Nets are run: train one of these")


def _require_labels(dataset: Mapping[str, Any], case: object) -> None:
    channels, labels = dataset.get("channel_names"), dataset.get("labels")
    if not isinstance(channels, Mapping) or len(channels) != 1:
        raise ModelError(case, f"takes the channels {channels}, expected one", "Train it on one MR image a hip")
    ours = [*LABELS.items()]
    got = [*labels.items()] if isinstance(labels, Mapping) else []
    if [item for item in got if item[0] != "ignore"] != ours or dataset.get("regions_class_order") != _ORDER:
        problem = f"has labels {labels} in the order {dataset.get('regions_class_order')}, expected regions {LABELS}"
        remedy = "Train it by these, as onfh convert writes them; plain labels 0, 1, 2 are not regions"
        raise ModelError(case, f"{problem} in the order {_ORDER}", remedy)


def _require_box(dataset: Mapping[str, Any], case: object) -> None:
    box = dataset.get(HIP_BOX_KEY, HIP_BOX_ELSEWHERE_MM)
    low, high = HIP_BOXES_MM
    if isinstance(box, bool) or not isinstance(box, int | float) or not low <= box <= high:
        problem = f"has {HIP_BOX_KEY} {box!r}, expected from {low:g} to {high:g} mm"
        raise ModelError(case, problem, "Export it again from where it was trained")


def _require_sizes(configuration: Mapping[str, Any]) -> None:
    patch, spacing = configuration["patch_size"], configuration["spacing"]
    if [len(patch), len(spacing)] != [3, 3] or not all(isinstance(n, int) and n > 0 for n in patch):
        raise ValueError(f"patch {patch} and spacing {spacing}, expected three of each")
    if not (all(n > 0 for n in spacing) and configuration["architecture"]["arch_kwargs"]["n_stages"] > 0):
        raise ValueError(f"spacing {spacing}, expected above 0")


def _named(plans: Mapping[str, Any], configuration: Mapping[str, Any]) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """What the plan names: for what, its name, and the names that are known."""
    network = configuration["architecture"]
    yield "network", network["network_class_name"], _NETWORKS
    for argument in network["_kw_requires_import"]:
        yield argument, network["arch_kwargs"][argument], _LAYERS
    yield "label manager", plans.get("label_manager"), (None, "LabelManager")
    yield "preprocessor", configuration["preprocessor_name"], ("DefaultPreprocessor",)
    for what in ("data", "seg", "probabilities"):
        yield f"resampling of {what}", configuration[f"resampling_fn_{what}"], _RESAMPLING
    for name in configuration["normalization_schemes"]:
        yield "normalisation", name, _NORMALISATIONS
