"""Which nnU-Net models can be loaded: one channel, 3d_fullres, head and necrosis as regions, unmodified plans.

nnU-Net builds a network by calling what the plan names, and takes whatever sizes the plan states. A plan is text: it
may name any function of any module, and sizes without end. So each name is looked up here, each value must be one that
nnU-Net plans, within `bounds`, and the values must fit each other. The checks work on parsed JSON, whatever file it
comes from, and take no memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from onfh_nnunet.core.errors import ModelError
from onfh_nnunet.core.hip_crop import HIP_BOX_ELSEWHERE_MM, HIP_BOX_KEY
from onfh_nnunet.models.bounds import HIP_BOXES_MM, LINE
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.planned_network import LAYERS, NETWORKS, require_network, require_sizes, require_tiles
from onfh_nnunet.models.schema import (
    Check,
    any_value,
    identical,
    line,
    number,
    record,
    refused,
    same,
    shown,
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
        require_sizes(configuration["patch_size"], configuration["spacing"])
        require_network(configuration["architecture"], configuration["patch_size"])
        _require_resampling(configuration)
        _require_normalisation(model, configuration)
        _require_transposes(model.plans, configuration["spacing"])
        require_tiles(configuration, model.hip_box_mm)


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
    yield "network", network["network_class_name"], (*NETWORKS,)
    for argument in network["_kw_requires_import"]:
        yield argument, network["arch_kwargs"][argument], LAYERS
    yield "label manager", plans.get("label_manager", "LabelManager"), ("LabelManager",)
    yield "preprocessor", configuration["preprocessor_name"], ("DefaultPreprocessor",)
    for what in _RESAMPLED:
        yield f"resampling of {what}", configuration[f"resampling_fn_{what}"], (_DEFAULT_RESAMPLING, _TORCH_RESAMPLING)
    for name in configuration["normalization_schemes"]:
        yield "normalisation", name, (*_NORMALISATIONS.values(),)


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
